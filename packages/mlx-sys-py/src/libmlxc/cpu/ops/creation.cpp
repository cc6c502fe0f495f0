// Arrays computed from parameters: arange and full.
#include <algorithm>
#include <complex>
#include <cstdint>
#include <type_traits>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Elements of one task, and of one block that is converted.
constexpr std::size_t task_size = 1 << 15;
constexpr std::size_t block_size = 1024;

// Truncates and saturates: out of range, the conversion of C++ is undefined.
std::uint64_t to_integer(double value) {
  if (value >= 0x1p64) {
    return ~std::uint64_t{0};
  }
  if (value >= 0x1p63) {
    return static_cast<std::uint64_t>(value);
  }
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(std::max(value, -0x1p63)));
}

struct Numbering {
  double start, step;
  void* target;
  std::size_t size;
  mx::Dtype type;

  template <class F>
  void in_tasks(F&& number) const {
    parallel_for(static_cast<int>((size + task_size - 1) / task_size), [&](int task) {
      for (std::size_t i = task * task_size; i < std::min(size, (task + 1) * task_size); i++) {
        number(i);
      }
    });
  }

  // Start and step are converted to integers, and the arithmetic wraps around.
  template <class T>
  void integers() const {
    const std::uint64_t first = static_cast<std::uint64_t>(static_cast<T>(to_integer(start)));
    const std::uint64_t next = static_cast<std::uint64_t>(static_cast<T>(to_integer(start + step)));
    in_tasks([this, first, each = next - first](std::size_t i) {
      static_cast<T*>(target)[i] = static_cast<T>(first + i * each);
    });
  }

  // start + i * step, rounded once: adding the step repeatedly would accumulate errors.
  template <class T>
  void floats() const {
    in_tasks([this](std::size_t i) {
      static_cast<T*>(target)[i] = static_cast<T>(start + static_cast<double>(i) * step);
    });
  }

  void halves(ElementType half) const {
    parallel_for(static_cast<int>((size + block_size - 1) / block_size), [&](int task) {
      float block[block_size];
      const std::size_t begin = task * block_size, count = std::min(block_size, size - begin);
      for (std::size_t i = 0; i < count; i++) {
        block[i] = static_cast<float>(start + static_cast<double>(begin + i) * step);
      }
      kernels()->convert.narrow(block, static_cast<std::uint16_t*>(target) + begin, half, count);
    });
  }

  void operator()() const {
    switch (type) {
      case mx::uint8:
        return integers<std::uint8_t>();
      case mx::uint16:
        return integers<std::uint16_t>();
      case mx::uint32:
        return integers<std::uint32_t>();
      case mx::uint64:
        return integers<std::uint64_t>();
      case mx::int8:
        return integers<std::int8_t>();
      case mx::int16:
        return integers<std::int16_t>();
      case mx::int32:
        return integers<std::int32_t>();
      case mx::int64:
        return integers<std::int64_t>();
      case mx::float16:
        return halves(ElementType::f16);
      case mx::bfloat16:
        return halves(ElementType::bf16);
      case mx::float64:
        return floats<double>();
      case mx::complex64:
        return floats<std::complex<float>>();
      default:
        return floats<float>();
    }
  }
};

class Arange : public KernelOverride {
 public:
  Arange(std::shared_ptr<mx::Primitive> original, double start, double step)
      : KernelOverride(std::move(original)), start_(start), step_(step) {}

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    dispatch(stream(), Numbering{start_, step_, y.data<void>(), y.size(), y.dtype()});
  }

 private:
  const double start_, step_;
};

class Full : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    if (x.flags().row_contiguous) {
      return y.copy_shared_buffer(x);
    }
    allocate_for(y);
    dispatch(stream(), copy_of(x, y));
  }
};

}  // namespace

Override arange(array& node) {
  const auto [start, stop, step] = static_cast<const mx::Arange&>(node.primitive()).state();
  return std::make_shared<Arange>(node.primitive_ptr(), start, step);
}

Override full(array& node) {
  return std::make_shared<Full>(node.primitive_ptr());
}

}  // namespace mlx_c::cpu
