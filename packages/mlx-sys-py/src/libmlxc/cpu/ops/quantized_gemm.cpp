#include "cpu/ops/quantized_gemm.hpp"

#include <algorithm>
#include <atomic>
#include <optional>

#include "cpu/kernels/table.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

// Tasks are whole panels of columns, several per thread for load balance.
constexpr int panel = 32, tasks_per_thread = 8;
constexpr int task_rows = 128;

// Weights of a group that blocks are unpacked to.
constexpr int block_group = 32;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

// The columns of y in one task.
int task_columns(const QuantizedGemm& p) {
  const bool threads = static_cast<double>(p.m) * p.n * p.k >= worth_threads;
  return threads ? pieces(pieces(p.n, tasks_per_thread * thread_count()), panel) * panel : p.n;
}

// Rows of x from which packing the weights for int16 GEMM pays.
constexpr int many_rows = 8;

// Rows of x above which it pays to dequantize the weights once for all of them.
constexpr int few_rows = 32;

bool reads_packed(const QuantizedGemm& p) {
  return p.encoding == Encoding::affine && p.transposed && (p.bits == 4 || p.bits == 8) &&
      p.m <= few_rows;
}

// Rows of x up to which blocks are unpacked for some of them at a time.
int few_rows_of_blocks(const Kernels& kernels, const QuantizedGemm& p) {
  return kernels.int16_gemm && p.x_type != ElementType::f32 ? many_rows - 1 : few_rows;
}

void multiply_few(const Kernels& kernels, const QuantizedGemm& p, const BlockFormat& blocks) {
  struct Packed;
  const BlockKernels& own = block_kernels(kernels);
  BlockGemm product{
      blocks.type, p.m, p.n, p.k, p.x, p.x_type, blocks_at(p, blocks, 0), p.y, p.y_type, nullptr};
  product.packed =
      static_cast<float*>(scratch<Packed>(sizeof(float) * p.m * own.packed_row_size(product)));
  const Range rows{0, p.m};
  own.pack_x(product, rows);
  const int width = task_columns(p), tasks = pieces(p.n, width);
  parallel_for(tasks, [&](int task) {
    own.multiply(product, {task * width, std::min((task + 1) * width, p.n)}, rows);
  });
}

void multiply_packed(const Kernels& kernels, QuantizedGemm p) {
  struct Packed;
  struct Task;
  const auto memory = [size = sizeof(float) * kernels.qgemv.scratch_size(p)] {
    return static_cast<float*>(scratch<Task>(size));
  };
  const Range rows{0, p.m};
  p.packed =
      static_cast<float*>(scratch<Packed>(sizeof(float) * p.m * kernels.qgemv.packed_row_size(p)));
  kernels.qgemv.pack_x(p, rows, memory());
  const int width = task_columns(p), tasks = pieces(p.n, width);
  parallel_for(tasks, [&](int task) {
    kernels.qgemv.multiply(p, {task * width, std::min((task + 1) * width, p.n)}, rows, memory());
  });
}

bool becomes_affine(const Kernels& kernels, const BlockFormat& blocks) {
  return block_kernels(kernels).to_affine(blocks.type, nullptr, 0, nullptr, nullptr, nullptr);
}

bool becomes_integers(const Kernels& kernels, const BlockFormat& blocks) {
  return block_kernels(kernels).pack_integers({}, blocks.type, nullptr, 0, nullptr);
}

bool reads_integers(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks = nullptr) {
  if (!kernels.int16_gemm || p.x_type == ElementType::f32 || p.m < many_rows) {
    return false;
  }
  if (blocks) {
    return becomes_affine(kernels, *blocks) || becomes_integers(kernels, *blocks);
  }
  return p.encoding == Encoding::affine && p.transposed && p.group % block_group == 0;
}

// Packs columns of w; blocks become affine weights on the way.
bool pack_w(
    const Kernels& kernels,
    const Int16Gemm& product,
    const QuantizedGemm& p,
    const BlockFormat* blocks,
    Range columns,
    std::int32_t* panel) {
  const Int16GemmKernels& integers = *kernels.int16_gemm;
  if (!blocks) {
    return integers.pack_w(product, p, columns, panel);
  }
  const BlockKernels& own = block_kernels(kernels);
  const int count = columns.end - columns.begin;
  const std::uint8_t* const first = blocks_at(p, *blocks, columns.begin);
  if (!product.biased) {
    return own.pack_integers(product, blocks->type, first, count, panel);
  }
  struct Codes;
  struct Scales;
  const std::size_t size = static_cast<std::size_t>(count) * p.k, groups = size / block_group;
  auto* const codes = static_cast<std::uint8_t*>(scratch<Codes>(size));
  auto* const scales = static_cast<float*>(scratch<Scales>(2 * groups * sizeof(float)));
  own.to_affine(blocks->type, first, size / blocks->size, codes, scales, scales + groups);
  QuantizedGemm affine = p;
  affine.bits = 8;
  affine.w = reinterpret_cast<const std::uint32_t*>(codes);
  affine.scales = scales;
  affine.biases = scales + groups;
  affine.scales_type = affine.biases_type = ElementType::f32;
  return integers.pack_w(product, affine, {0, count}, panel);
}

// With blocks whose groups are smaller than those of panels, integers have their scales in them.
Int16Gemm integer_product(
    const Kernels& kernels, const QuantizedGemm& p, const BlockFormat* blocks) {
  const bool biased = !blocks || becomes_affine(kernels, *blocks);
  return {p.k, p.group, biased ? 16 : 15, biased, false, p.y_type, p.n};
}

// The panels that the rows of x are divided into.
struct Panels {
  int rows, count;
  std::size_t size;  // words of each

  Panels(const Int16GemmKernels& integers, const Int16Gemm& product, const QuantizedGemm& p)
      : rows(pieces(p.m, pieces(p.m, integers.rows))),
        count(pieces(p.m, rows)),
        size(integers.x_panel_size(product, rows)) {}
};

void pack(
    const Int16GemmKernels& integers,
    const Int16Gemm& product,
    const QuantizedGemm& p,
    IntegerRows& x) {
  if (x.panels && x.group == p.group && x.bits == product.x_bits) {
    return;
  }
  const Panels panels(integers, product, p);
  x.panels.emplace(panels.size * panels.count);
  x.group = 0;
  std::atomic<bool> fits = true;
  parallel_for(panels.count, [&](int i) {
    const int first = i * panels.rows, rows = std::min(panels.rows, p.m - first);
    const void* source =
        static_cast<const char*>(p.x) + static_cast<std::size_t>(first) * p.k * item_size(p.x_type);
    std::int32_t* panel = x.panels->data() + i * panels.size;
    if (!integers.pack_x(product, source, p.x_type, p.k, rows, panel)) {
      fits = false;
    }
  });
  x.fits = fits;
  x.group = p.group;
  x.bits = product.x_bits;
}

// False if the values of x or w are out of range for int16 GEMM; then y is still to be computed.
bool multiply_integers(
    const Kernels& kernels,
    const QuantizedGemm& p,
    IntegerRows& x,
    const BlockFormat* blocks = nullptr) {
  const Int16GemmKernels& integers = *kernels.int16_gemm;
  const Int16Gemm product = integer_product(kernels, p, blocks);
  pack(integers, product, p, x);
  if (!x.fits) {
    return false;
  }

  const Panels panels(integers, product, p);
  std::atomic<bool> fits = true;
  // A task is one panel of w with several panels of x: all of them if there are enough tasks then.
  const int columns = pieces(p.n, integers.columns);
  const int wanted = pieces(tasks_per_thread * thread_count(), columns);
  const int share = std::max(pieces(panels.count, wanted), pieces(task_rows, panels.rows));
  const int shares = pieces(panels.count, share);
  parallel_for(columns * shares, [&](int task) {
    const int first = task % shares * share, column = task / shares * integers.columns;
    const Range part{column, std::min(column + integers.columns, p.n)};
    std::int32_t* const w =
        static_cast<std::int32_t*>(scratch<Int16GemmKernels>(4 * integers.w_panel_size(product)));
    if (!pack_w(kernels, product, p, blocks, part, w)) {
      fits = false;
    }
    for (int i = first; i < std::min(first + share, panels.count); i++) {
      const int row = i * panels.rows, rows = std::min(panels.rows, p.m - row);
      char* y = static_cast<char*>(p.y) +
          (static_cast<std::size_t>(row) * p.n + column) * item_size(p.y_type);
      const std::int32_t* panel = x.panels->data() + i * panels.size;
      integers.multiply(product, rows, part.end - part.begin, panel, w, y);
    }
  });
  return fits;
}

}  // namespace

SharedRows::SharedRows(const mlx::core::array& x) {
  TaskQueue* const queue = TaskQueue::current();
  std::shared_ptr<void> none;
  std::shared_ptr<void>& shared = queue ? queue->shared_by_readers_of(x) : none;
  is_first_ = !shared;
  repeats_ = queue && queue->collects();
  if (is_first_) {
    shared = std::make_shared<IntegerRows>();
  }
  rows_ = std::static_pointer_cast<IntegerRows>(shared);
}

void multiply(const Kernels& kernels, QuantizedGemm p, IntegerRows& rows) {
  if (multiply_bytes(kernels, p, nullptr, rows.bytes) ||
      multiply_rounded(kernels, p, nullptr, rows.rounded) ||
      (reads_integers(kernels, p) && multiply_integers(kernels, p, rows))) {
    return;
  }
  reads_packed(p) ? multiply_packed(kernels, p) : multiply_dequantized(kernels, p, nullptr);
}

void multiply(
    const Kernels& kernels, QuantizedGemm p, const BlockFormat& blocks, IntegerRows& rows) {
  p.group = block_group;
  if (multiply_bytes(kernels, p, &blocks, rows.bytes) ||
      multiply_rounded(kernels, p, &blocks, rows.rounded)) {
    return;
  }
  if (p.m <= few_rows_of_blocks(kernels, p)) {
    return multiply_few(kernels, p, blocks);
  }
  if (!reads_integers(kernels, p, &blocks) || !multiply_integers(kernels, p, rows, &blocks)) {
    multiply_dequantized(kernels, p, &blocks);
  }
}

}  // namespace mlx_c::cpu
