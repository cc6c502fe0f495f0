// Fourier transforms, by the library that MLX has for them: pocketfft.
//
// It transforms the rows along one axis after the other, several at once by SIMD. Here the threads
// share the rows, and factors of the unit circle are kept for the next transform of that length.
#define POCKETFFT_NO_MULTITHREADING
#define POCKETFFT_CACHE_SIZE 32
#include <algorithm>
#include <bit>
#include <complex>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <mlx/3rdparty/pocketfft.h>
#include <mlx/primitives.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;
using Complex = std::complex<float>;
using Shape = pocketfft::shape_t;
using Strides = pocketfft::stride_t;

// Butterflies of one task.
constexpr std::size_t task_size = 1 << 14;

// Rows that pocketfft transforms at once, or a multiple.
constexpr std::size_t rows_at_once = 8;

// Elements of a buffer, by strides in bytes.
template <class T>
struct Elements {
  T* data;
  Strides strides;

  Elements from(std::size_t axis, std::size_t index) const {
    auto* bytes = reinterpret_cast<std::conditional_t<std::is_const_v<T>, const char, char>*>(data);
    const auto offset = strides[axis] * static_cast<std::ptrdiff_t>(index);
    return {reinterpret_cast<T*>(bytes + offset), strides};
  }
};

template <class T>
Elements<T> elements_of(T* data, const array& a) {
  Strides strides(a.strides().begin(), a.strides().end());
  for (auto& stride : strides) {
    stride *= static_cast<std::ptrdiff_t>(a.itemsize());
  }
  return {data, std::move(strides)};
}

// Calls transform(shape, in, out) for parts of the rows along an axis.
template <class In, class Out, class F>
void share_rows(
    const Shape& shape,
    std::size_t axis,
    const Elements<In>& in,
    const Elements<Out>& out,
    F transform) {
  std::size_t size = 1, longest = axis;
  for (std::size_t i = 0; i < shape.size(); i++) {
    size *= shape[i];
    if (i != axis && (longest == axis || shape[i] > shape[longest])) {
      longest = i;
    }
  }
  const std::size_t work = size * std::bit_width(shape[axis]);
  const std::size_t rows = longest == axis ? 1 : shape[longest];
  const std::size_t most = (rows + rows_at_once - 1) / rows_at_once;
  const std::size_t tasks = std::clamp<std::size_t>(work / task_size, 1, most);
  if (tasks == 1) {
    return transform(shape, in, out);
  }
  parallel_for(static_cast<int>(tasks), [&](int task) {
    auto border = [&](std::size_t i) {
      return i == tasks ? rows : rows * i / tasks / rows_at_once * rows_at_once;
    };
    const std::size_t begin = border(task), end = border(task + 1);
    if (begin < end) {
      Shape part = shape;
      part[longest] = end - begin;
      transform(part, in.from(longest, begin), out.from(longest, begin));
    }
  });
}

struct Transform {
  Shape in_shape, out_shape;
  std::vector<std::size_t> axes;
  bool forward;
  float scale;

  // From one buffer to another, or within one.
  void complex_axis(
      const Shape& shape,
      std::size_t axis,
      const Elements<const Complex>& in,
      const Elements<Complex>& out,
      float factor) const {
    share_rows(shape, axis, in, out, [&](const Shape& part, const auto& x, const auto& y) {
      pocketfft::c2c<float>(part, x.strides, y.strides, {axis}, forward, x.data, y.data, factor);
    });
  }

  void operator()(const Elements<const Complex>& in, const Elements<Complex>& out) const {
    Elements<const Complex> x = in;
    for (std::size_t i = 0; i < axes.size(); i++) {
      complex_axis(in_shape, axes[i], x, out, i == 0 ? scale : 1.0f);
      x = {out.data, out.strides};
    }
  }

  // The last axis first, of which half of the spectrum stays.
  void operator()(const Elements<const float>& in, const Elements<Complex>& out) const {
    const std::size_t last = axes.back();
    share_rows(in_shape, last, in, out, [&](const Shape& part, const auto& x, const auto& y) {
      pocketfft::r2c<float>(part, x.strides, y.strides, last, forward, x.data, y.data, scale);
    });
    for (std::size_t i = 0; i + 1 < axes.size(); i++) {
      complex_axis(out_shape, axes[i], {out.data, out.strides}, out, 1.0f);
    }
  }

  // The last axis last.
  void operator()(const Elements<const Complex>& in, const Elements<float>& out) const {
    const std::size_t last = axes.back();
    Elements<const Complex> x = in;
    std::size_t size = 1;
    for (auto extent : in_shape) {
      size *= extent;
    }
    const Buffer<Complex> memory(axes.size() > 1 ? size : 0);
    if (axes.size() > 1) {
      Strides strides(in_shape.size());
      auto stride = static_cast<std::ptrdiff_t>(sizeof(Complex));
      for (std::size_t i = in_shape.size(); i-- > 0;) {
        strides[i] = stride;
        stride *= static_cast<std::ptrdiff_t>(in_shape[i]);
      }
      const Elements<Complex> between{memory.data(), strides};
      for (std::size_t i = 0; i + 1 < axes.size(); i++) {
        complex_axis(in_shape, axes[i], x, between, 1.0f);
        x = {between.data, between.strides};
      }
    }
    share_rows(out_shape, last, x, out, [&](const Shape& part, const auto& from, const auto& to) {
      pocketfft::c2r<float>(
          part, from.strides, to.strides, last, forward, from.data, to.data, scale);
    });
  }
};

class FourierTransform : public KernelOverride {
 public:
  FourierTransform(
      std::shared_ptr<mx::Primitive> original, std::vector<std::size_t> axes, bool inverse)
      : KernelOverride(std::move(original)), axes_(std::move(axes)), inverse_(inverse) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    Transform transform{
        .in_shape = {x.shape().begin(), x.shape().end()},
        .out_shape = {y.shape().begin(), y.shape().end()},
        .axes = axes_,
        .forward = !inverse_,
        .scale = 1.0f,
    };
    if (inverse_) {
      // A half of a spectrum does not say how long the whole is.
      const auto& whole = y.dtype() == mx::float32 ? transform.out_shape : transform.in_shape;
      std::size_t count = 1;
      for (auto axis : axes_) {
        count *= whole[axis];
      }
      transform.scale = 1.0f / static_cast<float>(count);
    }
    auto run = [&]<class In, class Out>(const In* from, Out* to) {
      dispatch(
          stream(),
          [transform = std::move(transform), in = elements_of(from, x), out = elements_of(to, y)] {
            transform(in, out);
          });
    };
    if (x.dtype() == mx::float32) {
      run(x.data<float>(), y.data<Complex>());
    } else if (y.dtype() == mx::float32) {
      run(x.data<Complex>(), y.data<float>());
    } else {
      run(x.data<Complex>(), y.data<Complex>());
    }
  }

 private:
  const std::vector<std::size_t> axes_;
  const bool inverse_;
};

}  // namespace

Override fft(array& node) {
  const auto [axes, inverse, real, odd] = static_cast<const mx::FFT&>(node.primitive()).state();
  return std::make_shared<FourierTransform>(node.primitive_ptr(), axes, inverse);
}

}  // namespace mlx_c::cpu
