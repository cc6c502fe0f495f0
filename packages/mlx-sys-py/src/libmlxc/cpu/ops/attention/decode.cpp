#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "cpu/ops/attention/forms.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Keys of one task.
constexpr int part_size = 256;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

bool has_rows(const array& a) {
  return a.shape(-1) == 1 || a.strides(-1) == 1;
}

// The partial results of one head (split-K): weighted sums of values, each relative to the maximum
// score of its part.
struct Parts {
  const float *sums, *greatest, *totals;
  int count;
  std::ptrdiff_t step;  // from a head in one part to the same head in the next
};

// y = the sum of the parts, rescaled to a common maximum (online softmax).
void join(const Parts& parts, int width, float* y) {
  float top = parts.greatest[0], total = 0;
  for (int i = 1; i < parts.count; i++) {
    top = std::max(top, parts.greatest[i * parts.step]);
  }
  std::fill(y, y + width, 0.0f);
  for (int i = 0; i < parts.count; i++) {
    const std::ptrdiff_t at = i * parts.step;
    const float weight = parts.greatest[at] == top ? 1 : std::exp(parts.greatest[at] - top);
    total += weight * parts.totals[at];
    const float* sums = parts.sums + at * width;
    for (int j = 0; j < width; j++) {
      y[j] += weight * sums[j];
    }
  }
  for (int j = 0; j < width; j++) {
    y[j] /= total;
  }
}

}  // namespace

void attend_groups(
    const Kernels& kernels,
    const Attention& p,
    const View& queries_view,
    std::span<const SharedKeys> groups,
    void* y) {
  const ElementType type = queries_view.type;
  // Parts of all groups, one after the other.
  std::vector<int> first(groups.size() + 1);
  double multiplications = 0;
  for (std::size_t i = 0; i < groups.size(); i++) {
    first[i + 1] = first[i] + pieces(groups[i].count, part_size);
    multiplications += static_cast<double>(p.repeats) * groups[i].count * (p.width + p.value_width);
  }
  const int row = pieces(p.width, DecodeAttentionArgs::padding) * DecodeAttentionArgs::padding;
  const std::size_t items = p.items, results = static_cast<std::size_t>(first.back()) * p.repeats;
  const Buffer<float> memory(items * (row + p.value_width) + results * (p.value_width + 2));
  float* const queries = memory.data();
  float* const joined = queries + items * row;
  float* const sums = joined + items * p.value_width;
  float* const greatest = sums + results * p.value_width;
  float* const totals = greatest + results;

  queries_view.copy_to(kernels, queries);
  // From the last row to the first: rows grow in place.
  for (int item = p.items - 1; item >= 0; item--) {
    const float* source = queries + static_cast<std::ptrdiff_t>(item) * p.width;
    float* target = queries + static_cast<std::ptrdiff_t>(item) * row;
    for (int i = p.width - 1; i >= 0; i--) {
      target[i] = source[i] * p.scale;
    }
    std::fill(target + p.width, target + row, 0.0f);
  }

  // Heads that share keys (grouped queries) are contiguous, and so are their partial results.
  const auto task = [&](int index) {
    const auto group =
        static_cast<int>(std::upper_bound(first.begin(), first.end(), index) - first.begin()) - 1;
    const int begin = (index - first[group]) * part_size;
    const SharedKeys& shared = groups[group];
    const Operand key = from(shared.keys, type, begin, 0);
    const Operand value = from(shared.values, type, begin, 0);
    auto* weights =
        static_cast<float*>(scratch<DecodeAttention>(sizeof(float) * p.repeats * part_size));
    const std::ptrdiff_t head = static_cast<std::ptrdiff_t>(group) * p.repeats;
    const std::ptrdiff_t result = static_cast<std::ptrdiff_t>(index) * p.repeats;
    kernels.attention.decode(
        {type,
         p.repeats,
         std::min(part_size, shared.count - begin),
         p.width,
         p.value_width,
         queries + head * row,
         key.data,
         value.data,
         key.row,
         value.row,
         weights,
         greatest + result,
         totals + result,
         sums + result * p.value_width});
  };
  if (multiplications < worth_threads) {
    for (int i = 0; i < first.back(); i++) {
      task(i);
    }
  } else {
    parallel_for(first.back(), task);
  }

  for (int item = 0; item < p.items; item++) {
    const int group = item / p.repeats;
    const std::ptrdiff_t result =
        static_cast<std::ptrdiff_t>(first[group]) * p.repeats + item % p.repeats;
    join(
        {sums + result * p.value_width,
         greatest + result,
         totals + result,
         first[group + 1] - first[group],
         p.repeats},
        p.value_width,
        joined + static_cast<std::ptrdiff_t>(item) * p.value_width);
  }
  kernels.convert.narrow(joined, y, type, items * p.value_width);
}

DecodeAttention::DecodeAttention(const array& queries, const array& keys, const array& values)
    : queries_(queries), keys_(keys, queries_.type), values_(values, queries_.type) {}

bool DecodeAttention::reads(const array& keys, const array& values) {
  return has_rows(keys) && has_rows(values);
}

void DecodeAttention::attend(const Kernels& kernels, const Attention& p, void* y) const {
  std::vector<SharedKeys> groups(p.items / p.repeats);
  for (std::size_t i = 0; i < groups.size(); i++) {
    const int group = static_cast<int>(i);
    groups[i] = {keys_[group], values_[group], p.keys};
  }
  attend_groups(kernels, p, queries_, groups, y);
}

}  // namespace mlx_c::cpu
