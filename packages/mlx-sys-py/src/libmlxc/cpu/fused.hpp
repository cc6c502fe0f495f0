// What the primitives of our own have in common.
#pragma once

#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <vector>

#include "delegate.hpp"
#include "kernels.hpp"
#include "mlx/utils.h"
#include "view.hpp"

namespace mlx_c::cpu {

// Only made of arrays that no transformation traces, for a stream of the CPU.
class Fused : public Kernel {
 public:
  using Kernel::Kernel;

  void eval_gpu(const std::vector<array>&, std::vector<array>&) override {
    throw std::runtime_error("a primitive of the CPU was put on another device");
  }
};

// Whether arrays like these, all of one type, can be given to a Fused on this stream.
inline bool can_fuse(
    std::initializer_list<std::reference_wrapper<const mlx::core::array>> arrays,
    mlx::core::StreamOrDevice s) {
  const mlx::core::Dtype type = arrays.begin()->get().dtype();
  if (!float_type(type)) return false;
  for (const mlx::core::array& a : arrays)
    if (a.is_tracer() || a.dtype() != type || a.size() == 0) return false;
  return mlx::core::to_stream(s).device == mlx::core::Device::cpu && kernels();
}

}  // namespace mlx_c::cpu
