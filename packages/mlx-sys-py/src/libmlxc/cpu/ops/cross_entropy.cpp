// Cross-entropy of classes, and its gradient.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include <mlx/fast.h>
#include <mlx/ops.h>
#include <mlx/transforms.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/float_rows.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/fused_ops.hpp"
#include "cpu/ops/indexing/reader.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Elements of one task.
constexpr int task_size = 1 << 14;

// The class of each row; a negative one counts from the end. A class out of range becomes 0 and is
// reported.
Buffer<std::int64_t> read_classes(
    const IndexReader& targets, std::size_t rows, const ErrorReport& report) {
  Buffer<std::int64_t> result(rows);
  if (const auto wrong = targets.read("cross_entropy", 0, rows, result.data())) {
    report(*wrong);
  }
  return result;
}

IndexReader places_of(const array& targets, int classes) {
  return {targets, targets.shape(), {static_cast<int>(targets.ndim()), classes, 1, true}};
}

char* allocated(array& y) {
  allocate_for(y);
  return y.data<char>();
}

// Calls f(row, memory) for all rows, in parallel; `memory` has room for a row.
template <class F>
void for_rows(const FloatRows& rows, F f) {
  const int step = std::max(1, task_size / rows.size());
  parallel_for((rows.count() + step - 1) / step, [&](int task) {
    Buffer<float> memory(rows.size());
    for (int row = task * step; row < std::min(rows.count(), (task + 1) * step); row++) {
      f(row, memory.data());
    }
  });
}

// Whether there are a target for each row of logits and at least one class.
bool fits(const std::vector<array>& inputs) {
  mx::Shape rows = inputs[0].shape();
  if (rows.empty() || rows.back() == 0) {
    return false;
  }
  rows.pop_back();
  return inputs[1].shape() == rows;
}

// MLX's function of this name. Near 0, the loss would be lost beside the largest logit: what is
// subtracted first is constant, and not rounded in single precision. Without rows there are no
// losses; MLX refuses that.
array unfused(const array& logits, const array& targets, mx::Stream s) {
  if (targets.size() == 0 && fits({logits, targets})) {
    return mx::zeros(targets.shape(), mx::float32, s);
  }
  const array single = mx::astype(logits, mx::float32, s);
  const array largest = mx::stop_gradient(mx::max(single, -1, true, s), s);
  return mx::fast::cross_entropy(mx::subtract(single, largest, s), targets, s);
}

class CrossEntropyGradient : public Fused {
 public:
  using Fused::Fused;

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(fits(inputs) && inputs[2].shape() == inputs[1].shape(), "cross_entropy", inputs);
    return {inputs[0].shape()};
  }

  const char* name() const override {
    return "CrossEntropyGradient";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    dispatch(
        stream(),
        [table = kernels(),
         logits = View(inputs[0]),
         targets = places_of(inputs[1], inputs[0].shape(-1)),
         factors = View(inputs[2]),
         report = ErrorReport(outputs[0]),
         y = allocated(outputs[0])] {
          const FloatRows rows(*table, logits);
          const auto classes = read_classes(targets, rows.count(), report);
          Buffer<float> ordered(factors.size());
          factors.copy_to(*table, ordered.data());
          const FloatTarget result{y, logits.type, rows.size()};
          const auto softmax = table->softmax.find(ElementType::f32).softmax;
          for_rows(rows, [&](int row, float* memory) {
            float* const target = result.row(row, memory);
            softmax(rows.read(row, memory), rows.size(), target);
            target[classes.data()[row]] -= 1;
            const float factor = ordered.data()[row];
            for (int i = 0; i < rows.size(); i++) {
              target[i] *= factor;
            }
            result.put(*table, row, target);
          });
        });
  }
};

class CrossEntropy : public Fused {
 public:
  using Fused::Fused;

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>& outputs) override {
    if (argnums != std::vector<int>{0}) {
      return Fused::vjp(primals, cotangents, argnums, outputs);
    }
    const auto definition = [definition = definition_](const std::vector<array>& inputs) {
      const array targets = inputs[1];
      return mx::vjp(
                 [&](const std::vector<array>& logits) { return definition({logits[0], targets}); },
                 {inputs[0]},
                 {inputs[2]})
          .second;
    };
    const array& logits = primals[0];
    return {array(
        logits.shape(),
        logits.dtype(),
        std::make_shared<CrossEntropyGradient>(stream(), definition),
        {logits, primals[1], mx::astype(cotangents[0], mx::float32, stream())})};
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(fits(inputs), "cross_entropy", inputs);
    return {inputs[1].shape()};
  }

  const char* name() const override {
    return "CrossEntropy";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    dispatch(
        stream(),
        [table = kernels(),
         logits = View(inputs[0]),
         targets = places_of(inputs[1], inputs[0].shape(-1)),
         report = ErrorReport(outputs[0]),
         y = reinterpret_cast<float*>(allocated(outputs[0]))] {
          const FloatRows rows(*table, logits);
          const auto classes = read_classes(targets, rows.count(), report);
          const auto logsumexp = table->softmax.find(ElementType::f32).logsumexp;
          for_rows(rows, [&](int row, float* memory) {
            const float* const x = rows.read(row, memory);
            const float score = x[classes.data()[row]];
            if (!std::isfinite(score)) {
              logsumexp(x, rows.size(), y + row);
              y[row] -= score;
              return;
            }
            // Near 0, the loss would be lost beside a large logit: the differences come first.
            for (int i = 0; i < rows.size(); i++) {
              memory[i] = x[i] - score;
            }
            logsumexp(memory, rows.size(), y + row);
          });
        });
  }
};

}  // namespace

bool fuses_cross_entropy(const array& logits, const array& targets, mx::StreamOrDevice s) {
  return mx::issubdtype(logits.dtype(), mx::floating) && logits.dtype() != mx::float64 &&
      mx::issubdtype(targets.dtype(), mx::integer) && fits({logits, targets});
}

array cross_entropy(const array& logits, const array& targets, mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  if (!can_fuse({logits}, s)) {
    return unfused(logits, targets, stream);
  }
  return array(
      targets.shape(),
      mx::float32,
      std::make_shared<CrossEntropy>(
          stream,
          [stream](const std::vector<array>& inputs) {
            return std::vector<array>{unfused(inputs[0], inputs[1], stream)};
          }),
      {logits, targets});
}

}  // namespace mlx_c::cpu
