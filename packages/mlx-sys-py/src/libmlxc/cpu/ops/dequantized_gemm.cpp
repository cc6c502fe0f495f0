#include "cpu/ops/dequantized_gemm.hpp"

#include <algorithm>
#include <utility>

#include "cpu/kernels/select.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

// Columns of a task are whole panels; there are several tasks per thread for load balance.
constexpr int panel = 32, tasks_per_thread = 8;
// Dequantized weights of a task, which stay in the L2 cache.
constexpr int block_size = 1 << 17;
// Rows of x that meet them, at least where they are rounded: each task dequantizes for itself.
constexpr int task_rows = 128;
// Rounded, they are multiplied so fast that dequantizing counts: tasks have more rows then.
constexpr int rounded_tasks_per_thread = 4;
// Numbers that are converted at once.
constexpr int chunk = 1024;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

struct Tasks {
  int width, height, columns, rows;

  Tasks(const QuantizedGemm& p, bool rounded) {
    const bool threads = static_cast<double>(p.m) * p.n * p.k >= worth_threads;
    const int share =
        threads ? pieces(pieces(p.n, tasks_per_thread * thread_count()), panel) * panel : p.n;
    width = std::min(share, std::max(block_size / p.k / panel, 1) * panel);
    columns = pieces(p.n, width);
    height = task_rows;
    if (rounded) {
      const int shares = pieces(rounded_tasks_per_thread * thread_count(), columns);
      height = std::max(pieces(pieces(p.m, shares), panel) * panel, task_rows);
    }
    rows = pieces(p.m, height);
  }
};

const void* row_of(const void* x, ElementType type, int row, int size) {
  return static_cast<const char*>(x) + static_cast<std::size_t>(row) * size * item_size(type);
}

// The weights of some columns of y, in the order in which w has them.
float* dequantize(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks, Range columns) {
  struct Weights;
  const std::size_t size = static_cast<std::size_t>(columns.end - columns.begin) * p.k;
  auto* const weights = static_cast<float*>(scratch<Weights>(size * sizeof(float)));
  if (blocks) {
    block_kernels(kernels).dequantize(
        blocks->type, blocks_at(p, *blocks, columns.begin), size / blocks->size, weights);
  } else {
    const Range depth{0, p.k};
    kernels.qgemm.dequantize(
        p, p.transposed ? columns : depth, p.transposed ? depth : columns, weights);
  }
  return weights;
}

// The part of y in `rows` and `columns`; x and the weights are multiplied as numbers of `type`.
void multiply_part(
    const Kernels& kernels,
    const QuantizedGemm& p,
    const BlockFormat* blocks,
    const void* x,
    ElementType type,
    Range rows,
    Range columns) {
  struct Rounded;
  struct Sums;
  const int m = rows.end - rows.begin, n = columns.end - columns.begin;
  const std::size_t size = static_cast<std::size_t>(n) * p.k;
  const float* const weights = dequantize(kernels, p, blocks, columns);
  const void* w = weights;
  if (type != ElementType::f32) {
    void* const rounded = scratch<Rounded>(size * item_size(type));
    kernels.convert.narrow(weights, rounded, type, size);
    w = rounded;
  }

  const bool direct = p.y_type == ElementType::f32;
  const std::size_t begin = static_cast<std::size_t>(rows.begin) * p.n + columns.begin;
  float* const y = direct
      ? static_cast<float*>(p.y) + begin
      : static_cast<float*>(scratch<Sums>(static_cast<std::size_t>(m) * n * sizeof(float)));
  const int y_row = direct ? p.n : n;
  Gemm product{
      type,
      m,
      n,
      p.k,
      {row_of(x, type, rows.begin, p.k), p.k, 1},
      p.transposed ? Operand{w, 1, p.k} : Operand{w, n, 1},
      {},
      y,
      y_row,
      1,
      1,
      0};
  product.wide = type != ElementType::f32;
  multiply(kernels, product);
  if (direct) {
    return;
  }
  char* target = static_cast<char*>(p.y) + begin * item_size(p.y_type);
  for (int i = 0; i < m; i++, target += p.n * item_size(p.y_type)) {
    kernels.convert.narrow(y + static_cast<std::ptrdiff_t>(i) * y_row, target, p.y_type, n);
  }
}

void multiply_parts(
    const Kernels& kernels,
    const QuantizedGemm& p,
    const BlockFormat* blocks,
    const void* x,
    ElementType type) {
  const Tasks tasks(p, type != ElementType::f32);
  parallel_for(tasks.rows * tasks.columns, [&](int task) {
    const int column = task % tasks.columns * tasks.width;
    const int row = task / tasks.columns * tasks.height;
    multiply_part(
        kernels,
        p,
        blocks,
        x,
        type,
        {row, std::min(row + tasks.height, p.m)},
        {column, std::min(column + tasks.width, p.n)});
  });
}

// Rounds the rows of x, of float16, to bfloat16.
void round_rows(const Kernels& kernels, const QuantizedGemm& p, std::uint16_t* target) {
  parallel_for(p.m, [&](int row) {
    const char* const source = static_cast<const char*>(row_of(p.x, p.x_type, row, p.k));
    std::uint16_t* const result = target + static_cast<std::size_t>(row) * p.k;
    float wide[chunk];
    for (int i = 0; i < p.k; i += chunk) {
      const int count = std::min(chunk, p.k - i);
      kernels.convert.widen(source + i * item_size(p.x_type), p.x_type, wide, count);
      kernels.convert.narrow(wide, result + i, ElementType::bf16, count);
    }
  });
}

}  // namespace

const std::uint8_t* blocks_at(const QuantizedGemm& p, const BlockFormat& blocks, int column) {
  return reinterpret_cast<const std::uint8_t*>(p.w) +
      static_cast<std::size_t>(column) * (p.k / blocks.size) * blocks.nbytes;
}

void multiply_dequantized(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks) {
  if (p.x_type == ElementType::f32) {
    return multiply_parts(kernels, p, blocks, p.x, ElementType::f32);
  }
  const std::size_t size = static_cast<std::size_t>(p.m) * p.k;
  Buffer<float> x(size);
  kernels.convert.widen(p.x, p.x_type, x.data(), size);
  multiply_parts(kernels, p, blocks, x.data(), ElementType::f32);
}

bool multiply_rounded(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks, RoundedRows& rows) {
  if (!kernels.gemm.bf16_tiles || is_stock() || activation_bits() != 8 || p.m <= panel ||
      p.x_type == ElementType::f32) {
    return false;
  }
  const void* x = p.x;
  if (p.x_type == ElementType::f16) {
    if (!rows) {
      // Not theirs before all are rounded: a task that is stopped runs again.
      Buffer<std::uint16_t> rounded(static_cast<std::size_t>(p.m) * p.k);
      round_rows(kernels, p, rounded.data());
      rows.emplace(std::move(rounded));
    }
    x = rows->data();
  }
  multiply_parts(kernels, p, blocks, x, ElementType::bf16);
  return true;
}

}  // namespace mlx_c::cpu
