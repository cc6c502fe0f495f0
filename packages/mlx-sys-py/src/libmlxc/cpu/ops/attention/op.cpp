// Scaled dot-product attention, without the matrix of all scores.
#include <algorithm>
#include <limits>

#include <mlx/fast.h>
#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/attention/forms.hpp"
#include "cpu/ops/attention/heads.hpp"
#include "cpu/ops/fused_ops.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

void attend(const Kernels& kernels, const Heads& heads, const HeadResults& y) {
  const int blocks = pieces(heads.queries, query_block);
  parallel_for(heads.count * blocks, [&](int task) {
    const int head = task / blocks, begin = task % blocks * query_block;
    const int end = std::min(begin + query_block, heads.queries);
    const Weights weights = heads.weights(head, {begin, end});
    multiply(
        kernels,
        weights.operand(),
        heads.value(head),
        end - begin,
        heads.value_width,
        weights.keys,
        1,
        y.head(head) + begin * y.row(),
        y.row());
  });
}

class ScaledDotProductAttention : public Fused {
 public:
  ScaledDotProductAttention(mx::Stream stream, Function definition, const AttentionForm& form)
      : Fused(stream, std::move(definition)), form_(form) {}

  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>& cotangents,
      const std::vector<int>& argnums,
      const std::vector<array>& outputs) override {
    // Masks and sinks are hardly ever trained.
    if (std::any_of(argnums.begin(), argnums.end(), [](int i) { return i > 2; })) {
      return Fused::vjp(primals, cotangents, argnums, outputs);
    }
    const auto all = attention_gradients(form_, definition_, primals, cotangents[0], stream());
    std::vector<array> result;
    for (const int i : argnums) {
      result.push_back(all[i]);
    }
    return result;
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    require(fits(form_, inputs), "scaled_dot_product_attention", inputs);
    mx::Shape shape = inputs[0].shape();
    shape[3] = inputs[2].shape(3);
    return {shape};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const ScaledDotProductAttention*>(&other);
    return same && same->form_ == form_;
  }

  const char* name() const override {
    return "ScaledDotProductAttention";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &q = inputs[0], &k = inputs[1], &v = inputs[2];
    const Attention p{
        q.shape(0) * q.shape(1),
        q.shape(1) / k.shape(1),
        q.shape(2),
        k.shape(2),
        q.shape(3),
        v.shape(3),
        form_.scale,
        form_.causal && q.shape(2) > 1};
    const bool plain = inputs.size() == 3;
    if (plain && p.queries == 1 && DecodeAttention::reads(k, v)) {
      array& y = outputs[0];
      allocate_for(y);
      return dispatch(
          stream(),
          [table = kernels(), p, single = DecodeAttention(q, k, v), data = y.data<void>()] {
            single.attend(*table, p, data);
          });
    }
    const bool try_integers = plain && q.dtype() != mx::float32;
    dispatch(
        stream(),
        [table = kernels(),
         form = form_,
         p,
         try_integers,
         inputs = AttentionInputs(form_, inputs),
         y = HeadResults(outputs[0], try_integers ? nullptr : &q)]() mutable {
          if (try_integers &&
              attend_in_integers(*table, p, inputs.queries, inputs.keys, inputs.values, y.data())) {
            return;
          }
          y.allocate();
          attend(*table, Heads(*table, form, inputs), y);
          y.finish(*table);
        });
  }

 private:
  const AttentionForm form_;
};

std::vector<array> inputs_of(
    const array& queries,
    const array& keys,
    const array& values,
    const std::optional<array>& mask,
    const std::optional<array>& sinks) {
  std::vector<array> inputs{queries, keys, values};
  if (mask) {
    inputs.push_back(*mask);
  }
  if (sinks) {
    inputs.push_back(*sinks);
  }
  return inputs;
}

// MLX's own.
array stock_attention(
    const array& queries,
    const array& keys,
    const array& values,
    float scale,
    const std::string& mask_mode,
    const std::optional<array>& mask,
    const std::optional<array>& sinks,
    bool force_fused,
    mx::StreamOrDevice s) {
  const auto attend = [&](const std::optional<array>& applied) {
    return mx::fast::scaled_dot_product_attention(
        queries, keys, values, scale, mask_mode, applied, sinks, force_fused, s);
  };
  if (mask_mode == "causal" && queries.ndim() == 4 && keys.ndim() == 4) {
    const array y = attend(mask);
    const int blind = queries.shape(2) - keys.shape(2);
    if (blind <= 0 || sinks) {
      return y;
    }
    const array row = mx::reshape(mx::arange(queries.shape(2), s), {-1, 1}, s);
    return mx::where(mx::less(row, array(blind), s), array(0, y.dtype()), y, s);
  }
  const bool is_bool = mask && mask->dtype() == mx::bool_;
  const bool may_hide = mask && (is_bool || mx::issubdtype(mask->dtype(), mx::floating));
  // A sink is always seen.
  if (!may_hide || sinks || mask->ndim() == 0 || mask->size() == 0) {
    return attend(mask);
  }
  // What sees nothing sees all instead, so that no gradient is NaN, and the result is dropped.
  const array least(-std::numeric_limits<float>::infinity(), mask->dtype());
  const array sees =
      is_bool ? mx::any(*mask, -1, true, s) : mx::not_equal(mx::max(*mask, -1, true, s), least, s);
  const array y = attend(
      is_bool ? mx::logical_or(*mask, mx::logical_not(sees, s), s)
              : mx::where(sees, *mask, array(0, mask->dtype()), s));
  return mx::where(sees, y, array(0, y.dtype()), s);
}

bool fuses_attention(
    const array& queries,
    const array& keys,
    const array& values,
    const std::string& mask_mode,
    const std::optional<array>& mask,
    const std::optional<array>& sinks,
    mx::StreamOrDevice s) {
  if (!can_fuse({queries, keys, values}, s)) {
    return false;
  }
  const AttentionForm form{0, mask_mode == "causal", mask.has_value(), sinks.has_value()};
  if (mask_mode != (mask ? "array" : form.causal ? "causal" : "")) {
    return false;
  }
  if (mask && mask->dtype() != mx::bool_ && !can_fuse({queries, *mask}, s)) {
    return false;
  }
  if (sinks && !can_fuse({queries, *sinks}, s)) {
    return false;
  }
  return fits(form, inputs_of(queries, keys, values, mask, sinks));
}

array attention(
    const array& queries,
    const array& keys,
    const array& values,
    float scale,
    const std::string& mask_mode,
    const std::optional<array>& mask,
    const std::optional<array>& sinks,
    mx::StreamOrDevice s) {
  const mx::Stream stream = mx::to_stream(s);
  const AttentionForm form{scale, mask_mode == "causal", mask.has_value(), sinks.has_value()};
  const auto definition = [=](const std::vector<array>& inputs) {
    std::optional<array> mask, sinks;
    if (form.has_mask) {
      mask = inputs[3];
    }
    if (form.has_sinks) {
      sinks = inputs.back();
    }
    return std::vector<array>{stock_attention(
        inputs[0], inputs[1], inputs[2], scale, mask_mode, mask, sinks, false, stream)};
  };
  mx::Shape shape = queries.shape();
  shape[3] = values.shape(3);
  return array(
      std::move(shape),
      queries.dtype(),
      std::make_shared<ScaledDotProductAttention>(stream, definition, form),
      inputs_of(queries, keys, values, mask, sinks));
}

}  // namespace

}  // namespace mlx_c::cpu

namespace mlx_c::fast {

mlx::core::array scaled_dot_product_attention(
    const mlx::core::array& queries,
    const mlx::core::array& keys,
    const mlx::core::array& values,
    float scale,
    const std::string& mask_mode,
    const std::optional<mlx::core::array>& mask,
    const std::optional<mlx::core::array>& sinks,
    bool force_fused,
    mlx::core::StreamOrDevice s) {
  return cpu::fuses_attention(queries, keys, values, mask_mode, mask, sinks, s)
      ? cpu::attention(queries, keys, values, scale, mask_mode, mask, sinks, s)
      : cpu::stock_attention(queries, keys, values, scale, mask_mode, mask, sinks, force_fused, s);
}

}  // namespace mlx_c::fast
