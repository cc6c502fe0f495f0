// Functions as MLX's transformations are given them.
#pragma once

#include <memory>
#include <utility>

#include "core/handle.hpp"
#include "core/payload.hpp"
#include "core/stack_check.hpp"

namespace mlx_c {

// A function whose copies cost nothing: MLX's transformations keep several of what they are given,
// so that functions nested in each other would grow with a power of their depth. However deep that
// is, calling and freeing them does not overflow the stack.
inline Function get_shared(mlx_closure handle, const char* argument) {
  auto function = std::make_unique<Function>(get(handle, argument));
  std::shared_ptr<Function> shared(function.release(), [](Function* nested) {
    free_in_turn([](void* data) { delete static_cast<Function*>(data); }, nested);
  });
  return [shared = std::move(shared)](const Arrays& inputs) {
    check_stack();
    return (*shared)(inputs);
  };
}

}  // namespace mlx_c
