// The kernels that exist once per instruction set, as one table of functions per set.
//
// Everything here is plain data: the files that implement it are compiled with flags the rest of
// the library is not, so nothing with a shared inline definition may cross this boundary.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernels/element_type.hpp"
#include "cpu/kernels/elementwise/ops.hpp"
#include "cpu/kernels/reduce/ops.hpp"

namespace mlx_c::cpu {

struct Range {
  int begin, end;
};

struct ElementwiseKernels {
  // The kernel of an operation on elements of a type, null if there is none.
  Elementwise (*find)(Op op, ElementType operands, ElementType result);
};

struct ReduceKernels {
  // The result is of the type of the elements, of at least 32 bits for sums and products, and float
  // for the narrower floats. Null for complex numbers, here and in the next.
  Reduction (*find)(Reduce op, ElementType type);
  // The index of the max, or of the min.
  ArgReduction (*find_arg)(bool max, ElementType type);
};

struct SoftmaxKernels {
  // Null for other types than f16, bf16 and f32.
  RowFunctions (*find)(ElementType type);
  // Of a row of floats.
  void (*in_place)(float* x, int size);
  // From the gradient with respect to a softmax y to that with respect to its operand, in place.
  void (*gradients)(const float* y, float* gradient, int size);
  // Replaces x by e^(x - max), where `max` is its largest element; returns their sum.
  float (*exponentials)(float* x, int size, float& max);
};

// A normalisation of rows; if they are not centred, the mean counts as zero.
struct NormArgs {
  bool centred;
  float eps;
  int size;
};

// A row, the gradient with respect to what it is normalised to, and where that with respect to the
// row goes.
struct NormGradientRow {
  const float *x, *gradient;
  float* of_x;
};

// Rows whose gradients are computed side by side: each waits for its sums.
constexpr int most_norm_rows = 2;

struct NormalizationKernels {
  // Of one row: y = (x - mean) / sqrt(variance + eps) * weight + bias. Weight and bias may be null.
  void (*normalize)(
      const NormArgs&, const float* x, const float* weight, const float* bias, float* y);
  // Of up to `most_norm_rows` rows, one after the other as far as sums go. The gradients with
  // respect to weight and bias are added to what is there, or null.
  void (*gradients)(
      const NormArgs&,
      const NormGradientRow* rows,
      int count,
      const float* weight,
      float* of_weight,
      float* of_bias);
};

// Element (i, j) lies i * row + j * column items behind `data`.
struct Operand {
  const void* data;
  std::ptrdiff_t row, column;
};

// y = alpha * a b + beta * c, all of one inexact type, but for what `wide` says. Sums are at least
// of single precision.
struct Gemm {
  ElementType type;
  int m, n, k;
  Operand a, b, c;  // [m, k], [k, n] and, not read if beta is 0, [m, n]
  void* y;          // laid out like an Operand
  std::ptrdiff_t y_row, y_column;
  float alpha, beta;
  // Where a and b are of bf16, c and y are f32: sums that are not rounded.
  bool wide = false;

  ElementType result_type() const {
    return wide ? ElementType::f32 : type;
  }
};

struct GemmKernels {
  // Whether bf16 is multiplied several times as fast as other types.
  bool bf16_tiles;
  // Bytes of scratch, aligned to 64, that `multiply` needs.
  std::size_t (*scratch_size)(const Gemm&);
  void (*multiply)(const Gemm&, void* scratch);
  // y[j] = sum_i rows[i][j] * weights[i][j], for `count` rows of `size` real numbers; the weights
  // lie in order. What a depthwise convolution computes.
  void (*weigh_rows)(
      ElementType type, const void* const* rows, const void* weights, int count, int size, void* y);
};

// Direct convolution computes tiles of y as sums of products of x and packed weights: of f32, f64,
// or pairs of bf16, which are one element of 32 bits here. Weights are packed in panels of columns,
// each of which holds a row of weights for each step.

// Steps of a tile whose elements of x follow each other.
struct ConvolutionSegment {
  std::ptrdiff_t x;  // elements from the beginning of each row of x
  std::ptrdiff_t w;  // rows of weights from the beginning of each panel
  int steps;
};

struct ConvolutionTile {
  ElementType type;
  int rows, columns;     // of y: at most `tile_rows`, and those of all panels
  const void* const* x;  // where each row of y has its elements of x
  const ConvolutionSegment* segment;
  int segments;
  const void* w;
  std::ptrdiff_t w_panel;  // elements from panel to panel
  void* const* y;          // rows of sums, as floats or doubles
  bool add;                // to what is there
  // What the next tile reads first: as many rows, of some bytes each, or null.
  const void* const* next;
  std::ptrdiff_t next_bytes;
};

// An element of x times some of the gradient with respect to y, counted in elements.
struct WeightGradientStep {
  std::ptrdiff_t gradient, x;
};

// y[i][j] = sum over steps of gradient[step.gradient + i] * x[step.x + j], of f32 or f64. Up to a
// vector behind the columns of x is read.
struct WeightGradientTile {
  static constexpr int ahead = 12;
  ElementType type;
  int rows, columns;
  const WeightGradientStep* step;  // behind the last are as many as are prefetched ahead
  int steps;
  const void *gradient, *x;
  void* y;
  std::ptrdiff_t y_row;
  bool add;
};

struct ConvolutionKernels {
  // Whether a product with patches of x, gathered before, is not better.
  bool (*takes)(ElementType type);
  bool has_pairs;  // of bf16; else it is converted to f32, as f16 is
  int tile_rows;
  // Columns of a panel when that many are left: all or, as an end, a vector of them.
  int (*panel_width)(ElementType type, int columns);
  // Packs a panel of at most as many columns as it has, of which `columns` can be read, from
  // weights of any type; element (i, j) of the operand is for step or item i and column j. Whether
  // all are finite.
  bool (*pack_panel)(ElementType type, const Operand& w, int items, int columns, void* target);
  void (*multiply)(const ConvolutionTile&);
  void (*multiply_weight_gradient)(const WeightGradientTile&);
};

// y = a b, all of one integer type, with contiguous rows one after the other.
struct IntegerGemm {
  ElementType type;
  int m, n, k;
  const void *a, *b;
  void* y;
};

struct IntegerGemmKernels {
  // Columns of a part, at most.
  int (*panel_width)(ElementType type);
  // Bytes of scratch, aligned to 64, that `multiply` needs.
  std::size_t (*scratch_size)(const IntegerGemm&);
  // Computes the given part of y.
  void (*multiply)(const IntegerGemm&, Range rows, Range columns, void* scratch);
};

// How packed integers stand for weights: scale * q + bias, or scale * q, where q is the integer
// itself or a float of 4 (e2m1) or 8 bits (e4m3).
enum class Encoding { affine, fp4, fp8 };

// y = x @ w.T for packed weights w, or y = x @ w if they are not transposed.
struct QuantizedGemm {
  int m, n, k;
  Encoding encoding;
  int bits, group;
  bool transposed;
  const void* x;  // [m, k], rows contiguous
  ElementType x_type;
  const std::uint32_t* w;  // [n, k], or [k, n] if not transposed, of weights of `bits` bits
  // As the weights, but one for `group` of them in a row. With other encodings than affine the
  // scales are bytes: small floats (e4m3) for groups of 16, powers of two (e8m0) for groups of 32.
  const void* scales;
  ElementType scales_type;
  const void* biases;
  ElementType biases_type;
  void* y;  // [m, n]
  ElementType y_type;
  float* packed;  // [m, packed_row_size()]: x as QgemvKernels::multiply reads it
};

struct QgemmKernels {
  // The weights in a part of w, row after row, as floats. Columns are multiples of 16.
  void (*dequantize)(const QuantizedGemm&, Range rows, Range columns, float* target);
};

// For transposed affine weights of 4 or 8 bits and few rows of x.
struct QgemvKernels {
  // Floats that one packed row of x takes.
  std::size_t (*packed_row_size)(const QuantizedGemm&);
  // Floats of scratch that each thread needs in the two functions below.
  std::size_t (*scratch_size)(const QuantizedGemm&);
  void (*pack_x)(const QuantizedGemm&, Range rows, float* scratch);
  // Computes the given part of y from the packed rows.
  void (*multiply)(const QuantizedGemm&, Range columns, Range rows, float* scratch);
};

// y = x w from panels of 16-bit integers: groups of numbers along k share a unit or a scale.
struct Int16Gemm {
  int k, group;  // k is a multiple of the group, the group of 32
  // Those of the integers of x, with the sign: 16, or 15 where x is of type f32. With those of w
  // and the size of a group, the sums must not need more than 32.
  int x_bits;
  bool biased;   // whether w has biases
  bool flushes;  // whether groups of x below 2^-60 may be rounded to multiples of 2^-73
  ElementType y_type;
  std::ptrdiff_t y_row;
};

struct Int16GemmKernels {
  int rows, columns;  // of y, at most, that a panel of x and one of w are for
  // 32-bit words of a panel.
  std::size_t (*x_panel_size)(const Int16Gemm&, int rows);
  std::size_t (*w_panel_size)(const Int16Gemm&);
  // Rows of x, of which one lies `row` numbers behind the other. False if a number is too large for
  // it, too small, or not finite.
  bool (*pack_x)(
      const Int16Gemm&,
      const void* x,
      ElementType type,
      std::ptrdiff_t row,
      int rows,
      std::int32_t* panel);
  // Transposed affine weights. False if a scale or a bias is too large, too small, or not finite.
  bool (*pack_w)(const Int16Gemm&, const QuantizedGemm&, Range columns, std::int32_t* panel);
  // The first k numbers of columns in half precision, of which one stride is 1; with neighbours in
  // a row, there are 16, 32 ... of them. Integers of 13 bits; the columns are taken times `factor`,
  // between 2^-12 and 2^12. False as above, but for numbers that are too small.
  bool (*pack_columns)(
      const Int16Gemm&,
      Operand,
      ElementType type,
      int k,
      int columns,
      float factor,
      std::int32_t* panel);
  // Computes the part of y that two panels are for, which begins at `y`.
  void (*multiply)(
      const Int16Gemm&,
      int rows,
      int columns,
      const std::int32_t* x,
      const std::int32_t* w,
      void* y);
};

// Attention of one query for each of some heads, which share keys and values.
struct DecodeAttentionArgs {
  static constexpr int padding = 16;  // floats that a row of queries is a multiple of
  ElementType type;                   // of keys and values
  int heads, keys, width, value_width;
  const float* queries;     // [heads, width], rows filled up with zeros
  const void *key, *value;  // [keys, width] and [keys, value_width], elements of rows contiguous
  std::ptrdiff_t key_row, value_row;
  float* weights;          // [heads, keys]: the exponentials of the scores less their max
  float *maxima, *totals;  // [heads]: the max of the scores, and the sum of the exponentials
  float* y;                // [heads, value_width]: sums of values, each times its exponential
};

// RoPE: pairs of elements are rotated, each by an angle of its own. They are neighbours if
// `traditional`, else `pairs` apart. The elements behind them are copied.
struct RopeArgs {
  ElementType type;
  int pairs, width;
  bool traditional;
  const float *cosines, *sines;
};

struct AttentionKernels {
  // Computes weights, maxima, totals and y.
  void (*decode)(const DecodeAttentionArgs&);
  // Of a row x.
  void (*rope)(const RopeArgs&, const void* x, void* y);
};

enum class Cell : std::uint8_t { rnn_tanh, rnn_relu, gru, lstm };

// A recurrent layer, of type f16, bf16 or f32, with a state of `hidden` elements. Its weight has
// rows for one gate after the other: that of the RNN, reset, update and candidate of the GRU;
// input, forget, candidate and output of the LSTM.
struct RecurrentLayer {
  ElementType type;
  Cell cell;
  int hidden;
};

// Rows of one step, `row` items apart, each contiguous. Null where there are none.
struct StepRows {
  void* data;
  std::ptrdiff_t row;
};

// One step of some rows, forward.
struct RecurrentForward {
  int rows;
  float *weight, *states;  // packed: the weight, and the states before the step
  StepRows inputs, hidden_before, cells_before;
  StepRows hidden, cells;
  // What the gradients need: the gates, and of the GRU the recurrent part of the candidate. Not
  // written if null.
  StepRows gates;
  const float* bias;  // of the GRU, or null
};

// One step of some rows, backward.
struct RecurrentBackward {
  int rows;
  // Packed: the weight, and the gradient with respect to the recurrent products of the step after
  // this one, null at the last.
  float *weight, *next;
  StepRows hidden, hidden_before, cells, cells_before, gates;
  StepRows of_hidden, of_cells;  // of the results; null for zeros
  StepRows of_inputs;
  StepRows of_sums;  // of the recurrent products, where that is another gradient: of the GRU
  float* carry;      // [rows, hidden]: what goes to the step before, besides `next`
};

// What is left after the first step, backward: the gradients with respect to the first states.
struct RecurrentStart {
  int rows;
  float *weight, *next, *carry;
  StepRows of_hidden, of_cells;
};

// Panels are columns of the state. `backward` says which product packed memory is for.
struct RecurrentKernels {
  int (*panel_count)(const RecurrentLayer&);
  // Floats that the packed weight takes.
  std::size_t (*weight_size)(const RecurrentLayer&, bool backward);
  void (*pack_weight)(
      const RecurrentLayer&, bool backward, const Operand& weight, Range panels, float* packed);
  // Floats that packed rows take.
  std::size_t (*rows_size)(const RecurrentLayer&, bool backward, int rows);
  void (*pack_rows)(
      const RecurrentLayer&, bool backward, int rows, const StepRows& x, float* packed);
  void (*forward)(const RecurrentLayer&, const RecurrentForward&, Range panels);
  void (*backward)(const RecurrentLayer&, const RecurrentBackward&, Range panels);
  void (*backward_start)(const RecurrentLayer&, const RecurrentStart&, Range panels);
};

struct RandomKernels {
  // Encrypts the counters (x, y), (x + 1, y + 1) ... with a key of two words.
  void (*threefry)(
      const std::uint32_t* key,
      std::uint32_t x,
      std::uint32_t y,
      std::size_t count,
      std::uint32_t* first,
      std::uint32_t* second);
};

// Between f16, bf16 or f32 and float.
struct ConvertKernels {
  void (*widen)(const void* source, ElementType type, float* target, std::size_t size);
  void (*narrow)(const float* source, void* target, ElementType type, std::size_t size);
};

struct Kernels {
  const char* level;  // the instruction set, as MLX_SYS_PY_CPU names it
  ElementwiseKernels elementwise;
  ReduceKernels reduce;
  SoftmaxKernels softmax;
  NormalizationKernels normalization;
  GemmKernels gemm;
  ConvolutionKernels convolution;
  IntegerGemmKernels integer_gemm;
  QgemmKernels qgemm;
  QgemvKernels qgemv;
  const Int16GemmKernels* int16_gemm;  // null where floats are as fast
  AttentionKernels attention;
  RecurrentKernels recurrent;
  RandomKernels random;
  ConvertKernels convert;
};

// The table of the level in use: the best one that this machine has, unless MLX_SYS_PY_CPU or
// `set_level` (select.hpp) names another. Throws std::invalid_argument if the variable names no
// level or one that the machine cannot run. Where MLX's kernels are asked for, nodes of our own
// that were made before still need one: it is that of the best level then.
const Kernels* kernels();

// Whether all is left to MLX that it can do: MLX_SYS_PY_CPU=stock. Throws as `kernels`.
bool is_stock();

}  // namespace mlx_c::cpu
