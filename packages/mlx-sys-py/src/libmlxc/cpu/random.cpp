// Random bits, the same as those of MLX.
//
// A key gives as many words as are asked for: word i of the first half and word i of the second are
// the encrypted pair of their numbers. If the number of words is odd, the one in the middle has the
// number 0 for a partner, of which nothing is kept.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "delegate.hpp"
#include "kernels.hpp"
#include "memory.hpp"
#include "pool.hpp"
#include "steps.hpp"
#include "strided.hpp"
#include "view.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Pairs of words that one task makes.
constexpr std::size_t task_size = 1 << 14;

struct Drawing {
  const std::uint32_t* source;
  Walk walk;  // over the keys
  char* target;
  std::size_t keys, bytes;  // bytes of each key

  void operator()() const {
    const Buffer<std::uint32_t> memory(2 * keys);
    walk.copy(source, sizeof *source, 0, 2 * keys, memory.data());
    // Few keys of many words, or the other way round.
    const std::size_t words = (bytes + 3) / 4;
    const std::size_t step =
        std::max<std::size_t>(1, 2 * task_size / std::max<std::size_t>(words, 1));
    if (step == 1) {
      for (std::size_t i = 0; i < keys; i++) draw(memory.data() + 2 * i, target + i * bytes, words);
    } else {
      parallel_for(static_cast<int>((keys + step - 1) / step), [&](int task) {
        for (std::size_t i = task * step; i < std::min(keys, (task + 1) * step); i++)
          draw(memory.data() + 2 * i, target + i * bytes, words);
      });
    }
  }

 private:
  void draw(const std::uint32_t* key, char* target, std::size_t words) const {
    // Only whole words can be written where they belong.
    if (bytes % 4 == 0) return draw_words(key, reinterpret_cast<std::uint32_t*>(target), words);
    const Buffer<std::uint32_t> memory(words);
    draw_words(key, memory.data(), words);
    std::memcpy(target, memory.data(), bytes);
  }

  static void draw_words(const std::uint32_t* key, std::uint32_t* target, std::size_t words) {
    const std::size_t half = words / 2, second = words - half;
    const auto number = [](std::size_t i) { return static_cast<std::uint32_t>(i); };
    parallel_for(static_cast<int>((half + task_size - 1) / task_size), [&](int task) {
      const std::size_t begin = task * task_size, count = std::min(task_size, half - begin);
      kernels()->random_words(
          key,
          number(begin),
          number(second + begin),
          count,
          target + begin,
          target + second + begin);
    });
    std::uint32_t unused;
    if (second > half) kernels()->random_words(key, number(half), 0, 1, target + half, &unused);
  }
};

class RandomBits : public Delegate {
 public:
  using Delegate::Delegate;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& keys = inputs[0];
    array& y = outputs[0];
    y.set_data(allocate(y.nbytes()));
    const std::size_t count = keys.size() / 2;
    if (y.size() == 0) return;
    dispatch(
        stream(),
        Drawing{
            keys.data<std::uint32_t>(),
            Walk(keys, keys.shape()),
            y.data<char>(),
            count,
            y.nbytes() / count});
  }
};

}  // namespace

std::shared_ptr<Delegate> random_bits(array& node) {
  if (!kernels()) return nullptr;
  return std::make_shared<RandomBits>(node.primitive_ptr());
}

}  // namespace mlx_c::cpu
