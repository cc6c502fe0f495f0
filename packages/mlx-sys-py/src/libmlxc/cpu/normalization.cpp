// Normalisation of the last axis by its variance (layer_norm) or its mean square (rms_norm).
#include <algorithm>
#include <optional>

#include "fast.hpp"
#include "fused.hpp"
#include "memory.hpp"
#include "mlx/fast.h"
#include "pool.hpp"
#include "steps.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Numbers that one task computes.
constexpr int task_size = 1 << 14;
// Tasks that sum up gradients, each into memory of its own.
constexpr int most_sums = 64;

// The rows of an array as floats.
class Rows {
 public:
  Rows(const Kernels& kernels, const View& x)
      : kernels_(kernels),
        type_(x.type),
        size_(x.shape.back()),
        count_(static_cast<int>(x.size() / size_)),
        data_(static_cast<const char*>(x.data)) {
    if (x.row_contiguous) return;
    ordered_.emplace(x.size());
    x.copy_to(kernels, ordered_->data());
    data_ = reinterpret_cast<const char*>(ordered_->data());
    type_ = Float::f32;
  }

  int size() const {
    return size_;
  }
  int count() const {
    return count_;
  }

  // A row: where it lies, or in `memory`.
  const float* read(int row, float* memory) const {
    const char* at = data_ + static_cast<std::size_t>(row) * size_ * item_size(type_);
    if (type_ == Float::f32) return reinterpret_cast<const float*>(at);
    kernels_.widen(at, type_, memory, size_);
    return memory;
  }

 private:
  const Kernels& kernels_;
  Float type_;
  int size_, count_;
  const char* data_;
  std::optional<Buffer<float>> ordered_;
};

// The rows of a result.
struct Target {
  char* data;
  Float type;
  int size;

  // Where a row is to be computed: in its place, or in `memory`, from where `put` takes it there.
  float* row(int row, float* memory) const {
    return type == Float::f32 ? reinterpret_cast<float*>(at(row)) : memory;
  }

  void put(const Kernels& kernels, int row, const float* values) const {
    if (type != Float::f32) kernels.narrow(values, at(row), type, size);
  }

 private:
  char* at(int row) const {
    return data + static_cast<std::size_t>(row) * size * item_size(type);
  }
};

// A weight or bias, as floats.
class Parameter {
 public:
  Parameter(const Kernels& kernels, const std::optional<View>& view) {
    if (!view) return;
    memory_.emplace(view->size());
    view->copy_to(kernels, memory_->data());
  }

  const float* data() const {
    return memory_ ? memory_->data() : nullptr;
  }

 private:
  std::optional<Buffer<float>> memory_;
};

// The inputs of a normalisation as they come: x, weight and bias if there are such, and for the
// gradients that of the result.
struct Inputs {
  bool has_weight, has_bias;

  std::optional<View> weight(const std::vector<array>& inputs) const {
    return has_weight ? std::optional<View>(inputs[1]) : std::nullopt;
  }
  std::optional<View> bias(const std::vector<array>& inputs) const {
    return has_bias ? std::optional<View>(inputs[has_weight ? 2 : 1]) : std::nullopt;
  }
};

char* allocated(array& y) {
  y.set_data(allocate(y.nbytes()));
  return y.data<char>();
}

class NormalizationGradients : public Fused {
 public:
  NormalizationGradients(mx::Stream stream, Function definition, Norm norm, Inputs roles)
      : Fused(stream, std::move(definition)), norm_(norm), roles_(roles) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const Float type = *float_type(inputs[0].dtype());
    std::vector<char*> targets;
    for (array& output : outputs) targets.push_back(allocated(output));
    dispatch(
        stream(),
        [table = kernels(),
         norm = norm_,
         roles = roles_,
         type,
         targets = std::move(targets),
         x = View(inputs[0]),
         gradient = View(inputs.back()),
         weight = roles_.weight(inputs)] {
          run(*table, norm, roles, type, targets, x, gradient, weight);
        });
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    std::vector<mx::Shape> shapes;
    for (std::size_t i = 0; i + 1 < inputs.size(); i++) shapes.push_back(inputs[i].shape());
    return shapes;
  }

  const char* name() const override {
    return "NormalizationGradients";
  }

 private:
  static void run(
      const Kernels& kernels,
      const Norm& norm,
      const Inputs& roles,
      Float type,
      const std::vector<char*>& targets,
      const View& x,
      const View& gradient,
      const std::optional<View>& weight) {
    const Parameter factors(kernels, weight);
    const Rows rows(kernels, x), gradients(kernels, gradient);
    const int size = norm.size;
    const int least = std::max(1, task_size / size);
    const int step = std::max(least, (rows.count() + most_sums - 1) / most_sums);
    const int tasks = (rows.count() + step - 1) / step;
    const int summed = static_cast<int>(targets.size()) - 1;
    Buffer<float> sums(static_cast<std::size_t>(tasks) * summed * size);
    const Target of_x{targets[0], type, size};
    parallel_for(tasks, [&](int task) {
      float* const sum = sums.data() + static_cast<std::size_t>(task) * summed * size;
      std::fill_n(sum, summed * size, 0.0f);
      float* const of_weight = roles.has_weight ? sum : nullptr;
      float* const of_bias = roles.has_bias ? sum + (summed - 1) * size : nullptr;
      Buffer<float> memory(3 * static_cast<std::size_t>(size));
      float *const first = memory.data(), *const second = first + size,
                   *const third = second + size;
      for (int row = task * step; row < std::min(rows.count(), (task + 1) * step); row++) {
        float* const target = of_x.row(row, third);
        kernels.normalize_gradients(
            norm,
            rows.read(row, first),
            factors.data(),
            gradients.read(row, second),
            target,
            of_weight,
            of_bias);
        of_x.put(kernels, row, target);
      }
    });
    for (int i = 0; i < summed; i++) {
      float* const total = sums.data() + static_cast<std::size_t>(i) * size;
      for (int task = 1; task < tasks; task++) {
        const float* sum = total + static_cast<std::size_t>(task) * summed * size;
        for (int j = 0; j < size; j++) total[j] += sum[j];
      }
      kernels.narrow(total, targets[i + 1], type, size);
    }
  }

  const Norm norm_;
  const Inputs roles_;
};

class Normalization : public Fused {
 public:
  Normalization(mx::Stream stream, Function definition, Norm norm, Inputs roles)
      : Fused(stream, std::move(definition)), norm_(norm), roles_(roles) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    dispatch(
        stream(),
        [table = kernels(),
         norm = norm_,
         x = View(inputs[0]),
         weight = roles_.weight(inputs),
         bias = roles_.bias(inputs),
         y = allocated(outputs[0])] { run(*table, norm, x, weight, bias, y); });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>&) override {
    std::vector<array> inputs = primals;
    inputs.push_back(cotangents[0]);
    std::vector<mx::Shape> shapes;
    for (const array& primal : primals) shapes.push_back(primal.shape());
    const auto all = array::make_arrays(
        std::move(shapes),
        std::vector<mx::Dtype>(primals.size(), primals[0].dtype()),
        std::make_shared<NormalizationGradients>(
            stream(), gradients_of(definition_), norm_, roles_),
        inputs);
    std::vector<array> result;
    for (const int i : argnums) result.push_back(all[i]);
    return result;
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    return {inputs[0].shape()};
  }

  const char* name() const override {
    return norm_.centred ? "LayerNorm" : "RMSNorm";
  }

 private:
  static void run(
      const Kernels& kernels,
      const Norm& norm,
      const View& x,
      const std::optional<View>& weight,
      const std::optional<View>& bias,
      char* y) {
    const Parameter factors(kernels, weight), summands(kernels, bias);
    const Rows rows(kernels, x);
    const Target target{y, x.type, norm.size};
    const int step = std::max(1, task_size / norm.size);
    parallel_for((rows.count() + step - 1) / step, [&](int task) {
      Buffer<float> memory(norm.size);
      for (int row = task * step; row < std::min(rows.count(), (task + 1) * step); row++) {
        float* const result = target.row(row, memory.data());
        kernels.normalize(
            norm, rows.read(row, memory.data()), factors.data(), summands.data(), result);
        target.put(kernels, row, result);
      }
    });
  }

  const Norm norm_;
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
  if (weight) inputs.push_back(*weight);
  if (bias) inputs.push_back(*bias);
  return array(
      x.shape(),
      x.dtype(),
      std::make_shared<Normalization>(
          stream,
          std::move(definition),
          Norm{centred, eps, x.shape(-1)},
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
        if (inputs.size() > 1) weight = inputs[1];
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
    if (has_weight) weight = inputs[1];
    if (has_bias) bias = inputs[has_weight ? 2 : 1];
    return std::vector<array>{mx::fast::layer_norm(inputs[0], weight, bias, eps, stream)};
  });
}

}  // namespace mlx_c::cpu
