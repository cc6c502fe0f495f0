// What a convolution reads for each of its results.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "cpu/arrays/dtypes.hpp"
#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

constexpr int space = 3;  // Axes that are not there have one element.

inline int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

struct Axis {
  int in = 1, out = 1, taps = 1;
  int stride = 1, padding = 0, dilation = 1, input_dilation = 1;
  bool flip = false;
  std::ptrdiff_t in_stride = 0;

  // Where a tap of the weights is for an output, in the dilated input.
  int position(int output, int tap) const {
    return output * stride - padding + (flip ? taps - 1 - tap : tap) * dilation;
  }
  // The element of the input that a tap of the weights meets for an output, or -1.
  int source(int output, int tap) const {
    const int at = position(output, tap);
    if (at < 0 || !is_element(at)) {
      return -1;
    }
    const int result = element(at);
    return result < in ? result : -1;
  }
  // Whether a position is none of the zeros between elements, and which element it is then: before
  // or behind the input perhaps. A division takes longer than all else of it.
  bool is_element(int position) const {
    return input_dilation == 1 || position % input_dilation == 0;
  }
  int element(int position) const {
    return input_dilation == 1 ? position : position / input_dilation;
  }
};

struct Convolved {
  ElementType type;
  std::array<Axis, space> axes;
  int batch, groups, channels, outputs;  // the latter two of one group
  std::ptrdiff_t batch_stride, channel_stride;
  const char* x;
  const char* w;
  // From an output, a tap along each axis, and a channel of the weights to the next.
  std::ptrdiff_t w_output, w_channel;
  std::array<std::ptrdiff_t, space> w_tap;
  char* y;

  int taps() const {
    return axes[0].taps * axes[1].taps * axes[2].taps;
  }
  int depth() const {
    return taps() * channels;
  }
  int positions() const {
    return batch * axes[0].out * axes[1].out * axes[2].out;
  }
  bool has_input_dilation() const {
    return axes[0].input_dilation * axes[1].input_dilation * axes[2].input_dilation > 1;
  }
  double multiplications() const {
    return static_cast<double>(positions()) * groups * outputs * depth() *
        (type == ElementType::c64 ? 4 : 1);
  }
};

// By products with patches of x that are gathered block by block (im2col), by products with x
// itself where that is the same, or tap by tap where each channel stays by itself. Weights lie in
// order.
void convolve_patches(const Kernels& kernels, const Convolved& c);
// Whether it does one of the latter two.
bool needs_no_patches(const Convolved& c);
// Whether patches are so few, of weights in order, that these would take longer to pack.
bool has_few_positions(const Convolved& c);

// By tiles that read x where it lies. False where they would not treat infinities and NaN as the
// definition does; y is not written then.
bool convolve_directly(const Kernels& kernels, const Convolved& c);

// The gradient of another convolution with respect to its weights, or anything else whose batch and
// outputs lie side by side in the operands. Its result is laid out as those weights are, with the
// batch last: [outputs, axes, batch]. False as above, but y is written.
bool is_weight_gradient(const Convolved& c);
bool convolve_weight_gradient(const Kernels& kernels, const Convolved& c);

}  // namespace mlx_c::cpu
