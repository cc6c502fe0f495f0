// Primitives that differ from call to call by numbers that grow.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c {

using Numbers = std::vector<std::int64_t>;

// Of a primitive, the numbers that may grow, and the primitive for others.
struct Growable {
  Numbers numbers;
  std::function<std::shared_ptr<mlx::core::Primitive>(const Numbers&)> with;
};

// Nothing if no number of the primitive may grow.
std::optional<Growable> growable(mlx::core::Primitive& primitive);

}  // namespace mlx_c
