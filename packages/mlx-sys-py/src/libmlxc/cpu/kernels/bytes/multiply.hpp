// The two ways to multiply: by rows of w, or by panels of them.
#pragma once

#include "cpu/kernels/bytes/panels.hpp"

namespace {
namespace bytes {

// Rows of x that meet a row of w at a time, and those up to which that takes less time than panels.
constexpr int dot_columns = 4, few_rows = 2 * dot_columns;

// Rows of x up to which bytes take less time than floats where codes are signed: each vector of
// products then takes two multiplications.
constexpr int most_rows_of_signed = 32;

inline bool takes(const ByteGemm& p) {
  bool gains = false;
  with_weights(p, [&]<class Source>(const Source&) {
    gains = !Source::is_signed || p.m <= most_rows_of_signed;
  });
  return gains && p.k % group_size == 0;
}

inline std::size_t scratch_size(const ByteGemm& p, int rows) {
  if (rows <= few_rows) {
    return 0;
  }
  std::size_t size = 0;
  with_weights(p, [&]<class Source>(const Source&) {
    size = panel_size<Source>(p.k < panel_depth ? p.k : panel_depth) * 4;
  });
  return (std::size_t)padded((int)size, 64) + (std::size_t)rows * panel_rows * 4;
}

// Row m of a part of y.
inline void put_row(const ByteGemm& p, int m, Range columns, const float* row) {
  char* const y = static_cast<char*>(p.y);
  const std::size_t at = (std::size_t)m * p.n + columns.begin;
  narrow(row, y + at * item_size(p.y_type), p.y_type, (std::size_t)(columns.end - columns.begin));
}

template <int columns, class Source>
inline void choose_dots(int count, const Source& w, int row, int k, const Row* rows, float* y) {
  if (count == columns) {
    Row x[columns];
    for (int c = 0; c < columns; c++) {
      x[c] = rows[c];
    }
    multiply_row<Source, columns>(w, row, k, x, y);
  } else if constexpr (columns > 1) {
    choose_dots<columns - 1>(count, w, row, k, rows, y);
  }
}

template <class Source>
void multiply_rows(
    const Source& w, const ByteGemm& p, Range columns, Range rows, const std::uint8_t* packed) {
  const Layout layout(p.k);
  const int count = rows.end - rows.begin;
  Row x[few_rows];
  for (int m = 0; m < count; m++) {
    x[m] = Row(layout, packed + (rows.begin + m) * layout.size);
  }
  constexpr int width = 32;
  for (int n = columns.begin; n < columns.end; n += width) {
    const int end = n + width < columns.end ? n + width : columns.end;
    float y[few_rows][width];
    for (int i = n; i < end; i++) {
      for (int m = 0; m < count; m += dot_columns) {
        const int some = count - m < dot_columns ? count - m : dot_columns;
        float results[dot_columns];
        choose_dots<dot_columns>(some, w, i, p.k, x + m, results);
        for (int c = 0; c < some; c++) {
          y[m + c][i - n] = results[c];
        }
      }
    }
    for (int m = 0; m < count; m++) {
      put_row(p, rows.begin + m, {n, end}, y[m]);
    }
  }
}

template <class Source>
void multiply_panels(
    const Source& w,
    const ByteGemm& p,
    Range columns,
    Range rows,
    const std::uint8_t* packed,
    std::int32_t* panel) {
  const Layout layout(p.k);
  const std::size_t words = panel_size<Source>(p.k < panel_depth ? p.k : panel_depth);
  const int count = rows.end - rows.begin;
  packed += rows.begin * layout.size;
  float* const y = (float*)panel + padded((int)words, 16);
  for (int n = columns.begin; n < columns.end; n += panel_rows) {
    const int end = n + panel_rows < columns.end ? n + panel_rows : columns.end;
    for (int k = 0; k < p.k; k += panel_depth) {
      const int k_end = k + panel_depth < p.k ? k + panel_depth : p.k;
      pack_panel(w, {n, end}, k, k_end, panel);
      for (int m = 0; m < count; m += tile_columns) {
        const int some = count - m < tile_columns ? count - m : tile_columns;
        Row x[tile_columns];
        for (int c = 0; c < some; c++) {
          x[c] = Row(layout, packed + (m + c) * layout.size).from(k);
        }
        choose_tile<Source>(
            some, (k_end - k) / Source::group, panel, x, k == 0, y + m * panel_rows);
      }
    }
    for (int m = 0; m < count; m++) {
      put_row(p, rows.begin + m, {n, end}, y + m * panel_rows);
    }
  }
}

inline void multiply(
    const ByteGemm& p, Range columns, Range rows, const std::uint8_t* packed, void* scratch) {
  with_weights(p, [&](const auto& w) {
    if (rows.end - rows.begin <= few_rows) {
      multiply_rows(w, p, columns, rows, packed);
    } else {
      multiply_panels(w, p, columns, rows, packed, static_cast<std::int32_t*>(scratch));
    }
  });
}

}  // namespace bytes
}  // namespace
