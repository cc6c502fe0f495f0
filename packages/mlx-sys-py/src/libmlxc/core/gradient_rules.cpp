#include "core/gradient_rules.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <mlx/ops.h>
#include <mlx/transforms.h>

#include "core/linalg_gradients.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;

mx::array constant(float value, const mx::array& like) {
  return mx::array(value, like.dtype());
}

// The updates of a scatter: where they go, and how they are read back.
struct Updates {
  explicit Updates(const Arrays& primals, std::vector<int> axes, mx::Stream s)
      : values(primals.back()),
        indices(primals.begin() + 1, primals.end() - 1),
        axes(std::move(axes)),
        target(primals[0].shape()),
        slice(values.shape().end() - target.size(), values.shape().end()),
        s(s) {}

  // The elements of an array shaped like the target that the updates go to.
  mx::array elements(const mx::array& a) const {
    return mx::gather(a, indices, axes, slice, s);
  }

  // Which of the updates stays: for one element that is the last.
  mx::array are_last() const {
    mx::Shape shape(values.shape().begin(), values.shape().end() - target.size());
    int count = 1;
    for (auto length : shape) {
      count *= length;
    }
    shape.resize(values.ndim(), 1);
    const auto number = mx::broadcast_to(
        mx::reshape(mx::arange(0, count, 1, mx::int32, s), shape, s), values.shape(), s);
    const auto written = mx::scatter(mx::zeros(target, mx::int32, s), indices, number, axes, s);
    return mx::equal(elements(written), number, s);
  }

  mx::array products(const mx::array& factors) const {
    return mx::scatter_prod(mx::ones(target, factors.dtype(), s), indices, factors, axes, s);
  }

  // For each update the product of the others that go to the same element.
  mx::array products_of_others() const {
    const auto zero = constant(0, values), one = constant(1, values);
    const auto is_zero = mx::equal(values, zero, s);
    const auto product = elements(products(mx::where(is_zero, one, values, s)));
    const auto zeros = elements(
        mx::scatter_add(
            mx::zeros(target, values.dtype(), s),
            indices,
            mx::astype(is_zero, values.dtype(), s),
            axes,
            s));
    const auto without = mx::divide(product, mx::where(is_zero, one, values, s), s);
    return mx::where(
        is_zero,
        mx::where(mx::equal(zeros, one, s), product, zero, s),
        mx::where(mx::equal(zeros, zero, s), without, zero, s),
        s);
  }

  const mx::array values;
  const Arrays indices;
  const std::vector<int> axes;
  const mx::Shape target, slice;
  const mx::Stream s;
};

// Asks MLX's rule for what it has right: everything but one primal, or two.
class GradientPrimitive : public LentPrimitive {
 public:
  using LentPrimitive::LentPrimitive;

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override {
    Arrays results;
    for (int argnum : argnums) {
      const bool is_index = argnum > 0 && argnum + 1 < static_cast<int>(primals.size());
      results.push_back(
          is_index ? original_->vjp(primals, cotangents, {argnum}, outputs).at(0)
                   : gradient(primals, cotangents, argnum, outputs));
    }
    return results;
  }

 protected:
  virtual mx::array gradient(
      const Arrays& primals, const Arrays& cotangents, int argnum, const Arrays& outputs) = 0;
};

class ScatterGradient : public GradientPrimitive {
 public:
  using GradientPrimitive::GradientPrimitive;

 protected:
  mx::array gradient(
      const Arrays& primals, const Arrays& cotangents, int argnum, const Arrays& outputs) override {
    if (argnum == 0) {
      return original_->vjp(primals, cotangents, {0}, outputs).at(0);
    }
    const auto& op = static_cast<const mx::Scatter&>(*original_);
    const Updates updates(primals, op.state().second, stream());
    return mx::where(
        updates.are_last(), updates.elements(cotangents[0]), constant(0, cotangents[0]), stream());
  }
};

class ScatterProductGradient : public GradientPrimitive {
 public:
  using GradientPrimitive::GradientPrimitive;

 protected:
  mx::array gradient(
      const Arrays& primals, const Arrays& cotangents, int argnum, const Arrays&) override {
    const auto& op = static_cast<const mx::Scatter&>(*original_);
    const Updates updates(primals, op.state().second, stream());
    if (argnum == 0) {
      return mx::multiply(cotangents[0], updates.products(updates.values), stream());
    }
    return mx::multiply(
        updates.elements(mx::multiply(cotangents[0], primals[0], stream())),
        updates.products_of_others(),
        stream());
  }
};

class ScatterAxisGradient : public GradientPrimitive {
 public:
  using GradientPrimitive::GradientPrimitive;

 protected:
  mx::array gradient(
      const Arrays& primals, const Arrays& cotangents, int argnum, const Arrays& outputs) override {
    const auto all = original_->vjp(primals, cotangents, {argnum}, outputs).at(0);
    if (argnum == 0) {
      return all;
    }
    const auto s = stream();
    const int axis = static_cast<const mx::ScatterAxis&>(*original_).state().second;
    const auto& indices = primals[1];
    mx::Shape shape(indices.ndim(), 1);
    shape[axis] = indices.shape(axis);
    const auto number = mx::broadcast_to(
        mx::reshape(mx::arange(0, shape[axis], 1, mx::int32, s), shape, s), indices.shape(), s);
    const auto written =
        mx::put_along_axis(mx::zeros(primals[0].shape(), mx::int32, s), indices, number, axis, s);
    const auto last = mx::equal(mx::take_along_axis(written, indices, axis, s), number, s);
    return mx::where(last, all, constant(0, all), s);
  }
};

// MLX's rule has indices for elements behind the last value, too.
class MaskedScatterGradient : public GradientPrimitive {
 public:
  using GradientPrimitive::GradientPrimitive;

 protected:
  mx::array gradient(
      const Arrays& primals, const Arrays& cotangents, int argnum, const Arrays&) override {
    const auto s = stream();
    const auto& values = primals[2];
    const auto zero = constant(0, cotangents[0]);
    const auto mask = mx::reshape(primals[1], primals[0].shape(), s);
    if (argnum == 0) {
      return mx::where(mask, zero, cotangents[0], s);
    }
    if (values.size() == 0 || mask.size() == 0) {
      return mx::zeros_like(values, s);
    }
    const int rows = values.shape(0), count = static_cast<int>(values.size()) / rows;
    const auto chosen = mx::reshape(mask, {rows, -1}, s);
    const auto before = mx::cumsum(mx::astype(chosen, mx::int32, s), 1, false, false, s);
    const auto chosen_only = mx::where(chosen, mx::reshape(cotangents[0], {rows, -1}, s), zero, s);
    const auto sums = mx::scatter_add_axis(
        mx::zeros({rows, count}, zero.dtype(), s),
        mx::minimum(before, mx::array(count - 1), s),
        chosen_only,
        1,
        s);
    return mx::reshape(sums, values.shape(), s);
  }
};

class JvpOfVjp : public RepeatedPrimitive {
 public:
  explicit JvpOfVjp(mx::array& node) : RepeatedPrimitive(node), vjp_(vjp_rule(node)) {}

  Arrays jvp(
      const Arrays& primals, const Arrays& tangents, const std::vector<int>& argnums) override {
    // One that is lent has a rule that MLX has not, or another one. MLX's JVP of addmm leaves out
    // alpha and beta.
    if (!vjp_ && std::string_view(name()) != "AddMM") {
      try {
        return original_->jvp(primals, tangents, argnums);
      } catch (const std::exception&) {
        if (!has_vjp(primals, argnums)) {
          throw;
        }
      }
    }
    return mx::vjp(gradients(primals, argnums), zeros(), tangents).second;
  }

 private:
  mx::Primitive& rule() const {
    return vjp_ ? *vjp_ : *original_;
  }

  std::function<Arrays(const Arrays&)> gradients(
      const Arrays& primals, const std::vector<int>& argnums) {
    return [=, this, outputs = apply(primals)](const Arrays& cotangents) {
      return rule().vjp(primals, cotangents, argnums, outputs);
    };
  }

  bool has_vjp(const Arrays& primals, const std::vector<int>& argnums) {
    try {
      return gradients(primals, argnums)(zeros()).size() == argnums.size();
    } catch (const std::exception&) {
      return false;
    }
  }

  Arrays zeros() {
    Arrays results;
    for (size_t i = 0; i < shapes_.size(); i++) {
      results.push_back(mx::zeros(shapes_[i], dtypes_[i], stream()));
    }
    return results;
  }

  const std::shared_ptr<mx::Primitive> vjp_;
};

bool has_several(const mx::array& updates, const mx::array& target) {
  const auto& shape = updates.shape();
  return std::any_of(
      shape.begin(), shape.end() - target.ndim(), [](auto length) { return length != 1; });
}

}  // namespace

std::shared_ptr<mx::Primitive> vjp_rule(mx::array& node) {
  const std::string_view name = node.primitive().name();
  if (name == "MaskedScatter") {
    return std::make_shared<MaskedScatterGradient>(node);
  }
  if (!name.starts_with("Scatter")) {
    return factorization_rule(node);
  }
  const auto& inputs = node.inputs();
  if (name == "Scatter" && has_several(inputs.back(), inputs[0])) {
    return std::make_shared<ScatterGradient>(node);
  }
  if (name == "Scatter Prod") {
    return std::make_shared<ScatterProductGradient>(node);
  }
  if (name == "ScatterAxis") {
    return std::make_shared<ScatterAxisGradient>(node);
  }
  return nullptr;
}

std::shared_ptr<mx::Primitive> jvp_rule(mx::array& node) {
  // MLX asks for the type of the first; errors of the second are the user's.
  const std::string_view name = node.primitive().name();
  if (name == "StopGradient" || name == "CustomTransforms") {
    return nullptr;
  }
  return std::make_shared<JvpOfVjp>(node);
}

std::function<Arrays(const Arrays&)> lending(
    LentPrimitives& lent,
    std::function<Arrays(const Arrays&)> function,
    std::optional<std::vector<int>> argnums) {
  return
      [&lent, function = std::move(function), argnums = std::move(argnums)](const Arrays& inputs) {
        auto outputs = function(inputs);
        if (!argnums) {
          lent.lend(inputs, outputs);
          return outputs;
        }
        Arrays traced;
        const int count = static_cast<int>(inputs.size());
        for (int argnum : *argnums) {
          traced.push_back(inputs.at(argnum < 0 ? argnum + count : argnum));
        }
        lent.lend(traced, outputs);
        return outputs;
      };
}

}  // namespace mlx_c
