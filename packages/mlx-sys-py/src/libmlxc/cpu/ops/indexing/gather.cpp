// Gather: take, embeddings, indexing with arrays.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/indexing/reader.hpp"
#include "cpu/ops/ops.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Bytes that one task copies.
constexpr std::size_t task_size = 1 << 16;
// Offsets that are computed ahead.
constexpr std::size_t block_size = 512;

// Software prefetch: so many slices ahead, and at most so many bytes of each. The hardware
// prefetcher cannot predict gathers.
constexpr std::size_t slices_ahead = 4;
constexpr std::size_t bytes_ahead = 2048;
// Results of this size are written with non-temporal stores, which avoid reading the lines first.
constexpr std::size_t large_result = 8 << 20;

void ask_for(const char* p, std::size_t bytes) {
  for (std::size_t i = 0; i < std::min(bytes, bytes_ahead); i += 64) {
    __builtin_prefetch(p + i);
  }
}

#if defined(__x86_64__)
// Non-temporal stores of a multiple of 8 bytes to an aligned address.
void copy_past_caches(char* to, const char* from, std::size_t bytes) {
  const char* const end = from + bytes;
  const auto copy_eight = [&] {
    long long item;
    std::memcpy(&item, from, sizeof item);
    _mm_stream_si64(reinterpret_cast<long long*>(to), item);
    to += sizeof item, from += sizeof item;
  };
  if (from < end && reinterpret_cast<std::uintptr_t>(to) % 16 != 0) {
    copy_eight();
  }
  for (; end - from >= 16; to += 16, from += 16) {
    _mm_stream_si128(
        reinterpret_cast<__m128i*>(to), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  if (from < end) {
    copy_eight();
  }
}

// Makes non-temporal stores visible to other threads (store fence).
void finish_copies() {
  _mm_sfence();
}
#else
void copy_past_caches(char* to, const char* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
}

void finish_copies() {}
#endif

struct Taking {
  const char* source;
  char* target;
  std::size_t item;
  std::vector<AxisIndices> indices;
  std::size_t count;  // of indices
  mx::Shape slice;    // of the source, copied for each index
  mx::Strides strides;
  bool in_order;  // whether a slice is contiguous
  ErrorReport report;

  void operator()() const {
    std::size_t size = 1;
    for (int extent : slice) {
      size *= static_cast<std::size_t>(extent);
    }
    const std::size_t step = std::max<std::size_t>(1, task_size / (size * item));
    const auto wrong = run_tasks((count + step - 1) / step, [&](std::size_t task) {
      const std::size_t begin = task * step;
      return take(begin, std::min(step, count - begin), size);
    });
    if (!wrong) {
      return;
    }
    std::memset(target, 0, count * size * item);
    report(*wrong);
  }

 private:
  // The slices for a range of indices.
  std::optional<std::string> take(std::size_t begin, std::size_t some, std::size_t size) const {
    std::optional<std::string> wrong;
    for (std::size_t done = 0; done < some && !wrong; done += block_size) {
      std::int64_t offsets[block_size];
      const std::size_t block = std::min(block_size, some - done);
      wrong = read_offsets("gather", indices, begin + done, block, offsets);
      char* to = target + (begin + done) * size * item;
      if (size == 1 && !wrong) {
        take_elements(offsets, block, to);
      } else if (!wrong && in_order) {
        take_runs(offsets, block, to, size * item);
      } else if (!wrong) {
        for (std::size_t i = 0; i < block; i++) {
          take_slice(offsets[i], to + i * size * item);
        }
      }
    }
    return wrong;
  }

  void take_elements(const std::int64_t* offsets, std::size_t block, char* to) const {
    with_bytes(item, [&]<class T>(T) {
      for (std::size_t i = 0; i < block; i++) {
        std::memcpy(to + i * sizeof(T), source + offsets[i] * sizeof(T), sizeof(T));
      }
    });
  }

  // Contiguous slices.
  void take_runs(
      const std::int64_t* offsets, std::size_t block, char* to, std::size_t bytes) const {
    const auto from = [&](std::size_t i) {
      return source + offsets[i] * static_cast<std::int64_t>(item);
    };
    const bool past_caches = count * bytes >= large_result && bytes % 8 == 0 &&
        reinterpret_cast<std::uintptr_t>(to) % 8 == 0;
    for (std::size_t i = 0; i < block; i++, to += bytes) {
      if (!past_caches) {
        std::memcpy(to, from(i), bytes);
        continue;
      }
      if (i + slices_ahead < block) {
        ask_for(from(i + slices_ahead), bytes);
      }
      copy_past_caches(to, from(i), bytes);
    }
    if (past_caches) {
      finish_copies();
    }
  }

  void take_slice(std::int64_t offset, char* to) const {
    const char* from = source + offset * static_cast<std::int64_t>(item);
    Copy{from, strides, to, mx::make_contiguous_strides(slice), slice, item}();
  }
};

class Gather : public KernelOverride {
 public:
  Gather(std::shared_ptr<mx::Primitive> original, std::vector<int> axes, mx::Shape slice)
      : KernelOverride(std::move(original)), axes_(std::move(axes)), slice_(std::move(slice)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    const std::size_t count = axes_.empty() ? 1 : inputs[1].size();
    const bool in_order = std::get<1>(mx::check_contiguity(slice_, x.strides()));
    dispatch(
        stream(),
        Taking{
            x.data<char>(),
            y.data<char>(),
            x.itemsize(),
            axis_indices(inputs, axes_, slice_, x.strides()),
            count,
            slice_,
            x.strides(),
            in_order,
            ErrorReport(y)});
  }

 private:
  const std::vector<int> axes_;
  const mx::Shape slice_;
};

}  // namespace

Override gather(array& node) {
  if (is_stock()) {
    return checked_gather(node);
  }
  const auto [axes, slice] = static_cast<const mx::Gather&>(node.primitive()).state();
  for (std::size_t i = 1; i < node.inputs().size(); i++) {
    if (!holds_indices(node.inputs()[i])) {
      return checked_gather(node);
    }
  }
  return std::make_shared<Gather>(node.primitive_ptr(), axes, slice);
}

}  // namespace mlx_c::cpu
