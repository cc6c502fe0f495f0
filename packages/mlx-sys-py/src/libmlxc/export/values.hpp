// The values that an exporter passes to its callback, as handles.
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

struct ExportValue;
using ExportList = std::vector<ExportValue>;
// A tuple: a shape, or a few values of several kinds.
struct ExportTuple {
  ExportList entries;
};
using ExportMap = std::vector<std::pair<std::string, ExportValue>>;

// In the order of mlx_export_kind.
struct ExportValue {
  std::variant<
      std::monostate,
      bool,
      int64_t,
      double,
      std::string,
      mlx::core::Dtype,
      mlx::core::array,
      ExportList,
      ExportTuple,
      ExportMap>
      value;
};

MLX_C_HANDLE(mlx_export_value, ExportValue, "export_value")

ExportValue to_export_value(const mlx::core::ExportCallbackInput& input);

}  // namespace mlx_c
