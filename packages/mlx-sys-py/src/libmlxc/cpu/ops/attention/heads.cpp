#include "cpu/ops/attention/heads.hpp"

#include <algorithm>
#include <limits>

#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/ops/attention/heads.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

namespace mx = mlx::core;
using mx::array;

namespace {

// The score of a key that a mask hides.
constexpr float hidden = -std::numeric_limits<float>::infinity();

bool can_be_broadcast(const mx::Shape& from, const mx::Shape& to) {
  if (from.size() > to.size()) {
    return false;
  }
  return std::equal(
      from.rbegin(), from.rend(), to.rbegin(), [](int a, int b) { return a == b || a == 1; });
}

}  // namespace

bool fits(const AttentionForm& form, const std::vector<array>& inputs) {
  for (int i = 0; i < 3; i++) {
    if (inputs[i].ndim() != 4) {
      return false;
    }
  }
  const auto &q = inputs[0].shape(), &k = inputs[1].shape(), &v = inputs[2].shape();
  if (form.has_mask && !can_be_broadcast(inputs[3].shape(), {q[0], q[1], q[2], k[2]})) {
    return false;
  }
  if (form.has_sinks && inputs[form.has_mask ? 4 : 3].shape() != mx::Shape{q[1]}) {
    return false;
  }
  return q[0] == k[0] && q[3] > 0 && q[0] == v[0] && k[1] == v[1] &&
      (k[1] == 0 ? q[1] == 0 : q[1] % k[1] == 0) && q[3] == k[3] && k[2] == v[2] &&
      (!form.causal || q[2] <= k[2]);
}

Mask::Mask(const array& mask, int heads)
    : data_(mask.data<char>()), heads_(heads), type_(float_type(mask.dtype())) {
  const int dims = static_cast<int>(mask.ndim());
  for (int d = 0; d < dims; d++) {
    if (mask.shape(d) != 1) {
      strides_[4 - dims + d] = mask.strides(d);
    }
  }
}

std::ptrdiff_t Mask::offset(int head, int query) const {
  return head / heads_ * strides_[0] + head % heads_ * strides_[1] + query * strides_[2];
}

void Mask::hide(int head, int query, int keys, float value, float* scores) const {
  if (type_) {
    return;
  }
  const char* row = data_ + offset(head, query);
  for (int i = 0; i < keys; i++) {
    if (!row[i * strides_[3]]) {
      scores[i] = value;
    }
  }
}

void Mask::apply(const Kernels& kernels, int head, int query, int keys, float* scores) const {
  if (!type_) {
    return hide(head, query, keys, hidden, scores);
  }
  const std::size_t item = item_size(*type_);
  const char* row = data_ + offset(head, query) * static_cast<std::ptrdiff_t>(item);
  const std::ptrdiff_t step = strides_[3];
  std::optional<Buffer<char>> ordered;
  if (step != 1) {
    ordered.emplace(keys * item);
    copy_strided(row, step, keys, item, ordered->data());
    row = ordered->data();
  }
  Buffer<float> summands(keys);
  kernels.convert.widen(row, *type_, summands.data(), keys);
  for (int i = 0; i < keys; i++) {
    scores[i] += summands.data()[i];
  }
}

AttentionInputs::AttentionInputs(const AttentionForm& form, const std::vector<array>& inputs)
    : queries(inputs[0]), keys(inputs[1]), values(inputs[2]) {
  if (form.has_mask) {
    mask.emplace(inputs[3], inputs[0].shape(1));
  }
  if (form.has_sinks) {
    sinks.emplace(inputs[form.has_mask ? 4 : 3]);
  }
}

Heads::Heads(const Kernels& kernels, const AttentionForm& form, const AttentionInputs& inputs)
    : count(inputs.queries.shape[0] * inputs.queries.shape[1]),
      repeats(inputs.queries.shape[1] / inputs.keys.shape[1]),
      queries(inputs.queries.shape[2]),
      keys(inputs.keys.shape[2]),
      width(inputs.queries.shape[3]),
      value_width(inputs.values.shape[3]),
      scale(form.scale),
      kernels_(kernels),
      causal_(form.causal),
      queries_(kernels, inputs.queries),
      keys_(kernels, inputs.keys),
      values_(kernels, inputs.values),
      mask_(inputs.mask),
      heads_(inputs.queries.shape[1]) {
  if (!inputs.sinks) {
    return;
  }
  sinks_.emplace(heads_);
  inputs.sinks->copy_to(kernels, sinks_->data());
}

Weights Heads::weights(int head, Range range) const {
  const int count = range.end - range.begin;
  // Query i sees the keys up to i + past.
  const int past = keys - queries;
  const int seen = causal_ ? range.end + past : keys;
  // A sink is one more score, before the others.
  const int first = sinks_ ? 1 : 0, row = first + seen;
  Weights result{Buffer<float>(static_cast<std::size_t>(count) * row), nullptr, seen, row};
  result.data = result.memory.data() + first;
  const Operand q = from(query(head), ElementType::f32, range.begin, 0);
  multiply(kernels_, q, transposed(key(head)), count, seen, width, scale, result.data, row);
  for (int i = 0; i < count; i++) {
    float* const scores = result.data + static_cast<std::ptrdiff_t>(i) * row;
    const int visible = causal_ ? range.begin + i + past + 1 : seen;
    if (mask_) {
      mask_->apply(kernels_, head, range.begin + i, visible, scores);
    }
    if (sinks_) {
      scores[-1] = sinks_->data()[head % heads_];
    }
    // A query that sees nothing takes nothing: the softmax would be NaN.
    const bool blind =
        mask_ && std::all_of(scores - first, scores + visible, [](float x) { return x == hidden; });
    if (!blind) {
      kernels_.softmax.in_place(scores - first, first + visible);
    }
    std::fill(blind ? scores - first : scores + visible, scores + seen, 0.0f);
  }
  return result;
}

void multiply(
    const Kernels& kernels,
    Operand a,
    Operand b,
    int m,
    int n,
    int k,
    float scale,
    float* y,
    std::ptrdiff_t y_row) {
  multiply(kernels, {ElementType::f32, m, n, k, a, b, {}, y, y_row, 1, scale, 0});
}

HeadResults::HeadResults(array& y, const array* like)
    : type_(*float_type(y.dtype())), size_(y.size()), heads_(y.shape(1)), floats_(nullptr) {
  mx::Strides strides = y.strides();
  if (like && like->strides(1) < like->strides(2)) {
    strides[1] = y.shape(3);
    strides[2] = static_cast<std::int64_t>(y.shape(1)) * y.shape(3);
  }
  const auto [size, rows, columns] = mx::check_contiguity(y.shape(), strides);
  allocate_for(y, size, strides, {true, rows, columns});
  data_ = y.data<void>();
  batch_ = strides[0];
  head_ = strides[1];
  row_ = strides[2];
}

void HeadResults::allocate() {
  if (type_ != ElementType::f32) {
    memory_ = std::make_shared<Buffer<float>>(size_);
  }
  floats_ = memory_ ? memory_->data() : static_cast<float*>(data_);
}

float* HeadResults::head(int head) const {
  return floats_ + head / heads_ * batch_ + head % heads_ * head_;
}

void HeadResults::finish(const Kernels& kernels) const {
  if (memory_) {
    kernels.convert.narrow(floats_, data_, type_, size_);
  }
}

}  // namespace mlx_c::cpu
