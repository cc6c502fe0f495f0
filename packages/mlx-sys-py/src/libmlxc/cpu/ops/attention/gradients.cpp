// The gradients of attention. The weights are recomputed, not stored.
#include <algorithm>

#include <mlx/ops.h>
#include <mlx/transforms.h>

#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/attention/heads.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// y += x, for some rows of floats.
void add_rows(const float* x, int rows, int size, float* y, std::ptrdiff_t y_row) {
  for (int i = 0; i < rows; i++, x += size, y += y_row) {
    for (int j = 0; j < size; j++) {
      y[j] += x[j];
    }
  }
}

// With respect to queries, keys and values, given the cotangent.
struct Gradients {
  HeadResults queries, keys, values;

  void compute(const Kernels& kernels, const Heads& heads, const Batch& gradient) {
    for (HeadResults* results : {&queries, &keys, &values}) {
      results->allocate();
    }
    parallel_for(heads.count / heads.repeats, [&](int shared) {
      bool first = true;
      for (int head = shared * heads.repeats; head < (shared + 1) * heads.repeats; head++) {
        for (int begin = 0; begin < heads.queries; begin += query_block, first = false) {
          add_block(
              kernels,
              heads,
              from(gradient[head], ElementType::f32, begin, 0),
              head,
              {begin, std::min(begin + query_block, heads.queries)},
              first);
        }
      }
    });
    for (HeadResults* results : {&queries, &keys, &values}) {
      results->finish(kernels);
    }
  }

 private:
  // The contribution of a block of queries of a head.
  void add_block(
      const Kernels& kernels,
      const Heads& heads,
      Operand gradient,
      int head,
      Range range,
      bool first) const {
    const int count = range.end - range.begin, width = heads.width;
    const int shared = head / heads.repeats;
    const Weights weights = heads.weights(head, range);
    const int seen = weights.keys;
    add(kernels,
        {transposed(weights.operand()), gradient, seen, heads.value_width, count, 1},
        values.head(shared),
        values.row(),
        heads.keys,
        first);
    // With respect to the weights, and then to the scores.
    Buffer<float> memory(static_cast<std::size_t>(count) * seen);
    float* const of_scores = memory.data();
    multiply(
        kernels,
        gradient,
        transposed(heads.value(head)),
        count,
        seen,
        heads.value_width,
        1,
        of_scores,
        seen);
    for (int i = 0; i < count; i++) {
      float* const row = of_scores + static_cast<std::ptrdiff_t>(i) * seen;
      kernels.softmax.gradients(
          weights.data + static_cast<std::ptrdiff_t>(i) * weights.row, row, seen);
      heads.mask_gradient(head, range.begin + i, seen, row);
    }
    const Operand scores{of_scores, seen, 1};
    multiply(
        kernels,
        scores,
        heads.key(head),
        count,
        width,
        seen,
        heads.scale,
        queries.head(head) + range.begin * queries.row(),
        queries.row());
    add(kernels,
        {transposed(scores),
         from(heads.query(head), ElementType::f32, range.begin, 0),
         seen,
         width,
         count,
         heads.scale},
        keys.head(shared),
        keys.row(),
        heads.keys,
        first);
  }

  struct Product {
    Operand a, b;
    int m, n, k;
    float scale;
  };

  // Accumulates a product into the first of `rows` rows of y, or initialises all of them with the
  // first product.
  static void add(
      const Kernels& kernels,
      const Product& p,
      float* y,
      std::ptrdiff_t y_row,
      int rows,
      bool first) {
    if (first) {
      multiply(kernels, p.a, p.b, p.m, p.n, p.k, p.scale, y, y_row);
      for (int i = p.m; i < rows; i++) {
        std::fill_n(y + i * y_row, p.n, 0.0f);
      }
    } else {
      Buffer<float> more(static_cast<std::size_t>(p.m) * p.n);
      multiply(kernels, p.a, p.b, p.m, p.n, p.k, p.scale, more.data(), p.n);
      add_rows(more.data(), p.m, p.n, y, y_row);
    }
  }
};

class AttentionGradients : public Fused {
 public:
  AttentionGradients(mx::Stream stream, Function definition, const AttentionForm& form)
      : Fused(stream, std::move(definition)), form_(form) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    mx::Shape result = inputs[0].shape();
    result[3] = inputs[2].shape(3);
    require(
        fits(form_, inputs) && inputs.back().shape() == result,
        "scaled_dot_product_attention",
        inputs);
    return {inputs[0].shape(), inputs[1].shape(), inputs[2].shape()};
  }

  const char* name() const override {
    return "AttentionGradients";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    dispatch(
        stream(),
        [table = kernels(),
         form = form_,
         inputs = AttentionInputs(form_, inputs),
         gradient = View(inputs.back()),
         gradients = Gradients{
             {outputs[0], &inputs[0]},
             {outputs[1], &inputs[1]},
             {outputs[2], &inputs[2]}}]() mutable {
          gradients.compute(*table, Heads(*table, form, inputs), Batch(*table, gradient));
        });
  }

 private:
  const AttentionForm form_;
};

}  // namespace

std::vector<array> attention_gradients(
    const AttentionForm& form,
    const Function& attention,
    const std::vector<array>& primals,
    const array& gradient,
    mx::Stream stream) {
  const auto definition = [attention](const std::vector<array>& inputs) {
    const auto first = inputs.begin(), rest = first + 3, end = inputs.end() - 1;
    return mx::vjp(
               [&](const std::vector<array>& some) {
                 std::vector<array> all = some;
                 all.insert(all.end(), rest, end);
                 return attention(all);
               },
               {first, rest},
               {*end})
        .second;
  };
  std::vector<array> inputs = primals;
  const mx::Dtype type = primals[0].dtype();
  inputs.push_back(mx::astype(gradient, type, stream));
  return array::make_arrays(
      {primals[0].shape(), primals[1].shape(), primals[2].shape()},
      {type, type, type},
      std::make_shared<AttentionGradients>(stream, definition, form),
      inputs);
}

}  // namespace mlx_c::cpu
