// Handles that keep no node alive: MLX has none.
#pragma once

#include <memory>
#include <optional>

#include <mlx/array.h>
#include <mlx/primitives.h>

namespace mlx_c::cpu {

class WeakNode {
 public:
  explicit WeakNode(const mlx::core::array& array);

  // Nothing if no handle is left.
  std::optional<mlx::core::array> lock() const;

 private:
  std::weak_ptr<void> node_;
};

// Makes a node that was scheduled an unscheduled one again, without data and inputs.
void unschedule(mlx::core::array& array, std::shared_ptr<mlx::core::Primitive> primitive);

}  // namespace mlx_c::cpu
