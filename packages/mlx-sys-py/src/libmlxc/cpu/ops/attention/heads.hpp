// Attention by blocks of queries: the scores of a block, their weights, and the results.
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

// The parameters of an attention. Its inputs are queries, keys, values, and a mask and sinks if
// present.
struct AttentionForm {
  float scale;
  bool causal, has_mask, has_sinks;

  bool operator==(const AttentionForm&) const = default;
};

// Whether the shapes of the inputs fit each other.
bool fits(const AttentionForm& form, const std::vector<mlx::core::array>& inputs);

// A mask, broadcast to all scores: boolean (true is kept) or additive.
class Mask {
 public:
  Mask(const mlx::core::array& mask, int heads);

  // Applies the mask to the first scores of a query. Heads are counted through all batches.
  void apply(const Kernels& kernels, int head, int query, int keys, float* scores) const;

  // Writes `value` where a boolean mask is false.
  void hide(int head, int query, int keys, float value, float* scores) const;

 private:
  std::ptrdiff_t offset(int head, int query) const;

  const char* data_;
  int heads_;
  std::int64_t strides_[4] = {};
  std::optional<ElementType> type_;  // none for a boolean mask
};

// Views of the inputs, for a task on a stream's thread.
struct AttentionInputs {
  AttentionInputs(const AttentionForm& form, const std::vector<mlx::core::array>& inputs);

  View queries, keys, values;
  std::optional<Mask> mask;
  std::optional<View> sinks;
};

// The attention weights of a block of queries of a head, for the keys that any of them sees.
struct Weights {
  Buffer<float> memory;
  float* data;
  int keys;
  int row;  // floats from one query to the next

  Operand operand() const {
    return {data, row, 1};
  }
};

// The heads of queries of all batches.
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

  // Sets the gradient with respect to masked scores to zero.
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

// Queries of one block.
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

// Float results that are converted to the type of the output. If the array `like` is laid out with
// its heads within its positions, as projections are, so is the result.
class HeadResults {
 public:
  // Gives `y` its memory.
  HeadResults(mlx::core::array& y, const mlx::core::array* like);

  // To be called first.
  void allocate();
  float* head(int head) const;
  void* data() const {
    return data_;
  }
  std::ptrdiff_t row() const {
    return row_;
  }
  // Converts the results, when all are computed.
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

// Nodes for the gradients with respect to the first three primals: queries, keys and values.
std::vector<mlx::core::array> attention_gradients(
    const AttentionForm& form,
    const Function& attention,
    const std::vector<mlx::core::array>& primals,
    const mlx::core::array& gradient,
    mlx::core::Stream stream);

}  // namespace mlx_c::cpu
