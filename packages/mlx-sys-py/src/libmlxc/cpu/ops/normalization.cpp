// Normalisation of the last axis by its variance (layer_norm) or its mean square (rms_norm).
#include <algorithm>
#include <optional>

#include <mlx/fast.h>
#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/float_rows.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/fused_ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Elements of one task.
constexpr int task_size = 1 << 14;
// Tasks that sum gradients of the parameters, each into its own memory.
constexpr int most_sums = 64;
// Columns whose sums of all tasks are added by one task.
constexpr int summed_columns = 512;
// Elements of a row up to which gradients of two rows are computed side by side: both rows, their
// gradients and results are in the first-level cache with the sums.
constexpr int short_row = 512;

// A weight or bias, as floats.
class Parameter {
 public:
  Parameter(const Kernels& kernels, const std::optional<View>& view) {
    if (!view) {
      return;
    }
    memory_.emplace(view->size());
    view->copy_to(kernels, memory_->data());
  }

  const float* data() const {
    return memory_ ? memory_->data() : nullptr;
  }

 private:
  std::optional<Buffer<float>> memory_;
};

// The inputs of a node in their order: x, weight and bias if present, and for the gradients the
// cotangent.
struct Inputs {
  bool has_weight, has_bias;

  bool operator==(const Inputs&) const = default;

  // Throws unless the parameters have the size of the last axis of x.
  void check(const std::vector<array>& inputs) const {
    const mx::Shape row{inputs[0].shape(-1)};
    for (int i = 1; i <= has_weight + has_bias; i++) {
      require(inputs[i].shape() == row, "normalization", inputs);
    }
  }

  std::optional<View> weight(const std::vector<array>& inputs) const {
    return has_weight ? std::optional<View>(inputs[1]) : std::nullopt;
  }
  std::optional<View> bias(const std::vector<array>& inputs) const {
    return has_bias ? std::optional<View>(inputs[has_weight ? 2 : 1]) : std::nullopt;
  }
};

char* allocated(array& y) {
  allocate_for(y);
  return y.data<char>();
}

class NormalizationGradients : public Fused {
 public:
  NormalizationGradients(
      mx::Stream stream, Function definition, bool centred, float eps, Inputs roles)
      : Fused(stream, std::move(definition)), centred_(centred), eps_(eps), roles_(roles) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    roles_.check(inputs);
    require(inputs.back().shape() == inputs[0].shape(), "normalization", inputs);
    std::vector<mx::Shape> shapes;
    for (std::size_t i = 0; i + 1 < inputs.size(); i++) {
      shapes.push_back(inputs[i].shape());
    }
    return shapes;
  }

  const char* name() const override {
    return "NormalizationGradients";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const ElementType type = *float_type(inputs[0].dtype());
    std::vector<char*> targets;
    for (array& output : outputs) {
      targets.push_back(allocated(output));
    }
    dispatch(
        stream(),
        [table = kernels(),
         norm = NormArgs{centred_, eps_, inputs[0].shape(-1)},
         roles = roles_,
         type,
         targets = std::move(targets),
         x = View(inputs[0]),
         gradient = View(inputs.back()),
         weight = roles_.weight(inputs)] {
          run(*table, norm, roles, type, targets, x, gradient, weight);
        });
  }

 private:
  static void run(
      const Kernels& kernels,
      const NormArgs& norm,
      const Inputs& roles,
      ElementType type,
      const std::vector<char*>& targets,
      const View& x,
      const View& gradient,
      const std::optional<View>& weight) {
    const Parameter factors(kernels, weight);
    const FloatRows rows(kernels, x), gradients(kernels, gradient);
    const int size = norm.size;
    const int least = std::max(1, task_size / size);
    const int step = std::max(least, (rows.count() + most_sums - 1) / most_sums);
    const int tasks = (rows.count() + step - 1) / step;
    const int summed = static_cast<int>(targets.size()) - 1;
    const PooledMemory memory_of_sums(
        sizeof(float) * static_cast<std::size_t>(tasks) * summed * size);
    auto* const sums = reinterpret_cast<float*>(memory_of_sums.data());
    const FloatTarget of_x{targets[0], type, size};
    parallel_for(tasks, [&](int task) {
      float* const sum = sums + static_cast<std::size_t>(task) * summed * size;
      std::fill_n(sum, summed * size, 0.0f);
      float* const of_weight = roles.has_weight ? sum : nullptr;
      float* const of_bias = roles.has_bias ? sum + (summed - 1) * size : nullptr;
      // What rows are converted to and from.
      const int at_once = size <= short_row ? most_norm_rows : 1;
      Buffer<float> memory(at_once * 3 * static_cast<std::size_t>(size));
      const int end = std::min(rows.count(), (task + 1) * step);
      for (int first = task * step; first < end; first += at_once) {
        const int count = std::min(at_once, end - first);
        NormGradientRow some[most_norm_rows];
        for (int i = 0; i < count; i++) {
          float* const own = memory.data() + 3 * static_cast<std::size_t>(i) * size;
          some[i] = {
              rows.read(first + i, own),
              gradients.read(first + i, own + size),
              of_x.row(first + i, own + 2 * static_cast<std::size_t>(size))};
        }
        kernels.normalization.gradients(norm, some, count, factors.data(), of_weight, of_bias);
        for (int i = 0; i < count; i++) {
          of_x.put(kernels, first + i, some[i].of_x);
        }
      }
    });
    // Each column in the order of the tasks, whichever thread adds it up.
    const int pieces = (size + summed_columns - 1) / summed_columns;
    parallel_for(summed * pieces, [&](int piece) {
      const int i = piece / pieces, begin = piece % pieces * summed_columns;
      const int count = std::min(summed_columns, size - begin);
      float* const total = sums + static_cast<std::size_t>(i) * size + begin;
      for (int task = 1; task < tasks; task++) {
        const float* sum = total + static_cast<std::size_t>(task) * summed * size;
        for (int j = 0; j < count; j++) {
          total[j] += sum[j];
        }
      }
      char* const target = targets[i + 1] + static_cast<std::size_t>(begin) * item_size(type);
      kernels.convert.narrow(total, target, type, count);
    });
  }

  const bool centred_;
  const float eps_;
  const Inputs roles_;
};

class Normalization : public Fused {
 public:
  Normalization(mx::Stream stream, Function definition, bool centred, float eps, Inputs roles)
      : Fused(stream, std::move(definition)), centred_(centred), eps_(eps), roles_(roles) {}

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>&) override {
    std::vector<array> inputs = primals;
    inputs.push_back(mx::astype(cotangents[0], primals[0].dtype(), stream()));
    std::vector<mx::Shape> shapes;
    for (const array& primal : primals) {
      shapes.push_back(primal.shape());
    }
    const auto all = array::make_arrays(
        std::move(shapes),
        std::vector<mx::Dtype>(primals.size(), primals[0].dtype()),
        std::make_shared<NormalizationGradients>(
            stream(), gradients_of(definition_), centred_, eps_, roles_),
        inputs);
    std::vector<array> result;
    for (const int i : argnums) {
      result.push_back(all[i]);
    }
    return result;
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    roles_.check(inputs);
    return {inputs[0].shape()};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const Normalization*>(&other);
    return same && same->centred_ == centred_ && same->eps_ == eps_ && same->roles_ == roles_;
  }

  const char* name() const override {
    return centred_ ? "LayerNorm" : "RMSNorm";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    dispatch(
        stream(),
        [table = kernels(),
         norm = NormArgs{centred_, eps_, inputs[0].shape(-1)},
         x = View(inputs[0]),
         weight = roles_.weight(inputs),
         bias = roles_.bias(inputs),
         y = allocated(outputs[0])] { run(*table, norm, x, weight, bias, y); });
  }

 private:
  static void run(
      const Kernels& kernels,
      const NormArgs& norm,
      const View& x,
      const std::optional<View>& weight,
      const std::optional<View>& bias,
      char* y) {
    const Parameter factors(kernels, weight), summands(kernels, bias);
    const FloatRows rows(kernels, x);
    const FloatTarget target{y, x.type, norm.size};
    const int step = std::max(1, task_size / norm.size);
    parallel_for((rows.count() + step - 1) / step, [&](int task) {
      Buffer<float> memory(norm.size);
      for (int row = task * step; row < std::min(rows.count(), (task + 1) * step); row++) {
        float* const result = target.row(row, memory.data());
        kernels.normalization.normalize(
            norm, rows.read(row, memory.data()), factors.data(), summands.data(), result);
        target.put(kernels, row, result);
      }
    });
  }

  const bool centred_;
  const float eps_;
  const Inputs roles_;
};

array normalization(
    const array& x,
    const std::optional<array>& weight,
    const std::optional<array>& bias,
    bool centred,
    float eps,
    mx::Stream stream,
    Function definition) {
  std::vector<array> inputs{x};
  if (weight) {
    inputs.push_back(*weight);
  }
  if (bias) {
    inputs.push_back(*bias);
  }
  return array(
      x.shape(),
      x.dtype(),
      std::make_shared<Normalization>(
          stream,
          std::move(definition),
          centred,
          eps,
          Inputs{weight.has_value(), bias.has_value()}),
      std::move(inputs));
}

bool fuses(const array& x, const std::optional<array>& parameter, mx::StreamOrDevice s) {
  return !parameter ||
      (parameter->shape() == mx::Shape{x.shape(-1)} && can_fuse({x, *parameter}, s));
}

}  // namespace

bool fuses_rms_norm(const array& x, const std::optional<array>& weight, mx::StreamOrDevice s) {
  return x.ndim() > 0 && can_fuse({x}, s) && fuses(x, weight, s);
}

array rms_norm(
    const array& x, const std::optional<array>& weight, float eps, mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  return normalization(
      x, weight, std::nullopt, false, eps, stream, [eps, stream](const std::vector<array>& inputs) {
        std::optional<array> weight;
        if (inputs.size() > 1) {
          weight = inputs[1];
        }
        return std::vector<array>{mx::fast::rms_norm(inputs[0], weight, eps, stream)};
      });
}

bool fuses_layer_norm(
    const array& x,
    const std::optional<array>& weight,
    const std::optional<array>& bias,
    mx::StreamOrDevice s) {
  return x.ndim() > 0 && can_fuse({x}, s) && fuses(x, weight, s) && fuses(x, bias, s);
}

array layer_norm(
    const array& x,
    const std::optional<array>& weight,
    const std::optional<array>& bias,
    float eps,
    mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  const bool has_weight = weight.has_value(), has_bias = bias.has_value();
  return normalization(x, weight, bias, true, eps, stream, [=](const std::vector<array>& inputs) {
    std::optional<array> weight, bias;
    if (has_weight) {
      weight = inputs[1];
    }
    if (has_bias) {
      bias = inputs[has_weight ? 2 : 1];
    }
    return std::vector<array>{mx::fast::layer_norm(inputs[0], weight, bias, eps, stream)};
  });
}

}  // namespace mlx_c::cpu
