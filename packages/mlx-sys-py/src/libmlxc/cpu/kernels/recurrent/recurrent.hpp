// Steps of recurrent layers: a GEMM of few rows with a weight that is packed once, and the gates.
//
// A panel is some columns of the state. The packed weight has the columns of all gates of a panel
// side by side, so that the sums of a tile are in the L1 cache when the gates are computed of them.
#pragma once

#include "cpu/kernels/gemm/gemm_blocked.hpp"
#include "cpu/kernels/math/math.hpp"
#include "cpu/kernels/simd/rows.hpp"

namespace {
namespace recurrent {

using gemm::tile_rows;
using mlx_c::cpu::Cell;
using mlx_c::cpu::Operand;
using mlx_c::cpu::Range;
using mlx_c::cpu::RecurrentBackward;
using mlx_c::cpu::RecurrentForward;
using mlx_c::cpu::RecurrentLayer;
using mlx_c::cpu::RecurrentStart;
using mlx_c::cpu::StepRows;

constexpr int panel_width = gemm::panel_width<float>;

// Rows of the weight for each element of the state.
constexpr int gates_of(Cell cell) {
  return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1;
}

int panel_count(const RecurrentLayer& p) {
  return gemm::ceil_div(p.hidden, panel_width);
}

// The columns of the state that a panel is for.
Range columns_of(const RecurrentLayer& p, int panel) {
  return {panel * panel_width, min((panel + 1) * panel_width, p.hidden)};
}

// Of the packed panel: whole vectors, so that packing writes nothing behind it.
int packed_width(Range columns) {
  return columns.end - columns.begin > lanes ? panel_width : lanes;
}

// How the product of one direction looks: forward h W^T, backward g W for the gradient g with
// respect to the first.
struct Product {
  int depth;   // items
  int blocks;  // packed one after the other for each panel

  Product(const RecurrentLayer& p, bool backward)
      : depth(backward ? gates_of(p.cell) * p.hidden : p.hidden),
        blocks(backward ? 1 : gates_of(p.cell)) {}
};

template <class S>
std::size_t packed_weight_size(const RecurrentLayer& p, bool backward) {
  const Product product(p, backward);
  return (std::size_t)panel_count(p) * product.blocks * panel_width * S::steps(product.depth) +
      lanes;
}

template <class S>
float* packed_panel(const RecurrentLayer& p, bool backward, int panel, float* packed) {
  const Product product(p, backward);
  return packed + (std::size_t)panel * product.blocks * panel_width * S::steps(product.depth);
}

template <class S>
void pack_weight(
    const RecurrentLayer& p, bool backward, const Operand& weight, Range panels, float* packed) {
  const Product product(p, backward);
  const Operand b =
      backward ? weight : Operand{weight.data, weight.column, weight.row};  // [depth, columns]
  for (int panel = panels.begin; panel < panels.end; panel++) {
    const Range columns = columns_of(p, panel);
    const int width = packed_width(columns);
    float* target = packed_panel<S>(p, backward, panel, packed);
    for (int block = 0; block < product.blocks; block++) {
      const Range some{block * p.hidden + columns.begin, block * p.hidden + columns.end};
      const int available = (backward ? 1 : gates_of(p.cell)) * p.hidden - some.begin;
      gemm::pack_b<S>(b, {0, product.depth}, some, available, width, target);
      target += (std::size_t)width * S::steps(product.depth);
    }
  }
}

template <class S>
std::size_t packed_rows_size(const RecurrentLayer& p, bool backward, int rows) {
  return (std::size_t)rows * S::steps(Product(p, backward).depth) + lanes;
}

template <class S>
void pack_rows(const RecurrentLayer& p, bool backward, int rows, const StepRows& x, float* packed) {
  const int depth = Product(p, backward).depth, step = gemm::panel_rows_of_a(rows);
  const Operand a{x.data, x.row, 1};
  for (int i = 0; i < rows; i += step) {
    const int count = min(step, rows - i);
    gemm::pack_a<S>(a, {i, i + count}, {0, depth}, count, packed);
    packed += (std::size_t)count * S::steps(depth);
  }
}

// Rows whose elements are prefetched before those of a row are computed. More of them would be in
// each other's way, as rows of one step are often a power of two apart and share sets of the cache.
constexpr int rows_ahead = 2;

// Calls f(row, sums) for all rows, with the products of a row and one panel: those of block `b`
// begin at sums[b * panel_width].
//
// A tile is multiplied in as many parts as there are gates: the blocks, or parts of the depth.
// Meanwhile the cache lines of prefetched(first, count, gate) are prefetched, of the rows from
// `first` on, as the hardware does not find what is so far apart. Those of prefetch(row) are some
// rows before f has its turn.
template <class S, Cell cell, int blocks, class Prefetched, class Prefetch, class F>
void for_rows(
    const RecurrentLayer& p,
    bool backward,
    int rows,
    int panel,
    const float* a,
    void* weight,
    Prefetched prefetched,
    Prefetch prefetch,
    F f) {
  constexpr int gates = gates_of(cell), row_size = blocks * panel_width;
  static_assert(blocks == gates || blocks == 1);
  const int steps = S::steps(Product(p, backward).depth), tile = gemm::panel_rows_of_a(rows);
  const int width = packed_width(columns_of(p, panel));
  const float* const b = packed_panel<S>(p, backward, panel, static_cast<float*>(weight));
  alignas(64) float sums[tile_rows * row_size];
  for (int i = 0; i < rows; i += tile) {
    const int count = min(tile, rows - i);
    const auto multiply = width == panel_width ? gemm::choose_tile<S, gemm::tile_vectors>(count)
                                               : gemm::choose_tile<S, 1>(count);
    for (int gate = 0; a && gate < gates; gate++) {
      gemm::PanelPrefetch lines = prefetched(i, count, gate);
      const bool is_block = blocks == gates;
      const int first = is_block ? 0 : steps * gate / gates;
      const int end = is_block ? steps : steps * (gate + 1) / gates;
      multiply(
          end - first,
          a + (std::size_t)count * first,
          b + (std::size_t)width * (is_block ? gate * steps : first),
          sums + (is_block ? gate * panel_width : 0),
          row_size,
          width,
          !is_block && gate > 0,
          lines);
    }
    if (a) {
      a += (std::size_t)count * steps;
    } else {
      std::memset(sums, 0, sizeof sums);
    }
    for (int row = i; row < i + min(rows_ahead, count); row++) {
      prefetch(row);
    }
    for (int row = i; row < i + count; row++) {
      if (row + rows_ahead < i + count) {
        prefetch(row + rows_ahead);
      }
      f(row, sums + (row - i) * row_size);
    }
  }
}

// Elements of rows of one type, in vectors of columns. That all vectors are whole is known when
// `whole` is compiled: half of what a row takes would be to find that out.
template <class Item, bool whole = false>
struct Columns {
  template <class Other>
  using Of = Columns<Other, whole>;

  std::size_t begin, count;

  vfloat get(const StepRows& x, int row, std::size_t i, std::size_t offset = 0) const {
    return get(at(x, row, offset) + i, i);
  }
  template <class T>
  vfloat get(const T* x, std::size_t i) const {
    if constexpr (whole) {
      return load(x);
    } else {
      return load_at(x, 0, count - i);
    }
  }
  void put(const StepRows& x, int row, std::size_t i, vfloat v, std::size_t offset = 0) const {
    if constexpr (whole) {
      store(at(x, row, offset) + i, v);
    } else {
      store_at(at(x, row, offset) + i, 0, count - i, v);
    }
  }
  gemm::PanelPrefetch lines(const StepRows& x, int row, int rows, std::size_t offset = 0) const {
    return {at(x, row, offset), x.row, 1, rows, (int)count};
  }
  void prefetch(const StepRows& x, int row, std::size_t offset = 0) const {
    if (!x.data) {
      return;
    }
    const auto first = (std::uintptr_t)at(x, row, offset);
    for (std::uintptr_t line = first; line < first + count * sizeof(Item); line += 64) {
      gemm::prefetch(line);
    }
  }

 private:
  Item* at(const StepRows& x, int row, std::size_t offset) const {
    return static_cast<Item*>(x.data) + row * x.row + offset + begin;
  }
};

// Calls f(columns) with the columns of a panel, whole ones by their type.
template <class Item, class F>
void with_columns(Range range, F f) {
  const auto begin = (std::size_t)range.begin, count = (std::size_t)(range.end - range.begin);
  if (count == panel_width) {
    f(Columns<Item, true>{begin, panel_width});
  } else {
    f(Columns<Item>{begin, count});
  }
}

// The vector of a row from column `i` of a panel on.
template <Cell cell, class C>
void forward_vector(
    const RecurrentForward& step,
    C columns,
    std::size_t size,
    int row,
    std::size_t i,
    const float* sums) {
  const auto sum = [&](int gate) { return load(sums + gate * panel_width + i); };
  const auto input = [&](int gate) { return columns.get(step.inputs, row, i, gate * size); };
  const auto save = [&](int gate, vfloat v) {
    if (step.gates.data) {
      columns.put(step.gates, row, i, v, gate * size);
    }
  };
  if constexpr (cell == Cell::lstm) {
    const vfloat in = logistic(input(0) + sum(0)), keep = logistic(input(1) + sum(1)),
                 candidate = hyperbolic_tangent(input(2) + sum(2)),
                 out = logistic(input(3) + sum(3));
    const vfloat c = keep * columns.get(step.cells_before, row, i) + in * candidate;
    columns.put(step.cells, row, i, c);
    columns.put(step.hidden, row, i, out * hyperbolic_tangent(c));
    save(0, in);
    save(1, keep);
    save(2, candidate);
    save(3, out);
  } else if constexpr (cell == Cell::gru) {
    const vfloat reset = logistic(input(0) + sum(0)), keep = logistic(input(1) + sum(1));
    vfloat recurrent = sum(2);
    if (step.bias) {
      recurrent += columns.get(step.bias + columns.begin + i, i);
    }
    const vfloat candidate = hyperbolic_tangent(input(2) + reset * recurrent);
    const vfloat before = columns.get(step.hidden_before, row, i);
    columns.put(step.hidden, row, i, (1 - keep) * candidate + keep * before);
    save(0, reset);
    save(1, keep);
    save(2, candidate);
    save(3, recurrent);
  } else {
    const vfloat x = input(0) + sum(0);
    // NaN stays.
    columns.put(
        step.hidden,
        row,
        i,
        cell == Cell::rnn_relu ? (x < 0 ? vfloat{} : x) : hyperbolic_tangent(x));
  }
}

template <Cell cell, class C, class Floats>
void backward_vector(
    const RecurrentBackward& step,
    C columns,
    Floats floats,
    std::size_t size,
    int row,
    std::size_t i,
    const float* sums) {
  const StepRows carry{step.carry, (std::ptrdiff_t)size};
  const auto gate = [&](int gate) { return columns.get(step.gates, row, i, gate * size); };
  const auto put = [&](int gate, vfloat v) { columns.put(step.of_inputs, row, i, v, gate * size); };
  vfloat of_hidden = load(sums + i);
  if (step.of_hidden.data) {
    of_hidden += columns.get(step.of_hidden, row, i);
  }
  if constexpr (cell == Cell::lstm) {
    const vfloat in = gate(0), keep = gate(1), candidate = gate(2), out = gate(3);
    const vfloat squashed = hyperbolic_tangent(columns.get(step.cells, row, i));
    vfloat of_cell = floats.get(carry, row, i) + of_hidden * out * (1 - squashed * squashed);
    if (step.of_cells.data) {
      of_cell += columns.get(step.of_cells, row, i);
    }
    const vfloat before = columns.get(step.cells_before, row, i);
    put(0, of_cell * candidate * in * (1 - in));
    put(1, of_cell * before * keep * (1 - keep));
    put(2, of_cell * in * (1 - candidate * candidate));
    put(3, of_hidden * squashed * out * (1 - out));
    floats.put(carry, row, i, of_cell * keep);
  } else if constexpr (cell == Cell::gru) {
    const vfloat reset = gate(0), keep = gate(1), candidate = gate(2), recurrent = gate(3);
    of_hidden += floats.get(carry, row, i);
    const vfloat before = columns.get(step.hidden_before, row, i);
    const vfloat of_candidate = of_hidden * (1 - keep) * (1 - candidate * candidate);
    const vfloat of_reset = of_candidate * recurrent * reset * (1 - reset);
    const vfloat of_keep = of_hidden * (before - candidate) * keep * (1 - keep);
    put(0, of_reset);
    put(1, of_keep);
    put(2, of_candidate);
    columns.put(step.of_sums, row, i, of_reset);
    columns.put(step.of_sums, row, i, of_keep, size);
    columns.put(step.of_sums, row, i, of_candidate * reset, 2 * size);
    floats.put(carry, row, i, of_hidden * keep);
  } else {
    const vfloat hidden = columns.get(step.hidden, row, i);
    put(0,
        cell == Cell::rnn_relu ? (hidden > 0 ? of_hidden : vfloat{})
                               : of_hidden * (1 - hidden * hidden));
  }
}

template <class S, Cell cell>
void forward_cell(const RecurrentLayer& p, const RecurrentForward& step, Range panels) {
  using Item = typename S::Item;
  constexpr int gates = gates_of(cell);
  const auto size = (std::size_t)p.hidden;
  for (int panel = panels.begin; panel < panels.end; panel++) {
    const Range range = columns_of(p, panel);
    const Columns<Item> columns{(std::size_t)range.begin, (std::size_t)(range.end - range.begin)};
    for_rows<S, cell, gates>(
        p,
        false,
        step.rows,
        panel,
        step.states,
        step.weight,
        [&](int first, int count, int gate) {
          return columns.lines(step.inputs, first, count, gate * size);
        },
        [&](int row) {
          for (int gate = 0; gate < gates; gate++) {
            columns.prefetch(step.gates, row, gate * size);
          }
          if constexpr (cell == Cell::gru) {
            columns.prefetch(step.gates, row, 3 * size);
          }
          columns.prefetch(step.cells_before, row);
          columns.prefetch(step.cells, row);
          columns.prefetch(step.hidden, row);
        },
        [&](int row, const float* sums) {
          with_columns<Item>(range, [&](auto columns) {
            const RecurrentForward local = step;  // which no store changes
            for (std::size_t i = 0; i < columns.count; i += lanes) {
              forward_vector<cell>(local, columns, size, row, i, sums);
            }
          });
        });
  }
}

template <class S, Cell cell>
void backward_cell(const RecurrentLayer& p, const RecurrentBackward& step, Range panels) {
  using Item = typename S::Item;
  constexpr int gates = gates_of(cell);
  const auto size = (std::size_t)p.hidden;
  for (int panel = panels.begin; panel < panels.end; panel++) {
    const Range range = columns_of(p, panel);
    const Columns<Item> columns{(std::size_t)range.begin, (std::size_t)(range.end - range.begin)};
    for_rows<S, cell, 1>(
        p,
        true,
        step.rows,
        panel,
        step.next,
        step.weight,
        [&](int first, int count, int gate) {
          return step.gates.data ? columns.lines(step.gates, first, count, gate * size)
                                 : columns.lines(step.hidden, first, count);
        },
        [&](int row) {
          for (int gate = 0; gate < gates; gate++) {
            columns.prefetch(step.of_inputs, row, gate * size);
            columns.prefetch(step.of_sums, row, gate * size);
          }
          if constexpr (cell == Cell::gru) {
            columns.prefetch(step.gates, row, 3 * size);
          }
          columns.prefetch(step.of_hidden, row);
          columns.prefetch(step.of_cells, row);
          columns.prefetch(step.cells, row);
          columns.prefetch(step.cells_before, row);
        },
        [&](int row, const float* sums) {
          with_columns<Item>(range, [&](auto columns) {
            const RecurrentBackward local = step;  // which no store changes
            const typename decltype(columns)::template Of<float> floats{
                columns.begin, columns.count};
            for (std::size_t i = 0; i < columns.count; i += lanes) {
              backward_vector<cell>(local, columns, floats, size, row, i, sums);
            }
          });
        });
  }
}

template <class S, Cell cell>
void start_cell(const RecurrentLayer& p, const RecurrentStart& step, Range panels) {
  for (int panel = panels.begin; panel < panels.end; panel++) {
    const Range range = columns_of(p, panel);
    const Columns<typename S::Item> columns{
        (std::size_t)range.begin, (std::size_t)(range.end - range.begin)};
    const Columns<float> floats{columns.begin, columns.count};
    const StepRows carry{step.carry, p.hidden};
    for_rows<S, cell, 1>(
        p,
        true,
        step.rows,
        panel,
        step.next,
        step.weight,
        [](int, int, int) { return gemm::PanelPrefetch(); },
        [](int) {},
        [&](int row, const float* sums) {
          {
            for (std::size_t i = 0; i < columns.count; i += lanes) {
              vfloat of_hidden = load(sums + i);
              if constexpr (cell == Cell::gru) {
                of_hidden += floats.get(carry, row, i);
              }
              columns.put(step.of_hidden, row, i, of_hidden);
              if constexpr (cell == Cell::lstm) {
                columns.put(step.of_cells, row, i, floats.get(carry, row, i));
              }
            }
          }
        });
  }
}

// Calls f with what products of the type of the layer are computed with.
template <class F>
auto for_type(const RecurrentLayer& p, F f) {
  switch (p.type) {
    case ElementType::f16:
      return f(gemm::Single<Half>());
    case ElementType::bf16:
      return f(gemm::BFloat16Pair());
    default:
      return f(gemm::Single<float>());
  }
}

// Calls f with that, and with the kind of the cell as a constant.
template <class F>
void for_cell(const RecurrentLayer& p, F f) {
  for_type(p, [&](auto type) {
    switch (p.cell) {
      case Cell::rnn_tanh:
        return f(type, std::integral_constant<Cell, Cell::rnn_tanh>());
      case Cell::rnn_relu:
        return f(type, std::integral_constant<Cell, Cell::rnn_relu>());
      case Cell::gru:
        return f(type, std::integral_constant<Cell, Cell::gru>());
      case Cell::lstm:
        return f(type, std::integral_constant<Cell, Cell::lstm>());
    }
  });
}

std::size_t weight_size(const RecurrentLayer& p, bool backward) {
  return for_type(p, [&](auto type) { return packed_weight_size<decltype(type)>(p, backward); });
}

void pack_weight(
    const RecurrentLayer& p, bool backward, const Operand& weight, Range panels, float* packed) {
  for_type(p, [&](auto type) { pack_weight<decltype(type)>(p, backward, weight, panels, packed); });
}

std::size_t rows_size(const RecurrentLayer& p, bool backward, int rows) {
  return for_type(
      p, [&](auto type) { return packed_rows_size<decltype(type)>(p, backward, rows); });
}

void pack_rows(const RecurrentLayer& p, bool backward, int rows, const StepRows& x, float* packed) {
  for_type(p, [&](auto type) { pack_rows<decltype(type)>(p, backward, rows, x, packed); });
}

void forward(const RecurrentLayer& p, const RecurrentForward& step, Range panels) {
  for_cell(
      p, [&](auto type, auto cell) { forward_cell<decltype(type), cell.value>(p, step, panels); });
}

void backward(const RecurrentLayer& p, const RecurrentBackward& step, Range panels) {
  for_cell(
      p, [&](auto type, auto cell) { backward_cell<decltype(type), cell.value>(p, step, panels); });
}

void backward_start(const RecurrentLayer& p, const RecurrentStart& step, Range panels) {
  for_cell(
      p, [&](auto type, auto cell) { start_cell<decltype(type), cell.value>(p, step, panels); });
}

}  // namespace recurrent
}  // namespace
