// Whether this thread records a function in order to differentiate it in reverse.
#pragma once

namespace mlx_c::cpu {

// How many such recordings are under way, one in another. MLX's own count is not exported.
inline constinit thread_local int traces_gradients = 0;

// Records while it exists.
class GradientTracing {
 public:
  GradientTracing() {
    traces_gradients++;
  }
  ~GradientTracing() {
    traces_gradients--;
  }
  GradientTracing(const GradientTracing&) = delete;
  GradientTracing& operator=(const GradientTracing&) = delete;
};

}  // namespace mlx_c::cpu
