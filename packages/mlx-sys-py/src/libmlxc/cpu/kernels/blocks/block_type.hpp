// What there is to know of one of GGUF's quantized types, and how its bytes are read.
#pragma once

#include "cpu/kernels/simd/elements.hpp"

namespace {
namespace blocks {

using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

template <class T>
inline T read(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline float read_half(const uint8_t* at) {
  return widen(Half{read<uint16_t>(at)});
}

// The types: their numbers in files, the codes of a block, its bytes, the codes of a group.
template <int id_, int size_, int nbytes_, int group_, int offset_>
struct Type {
  static constexpr int id = id_, size = size_, nbytes = nbytes_, group = group_, offset = offset_;
  static constexpr int groups = size / group;
  static constexpr float unit = 1;
  static constexpr bool has_biases = false, subtracts = false;
  // Whether codes need more than six bits.
  static constexpr bool is_wide = false;
  // Whether all scales of a block are `step(block, g)` times `common_scale(block)`, where steps are
  // integers of eight bits, and there are no biases.
  static constexpr bool has_steps = false;
};

}  // namespace blocks
}  // namespace
