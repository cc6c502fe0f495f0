#include <algorithm>
#include <limits>
#include <optional>

#include <mlx/mlx.h>

#include "core/checks.hpp"
#include "export/import_table.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

std::string quantization_mode(int mode) {
  return choose(mode, "affine", "mxfp4", "mxfp8", "nvfp4");
}

std::vector<int> axes_of(const std::vector<uint64_t>& axes) {
  std::vector<int> result;
  for (auto axis : axes) {
    result.push_back(static_cast<int>(std::min<uint64_t>(axis, std::numeric_limits<int>::max())));
  }
  return result;
}

mx::array fft(const Operands& in, std::vector<uint64_t> places, bool inverse, bool real, bool odd) {
  auto axes = axes_of(places);
  check_axes(in[0], axes);
  if (!real) {
    return inverse ? mx::fft::ifftn(in[0], axes, mx::fft::FFTNorm::Backward, in.s)
                   : mx::fft::fftn(in[0], axes, mx::fft::FFTNorm::Backward, in.s);
  }
  if (!inverse) {
    return mx::fft::rfftn(in[0], axes, mx::fft::FFTNorm::Backward, in.s);
  }
  mx::Shape lengths;
  for (auto axis : axes) {
    lengths.push_back(in[0].shape(axis));
  }
  if (!lengths.empty()) {
    lengths.back() = 2 * (lengths.back() - 1) + odd;
  }
  return mx::fft::irfftn(in[0], lengths, axes, mx::fft::FFTNorm::Backward, in.s);
}

mx::array block_masked(const Operands& in, int block_size) {
  auto count = in.inputs.size();
  std::optional<mx::array> out, left, right;
  if (count % 2 == 1) {
    out = in[2];
  }
  if (count > 3) {
    left = in[count - 2];
    right = in[count - 1];
  }
  return mx::block_masked_mm(in[0], in[1], block_size, out, left, right, in.s);
}

mx::array quantized_matmul(const Operands& in, int group_size, int bits, int mode, bool transpose) {
  std::optional<mx::array> biases;
  if (in.inputs.size() == 4) {
    biases = in[3];
  }
  check_packing(group_size, bits);
  check_quantized(in[1], in[2], biases);
  return mx::quantized_matmul(
      in[0], in[1], in[2], biases, transpose, group_size, bits, quantization_mode(mode), in.s);
}

mx::array gather_qmm(
    const Operands& in, int group_size, int bits, int mode, bool transpose, bool, bool) {
  auto count = in.inputs.size();
  std::optional<mx::array> biases;
  if (count == 6) {
    biases = in[3];
  }
  check_packing(group_size, bits);
  check_quantized(in[1], in[2], biases);
  // Whether indices are sorted is not taken from the file: it only makes a product faster.
  return mx::gather_qmm(
      in[0],
      in[1],
      in[2],
      biases,
      in[count - 2],
      in[count - 1],
      transpose,
      group_size,
      bits,
      quantization_mode(mode),
      std::nullopt,
      false,
      in.s);
}

Arrays quantize(const Operands& in, int group_size, int bits, int mode, bool dequantize) {
  check_packing(group_size, bits);
  auto name = quantization_mode(mode);
  if (!dequantize) {
    return mx::quantize(in[0], group_size, bits, name, std::nullopt, in.s);
  }
  std::optional<mx::array> biases;
  if (in.inputs.size() == 3) {
    biases = in[2];
  }
  return {mx::dequantize(
      in[0], in[1], biases, group_size, bits, name, std::nullopt, in.outputs.at(0).dtype, in.s)};
}

Arrays eigh(const Operands& in, std::string uplo, bool vectors) {
  check_triangle(uplo);
  return vectors ? listed(mx::linalg::eigh(in[0], uplo, in.s))
                 : listed(mx::linalg::eigvalsh(in[0], uplo, in.s));
}

}  // namespace

void add_linear_algebra(ImportTable& table) {
  table.add("AddMM", 3, 3, [](const Operands& in, float alpha, float beta) {
    return mx::addmm(in[2], in[0], in[1], alpha, beta, in.s);
  });
  table.add("BlockMaskedMM", 2, 5, block_masked);
  table.add("Cholesky", 1, 1, [](const Operands& in, bool upper) {
    return mx::linalg::cholesky(in[0], upper, in.s);
  });
  table.add(
      "Convolution",
      2,
      2,
      [](const Operands& in,
         std::vector<int> stride,
         std::vector<int> padding_lo,
         std::vector<int> padding_hi,
         std::vector<int> kernel_dilation,
         std::vector<int> input_dilation,
         int groups,
         bool flip) {
        check_kernel(in[1], groups);
        return mx::conv_general(
            in[0],
            in[1],
            stride,
            padding_lo,
            padding_hi,
            kernel_dilation,
            input_dilation,
            groups,
            flip,
            in.s);
      });
  table.add("Eig", 1, 1, [](const Operands& in, bool vectors) {
    return vectors ? listed(mx::linalg::eig(in[0], in.s))
                   : listed(mx::linalg::eigvals(in[0], in.s));
  });
  table.add("Eigh", 1, 1, eigh);
  table.add("FFT", 1, 1, fft);
  table.add("GatherMM", 4, 4, [](const Operands& in, bool, bool) {
    // Not taken from the file either.
    return mx::gather_mm(in[0], in[1], in[2], in[3], false, in.s);
  });
  table.add("GatherQMM", 5, 6, gather_qmm);
  table.add("Hadamard", 1, 1, [](const Operands& in, float scale) {
    return mx::hadamard_transform(in[0], scale, in.s);
  });
  table.add("Inverse", 1, 1, [](const Operands& in, bool triangular, bool upper) {
    check_elements(in[0]);
    return triangular ? mx::linalg::tri_inv(in[0], upper, in.s) : mx::linalg::inv(in[0], in.s);
  });
  table.add_binary<mx::matmul>("Matmul");
  table.add("QRF", 1, 1, [](const Operands& in) { return mx::linalg::qr(in[0], in.s); });
  table.add("Quantize", 1, 3, quantize);
  table.add("QuantizedMatmul", 3, 4, quantized_matmul);
  table.add("SVD", 1, 1, [](const Operands& in, bool vectors) {
    return mx::linalg::svd(in[0], vectors, in.s);
  });
}

}  // namespace mlx_c
