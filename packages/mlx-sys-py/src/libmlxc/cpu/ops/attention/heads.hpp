// Heads of attention whose scores are computed block by block, and what becomes of them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <mlx/array.h>
#include "cpu/arrays/matrix_batch.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

// What makes the scores of an attention, besides the inputs: queries, keys, values, a mask and
// sinks, the last two if there are such.
struct AttentionForm {
  float scale;
  bool causal, has_mask, has_sinks;
};

// Whether the shapes of the inputs fit each other.
bool fits(const AttentionForm& form, const std::vector<mlx::core::array>& inputs);

// A mask that is broadcast to all scores: true for what stays, or numbers to add.
class Mask {
 public:
  Mask(const mlx::core::array& mask, int heads);

  // To the first scores of a query of a head, counted through all batches.
  void apply(const Kernels& kernels, int head, int query, int keys, float* scores) const;

  // Writes `value` where truth values hide a score.
  void hide(int head, int query, int keys, float value, float* scores) const;

 private:
  std::ptrdiff_t offset(int head, int query) const;

  const char* data_;
  int heads_;
  std::int64_t strides_[4] = {};
  std::optional<ElementType> type_;  // none for truth values
};

// The inputs as a task on a stream's thread keeps them.
struct AttentionInputs {
  AttentionInputs(const AttentionForm& form, const std::vector<mlx::core::array>& inputs);

  View queries, keys, values;
  std::optional<Mask> mask;
  std::optional<View> sinks;
};

// The weights that some queries of a head give to the keys that any of them sees.
struct Weights {
  Buffer<float> memory;
  float* data;
  int keys;
  int row;  // floats from one query to the next

  Operand operand() const {
    return {data, row, 1};
  }
};

// The heads of queries of all batches, one after the other.
class Heads {
 public:
  Heads(const Kernels& kernels, const AttentionForm& form, const AttentionInputs& inputs);

  // How many there are, and how many share keys and values.
  const int count, repeats;
  const int queries, keys, width, value_width;
  const float scale;

  Operand query(int head) const {
    return queries_[head];
  }
  Operand key(int head) const {
    return keys_[head / repeats];
  }
  Operand value(int head) const {
    return values_[head / repeats];
  }

  Weights weights(int head, Range queries) const;

  // Of the gradient with respect to the scores of a query, what the mask lets through.
  void mask_gradient(int head, int query, int keys, float* gradient) const {
    if (mask_) {
      mask_->hide(head, query, keys, 0, gradient);
    }
  }

 private:
  const Kernels& kernels_;
  const bool causal_;
  const Batch queries_, keys_, values_;
  const std::optional<Mask> mask_;
  std::optional<Buffer<float>> sinks_;
  int heads_;  // in one batch
};

// Queries whose weights one task holds at a time.
constexpr int query_block = 64;

inline Operand transposed(Operand m) {
  return {m.data, m.column, m.row};
}

// y = scale * a b, in the calling thread; rows of y are y_row floats apart.
void multiply(
    const Kernels& kernels,
    Operand a,
    Operand b,
    int m,
    int n,
    int k,
    float scale,
    float* y,
    std::ptrdiff_t y_row);

// MatrixView of floats that become a result of any type of float. Where the array `like` has its
// heads within its positions, as those have that a layer projects, so has the result.
class HeadResults {
 public:
  // Gives `y` its memory.
  HeadResults(mlx::core::array& y, const mlx::core::array* like);

  // Call it before the others.
  void allocate();
  float* head(int head) const;
  void* data() const {
    return data_;
  }
  std::ptrdiff_t row() const {
    return row_;
  }
  // When all are computed.
  void finish(const Kernels& kernels) const;

 private:
  void* data_;
  ElementType type_;
  std::size_t size_;
  int heads_;
  std::ptrdiff_t batch_, head_, row_;
  float* floats_;
  std::shared_ptr<Buffer<float>> memory_;
};

// Nodes for the gradients with respect to queries, keys and values, which are the first primals of
// `attention`.
std::vector<mlx::core::array> attention_gradients(
    const AttentionForm& form,
    const Function& attention,
    const std::vector<mlx::core::array>& primals,
    const mlx::core::array& gradient,
    mlx::core::Stream stream);

}  // namespace mlx_c::cpu
