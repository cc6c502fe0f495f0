// What an exporter tells its callback, behind handles.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <mlx/export.h>

#include "core/handle.hpp"
#include "mlx/c/export_value.h"

namespace mlx_c {

struct export_value;
using export_list = std::vector<export_value>;
// Entries that mean something by their place: a shape, or a few values of several kinds.
struct ExportTuple {
  export_list entries;
};
using export_map = std::vector<std::pair<std::string, export_value>>;

// In the order of mlx_export_kind.
struct export_value {
  std::variant<
      std::monostate,
      bool,
      int64_t,
      double,
      std::string,
      mlx::core::Dtype,
      mlx::core::array,
      export_list,
      ExportTuple,
      export_map>
      value;
};

MLX_C_HANDLE(mlx_export_value, export_value, "export_value")

export_value to_export_value(const mlx::core::ExportCallbackInput& input);

}  // namespace mlx_c
