#include "cpu/ops/byte_gemm.hpp"

#include <algorithm>
#include <atomic>

#include "cpu/kernels/bytes/table.hpp"
#include "cpu/kernels/select.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

// Tasks are whole panels of columns, several per thread for load balance.
constexpr int columns_at_once = 32, tasks_per_thread = 8;
// Rows of x that stay in the L2 cache while they meet the panels of a task.
constexpr int rows_at_once = 128;
// Rows that one thread packs by itself.
constexpr int few_rows = 8;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

ByteGemm describe(const QuantizedGemm& p, const BlockFormat* blocks) {
  ByteGemm product{};
  product.m = p.m;
  product.n = p.n;
  product.k = p.k;
  product.x = p.x;
  product.x_type = p.x_type;
  product.type = blocks ? blocks->type : ByteGemm::affine;
  product.w = reinterpret_cast<const std::uint8_t*>(p.w);
  product.bits = p.bits;
  product.group = p.group;
  product.scales = p.scales;
  product.biases = p.biases;
  product.scales_type = p.scales_type;
  product.biases_type = p.biases_type;
  product.y = p.y;
  product.y_type = p.y_type;
  return product;
}

void pack(const ByteKernels& bytes, const ByteGemm& product, ByteRows& rows) {
  const int order = bytes.order(product);
  if (rows.packed && rows.order == order) {
    return;
  }
  rows.packed.emplace(product.m * bytes.row_size(product));
  rows.order = -1;  // A task that is stopped on the way packs again.
  std::atomic<bool> fits = true;
  parallel_for(pieces(product.m, few_rows), [&](int task) {
    const Range some{task * few_rows, std::min((task + 1) * few_rows, product.m)};
    if (!bytes.pack_x(product, some, rows.packed->data())) {
      fits = false;
    }
  });
  rows.fits = fits;
  rows.order = order;
}

}  // namespace

bool multiply_bytes(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks, ByteRows& rows) {
  const ByteKernels* const bytes = byte_kernels(kernels);
  if (!bytes || is_stock() || p.x_type == ElementType::f32 || activation_bits() != 8) {
    return false;
  }
  if (!p.transposed || p.encoding != Encoding::affine) {
    return false;
  }
  const ByteGemm product = describe(p, blocks);
  if (!bytes->takes(product)) {
    return false;
  }
  pack(*bytes, product, rows);
  if (!rows.fits) {
    return false;
  }
  struct Scratch;
  const bool threads = static_cast<double>(p.m) * p.n * p.k >= worth_threads;
  const int width = threads
      ? pieces(pieces(p.n, tasks_per_thread * thread_count()), columns_at_once) * columns_at_once
      : p.n;
  const int tasks = pieces(p.n, width);
  // As many for each share, so that none is a small rest.
  const int height = pieces(p.m, pieces(p.m, rows_at_once));
  parallel_for(pieces(p.m, height) * tasks, [&](int task) {
    const int column = task % tasks * width, row = task / tasks * height;
    const Range some{row, std::min(row + height, p.m)};
    bytes->multiply(
        product,
        {column, std::min(column + width, p.n)},
        some,
        rows.packed->data(),
        scratch<Scratch>(bytes->scratch_size(product, some.end - some.begin)));
  });
  return true;
}

}  // namespace mlx_c::cpu
