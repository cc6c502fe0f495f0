#include "cpu/parallel/parallel_gemm.hpp"

#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

namespace {

// Tasks per thread, to balance threads that lose time. Each task packs what it reads, which is a
// cost where neither rows nor steps are few.
constexpr int tasks_per_thread = 4, tasks_of_large = 2;
constexpr int large = 128;
// A part is not made smaller than this. Columns are cut first: the kernel goes through that many at
// a time in any case.
constexpr int min_columns = 64, cheap_columns = 256, min_rows = 32, max_rows = 1024;
// Rows of a skinny GEMM, which share what it reads of b and so are not cut.
constexpr int few_rows = 8;

int ceil_div(int size, int piece) {
  return (size + piece - 1) / piece;
}

// Half of `size`, rounded up to a multiple of `step`.
int half(int size, int step) {
  return ceil_div(size, 2 * step) * step;
}

}  // namespace

void multiply(const Kernels& kernels, const Gemm& p) {
  kernels.gemm.multiply(p, scratch<Gemm>(kernels.gemm.scratch_size(p)));
}

GemmTiling::GemmTiling(const Gemm& p, int count)
    : count(count), group(1), rows(p.m), columns(p.n), row_parts(1), column_parts(1) {
  // A single thread packs everything once.
  const int per_thread = std::min(p.m, p.k) < large ? tasks_per_thread : tasks_of_large;
  const int wanted = thread_count() == 1 ? 1 : per_thread * thread_count();
  const bool few = p.m <= few_rows;
  while (count * ceil_div(p.m, rows) * ceil_div(p.n, columns) < wanted) {
    if (columns > cheap_columns || ((few || columns >= rows) && columns > min_columns)) {
      columns = half(columns, min_columns);
    } else if (!few && rows > min_rows) {
      rows = half(rows, min_rows);
    } else {
      break;
    }
  }
  rows = std::min(rows, max_rows);
  row_parts = ceil_div(p.m, rows);
  column_parts = ceil_div(p.n, columns);
  if (parts() == 1) {
    group = std::max(1, count / (4 * wanted));
  }
}

Gemm GemmTiling::cut(Gemm p, int part) const {
  const int row = part / column_parts * rows, column = part % column_parts * columns;
  p.a = from(p.a, p.type, row, 0);
  p.b = from(p.b, p.type, 0, column);
  if (p.c.data) {
    p.c = from(p.c, p.result_type(), row, column);
  }
  p.y = const_cast<void*>(from({p.y, p.y_row, p.y_column}, p.result_type(), row, column).data);
  p.m = std::min(rows, p.m - row);
  p.n = std::min(columns, p.n - column);
  return p;
}

}  // namespace mlx_c::cpu
