// Where elements are that are not zero.
#include <algorithm>
#include <cstdint>
#include <vector>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/searching_ops.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Elements of one task.
constexpr std::size_t task_size = 1 << 15;

struct Search {
  const void* source;
  std::size_t length;
  mx::Dtype type;
  std::uint32_t* target;
  std::size_t size;

  template <class U>
  void find(U mask) const {
    const auto* const bits = static_cast<const U*>(source);
    const std::size_t tasks = (length + task_size - 1) / task_size;
    // Each task collects its indices where no other one does: how many there are before it is not
    // known yet. Each index is written, and kept if the next one goes behind it.
    const Buffer<std::uint32_t> collected(length);
    std::vector<std::size_t> starts(tasks + 1, 0);
    parallel_for(static_cast<int>(tasks), [&](int task) {
      const std::size_t begin = task * task_size, end = std::min(length, begin + task_size);
      std::uint32_t* const found = collected.data() + begin;
      std::size_t count = 0;
      for (std::size_t i = begin; i < end; i++) {
        found[count] = static_cast<std::uint32_t>(i);
        count += (bits[i] & mask) != 0;
      }
      starts[task + 1] = count;
    });
    for (std::size_t task = 0; task < tasks; task++) {
      starts[task + 1] += starts[task];
    }
    parallel_for(static_cast<int>(tasks), [&](int task) {
      const std::size_t at = std::min(starts[task], size);
      const std::size_t count = std::min(starts[task + 1], size) - at;
      std::copy_n(collected.data() + task * task_size, count, target + at);
    });
    const std::size_t found = std::min(starts[tasks], size);
    std::fill(target + found, target + size, static_cast<std::uint32_t>(length));
  }

  void operator()() const {
    switch (type) {
      case mx::float16:
      case mx::bfloat16:
        // All but the sign.
        return find<std::uint16_t>(0x7fff);
      case mx::float32:
        return find<std::uint32_t>(0x7fffffff);
      case mx::float64:
        return find<std::uint64_t>(0x7fffffffffffffff);
      case mx::complex64:
        return find<std::uint64_t>(0x7fffffff7fffffff);
      default:
        break;
    }
    switch (mx::size_of(type)) {
      case 1:
        return find<std::uint8_t>(0xff);
      case 2:
        return find<std::uint16_t>(0xffff);
      case 4:
        return find<std::uint32_t>(0xffffffff);
      default:
        return find<std::uint64_t>(~std::uint64_t{0});
    }
  }
};

class Positions : public Fused {
 public:
  Positions(mx::Stream stream, Function definition, int size)
      : Fused(stream, std::move(definition)), size_(size) {}

  std::vector<mx::Shape> output_shapes(const std::vector<array>&) override {
    return {{size_}};
  }

  bool is_equivalent(const mx::Primitive& other) const override {
    const auto* same = dynamic_cast<const Positions*>(&other);
    return same && same->size_ == size_;
  }

  const char* name() const override {
    return "Positions";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    dispatch(
        stream(),
        Search{
            inputs[0].data<void>(),
            inputs[0].size(),
            inputs[0].dtype(),
            y.data<std::uint32_t>(),
            y.size()});
  }

 private:
  const int size_;
};

}  // namespace

std::optional<array> positions(
    const array& a, int size, Function definition, mx::StreamOrDevice s) {
  if (!can_fuse(s) || a.size() == 0) {
    return std::nullopt;
  }
  return array(
      {size},
      mx::uint32,
      std::make_shared<Positions>(mx::to_stream(s), std::move(definition), size),
      {mx::contiguous(a, false, s)});
}

}  // namespace mlx_c::cpu
