// Attention of many queries in half precision by int16 GEMM.
//
// Keys and values are packed once for all heads and queries that use them. A task takes one panel
// of queries through scores, softmax weights, which it packs as well, and results.
#include <algorithm>
#include <atomic>
#include <limits>

#include "cpu/ops/attention/forms.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

// Queries from which packing pays.
constexpr int many_queries = 16;
// Numbers of a group, which share a scale; also the keys of a panel.
constexpr int group = 32;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

// The rows of all heads of an array of shape [batch, heads, rows, width].
class Heads {
 public:
  explicit Heads(const View& view)
      : type(view.type), row(view.strides[2]), view_(view), heads_(view.shape[1]) {}

  // Of a head; heads are counted through all batches.
  const void* from(int head, int first_row) const {
    const std::ptrdiff_t at =
        head / heads_ * view_.strides[0] + head % heads_ * view_.strides[1] + first_row * row;
    return static_cast<const char*>(view_.data) + at * static_cast<std::ptrdiff_t>(item_size(type));
  }

  const ElementType type;
  const std::ptrdiff_t row;

 private:
  const View& view_;
  const int heads_;
};

class IntegerAttention {
 public:
  IntegerAttention(
      const Kernels& kernels, const Attention& p, const View& q, const View& k, const View& v)
      : kernels_(kernels),
        integers_(*kernels.int16_gemm),
        p_(p),
        queries_(q),
        keys_(k),
        values_(v),
        key_panels_(pieces(p.keys, group)),
        value_panels_(pieces(p.value_width, integers_.columns)),
        key_panel_(integers_.w_panel_size(scores(0))),
        value_group_(integers_.w_panel_size(weighted(group))),
        head_size_((key_panel_ + value_panels_ * value_group_) * key_panels_),
        packed_(head_size_ * (p.items / p.repeats)) {}

  // False if a number is out of range for int16, or not finite.
  bool pack() {
    std::atomic<bool> fits = true;
    parallel_for(p_.items / p_.repeats * key_panels_, [&](int task) {
      if (!pack(task / key_panels_, task % key_panels_)) {
        fits = false;
      }
    });
    return fits;
  }

  bool run(void* y) const {
    const int blocks = pieces(p_.queries, integers_.rows);
    std::atomic<bool> fits = true;
    parallel_for(p_.items * blocks, [&](int task) {
      const int item = task / blocks, begin = task % blocks * integers_.rows;
      if (!run(item, {begin, std::min(begin + integers_.rows, p_.queries)}, y)) {
        fits = false;
      }
    });
    return fits;
  }

 private:
  // GEMMs of a panel of queries with keys, and of their weights with values: integers of 15 bits by
  // integers of 13.
  Int16Gemm scores(std::ptrdiff_t y_row) const {
    return {p_.width, group, 15, false, true, ElementType::f32, y_row};
  }
  Int16Gemm weighted(int keys) const {
    return {keys, group, 15, false, true, ElementType::f32, p_.value_width};
  }

  std::int32_t* keys_of(int head, int panel) const {
    return packed_.data() + head * head_size_ + panel * key_panel_;
  }
  // The groups of a panel of values are contiguous, so a GEMM may end after any of them.
  std::int32_t* values_of(int head, int panel, int first_group) const {
    return keys_of(head, key_panels_) + (panel * key_panels_ + first_group) * value_group_;
  }

  bool pack(int head, int panel) {
    const int first = panel * group, count = std::min(group, p_.keys - first);
    const Operand keys{keys_.from(head, first), 1, keys_.row};
    bool fits = integers_.pack_columns(
        scores(0), keys, keys_.type, p_.width, count, p_.scale, keys_of(head, panel));
    for (int i = 0; i < value_panels_; i++) {
      const int column = i * integers_.columns;
      const auto* data = static_cast<const char*>(values_.from(head, first));
      const Operand values{data + column * item_size(values_.type), values_.row, 1};
      const int columns = std::min(integers_.columns, p_.value_width - column);
      fits &= integers_.pack_columns(
          weighted(group), values, values_.type, count, columns, 1, values_of(head, i, panel));
    }
    return fits;
  }

  bool run(int item, Range range, void* y) const {
    const int rows = range.end - range.begin, head = item / p_.repeats;
    const int panels = pieces(p_.visible(range.end - 1), group), keys = panels * group;
    const Int16Gemm scores = this->scores(keys), weighted = this->weighted(keys);
    const std::size_t score_count = static_cast<std::size_t>(rows) * keys;
    const std::size_t panel_size =
        std::max(integers_.x_panel_size(scores, rows), integers_.x_panel_size(weighted, rows));
    const std::size_t result_count = static_cast<std::size_t>(rows) * p_.value_width;
    auto* const score = static_cast<float*>(scratch<IntegerAttention>(
        sizeof(float) * (score_count + result_count + rows + panel_size)));
    auto* const result = score + score_count;
    auto* const sums = result + result_count;
    auto* const panel = reinterpret_cast<std::int32_t*>(sums + rows);

    const void* q = queries_.from(item, range.begin);
    if (!integers_.pack_x(scores, q, queries_.type, queries_.row, rows, panel)) {
      return false;
    }
    for (int i = 0; i < panels; i++) {
      integers_.multiply(scores, rows, group, panel, keys_of(head, i), score + i * group);
    }

    for (int i = 0; i < rows; i++) {
      float* const row = score + static_cast<std::size_t>(i) * keys;
      const int visible = p_.visible(range.begin + i);
      float greatest;
      // Whole vectors are faster than a remainder. Masked keys get the weight zero.
      std::fill(row + visible, row + keys, -std::numeric_limits<float>::infinity());
      sums[i] = kernels_.softmax.exponentials(row, keys, greatest);
    }
    if (!integers_.pack_x(weighted, score, ElementType::f32, keys, rows, panel)) {
      return false;
    }
    for (int i = 0; i < value_panels_; i++) {
      const int column = i * integers_.columns;
      const int columns = std::min(integers_.columns, p_.value_width - column);
      integers_.multiply(weighted, rows, columns, panel, values_of(head, i, 0), result + column);
    }
    for (int i = 0; i < rows; i++) {
      const float factor = 1 / sums[i];
      for (int j = 0; j < p_.value_width; j++) {
        result[i * p_.value_width + j] *= factor;
      }
    }
    const std::size_t at =
        (static_cast<std::size_t>(item) * p_.queries + range.begin) * p_.value_width;
    char* const target = static_cast<char*>(y) + at * item_size(queries_.type);
    kernels_.convert.narrow(result, target, queries_.type, result_count);
    return true;
  }

  const Kernels& kernels_;
  const Int16GemmKernels& integers_;
  const Attention& p_;
  const Heads queries_, keys_, values_;
  const int key_panels_, value_panels_;
  // Sizes in 32-bit words: of a panel of keys, of one group of a panel of values, and of a whole
  // head.
  const std::size_t key_panel_, value_group_, head_size_;
  const Buffer<std::int32_t> packed_;
};

// Whether rows can be read where they lie, in whole vectors.
bool readable(const View& view, int vector) {
  return view.strides[3] == 1 && view.strides[2] != 1 && view.shape[3] % vector == 0;
}

}  // namespace

bool attend_in_integers(
    const Kernels& kernels,
    const Attention& p,
    const View& queries,
    const View& keys,
    const View& values,
    void* y) {
  if (!kernels.int16_gemm || queries.type == ElementType::f32 || p.queries < many_queries) {
    return false;
  }
  if (!(p.scale >= 0x1p-12f && p.scale <= 0x1p12f)) {
    return false;
  }
  if (!readable(queries, group) || !readable(keys, group) || !readable(values, 16)) {
    return false;
  }
  IntegerAttention attention(kernels, p, queries, keys, values);
  return attention.pack() && attention.run(y);
}

}  // namespace mlx_c::cpu
