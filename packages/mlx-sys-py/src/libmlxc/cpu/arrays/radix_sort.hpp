// Sorting numbers by their digits.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "cpu/kernels/stop.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

// A float of 16 bits: a sign, an exponent and a fraction.
template <std::uint16_t infinity>
struct Half {
  std::uint16_t bits;
};
using Float16 = Half<0x7c00>;
using BFloat16 = Half<0x7f80>;

template <std::size_t size>
using Unsigned = std::conditional_t<
    size == 1,
    std::uint8_t,
    std::conditional_t<
        size == 2,
        std::uint16_t,
        std::conditional_t<size == 4, std::uint32_t, std::uint64_t>>>;

// From the bits of a float to an unsigned number in the same order, and back. Without branches:
// signs are hard to predict.
template <class U>
inline U ordered(U bits) {
  constexpr U sign = U(1) << (8 * sizeof(U) - 1);
  return bits ^ (static_cast<U>(U(0) - static_cast<U>(bits >> (8 * sizeof(U) - 1))) | sign);
}

template <class U>
inline U unordered(U key) {
  constexpr U sign = U(1) << (8 * sizeof(U) - 1);
  return key ^ (static_cast<U>(static_cast<U>(key >> (8 * sizeof(U) - 1)) - U(1)) | sign);
}

// The same, but both zeros are equal, and NaN comes last.
template <class U>
inline U float_key(U bits, U infinity) {
  constexpr U sign = U(1) << (8 * sizeof(U) - 1);
  const U magnitude = bits & static_cast<U>(~sign);
  U key = ordered(bits);
  key = magnitude == 0 ? sign : key;
  return magnitude > infinity ? static_cast<U>(~U(0)) : key;
}

// An unsigned number for each value, in the same order.
template <class T>
inline auto key_of(T value) {
  using U = Unsigned<sizeof(T)>;
  if constexpr (std::is_same_v<T, Float16>) {
    return float_key<U>(value.bits, 0x7c00);
  }
  if constexpr (std::is_same_v<T, BFloat16>) {
    return float_key<U>(value.bits, 0x7f80);
  }
  if constexpr (std::is_same_v<T, float>) {
    return float_key<U>(std::bit_cast<U>(value), 0x7f800000);
  }
  if constexpr (std::is_same_v<T, double>) {
    return float_key<U>(std::bit_cast<U>(value), 0x7ff0000000000000);
  }
  if constexpr (std::is_integral_v<T>) {
    constexpr U sign = std::is_signed_v<T> ? U(1) << (8 * sizeof(T) - 1) : 0;
    return static_cast<U>(static_cast<U>(value) ^ sign);
  }
}

// A key and where it came from.
template <class U>
struct Indexed {
  U key;
  std::uint32_t index;
};

template <class U>
inline U key_of(Indexed<U> value) {
  return value.key;
}

// Records that are sorted by comparing them.
constexpr std::size_t few_records = 48;

constexpr auto by_key = [](const auto& a, const auto& b) { return key_of(a) < key_of(b); };

template <class R>
void insertion_sort(R* records, std::size_t count) {
  for (std::size_t i = 1; i < count; i++) {
    const R record = records[i];
    std::size_t at = i;
    for (; at > 0 && by_key(record, records[at - 1]); at--) {
      records[at] = records[at - 1];
    }
    records[at] = record;
  }
}

// LSD radix sort: a stable sort by each digit of 8 bits, from the lowest up.
template <class R>
void radix_sort(R* records, R* scratch, std::size_t count) {
  if (count <= few_records) {
    return insertion_sort(records, count);
  }
  // All digits are counted at once: that does not depend on the order.
  constexpr std::size_t digits = sizeof(key_of(*records));
  std::array<std::array<std::size_t, 256>, digits> counts{};
  in_parts(0, count, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; i++) {
      const auto key = key_of(records[i]);
      for (std::size_t d = 0; d < digits; d++) {
        counts[d][key >> 8 * d & 0xff]++;
      }
    }
  });
  R *from = records, *to = scratch;
  for (std::size_t d = 0; d < digits; d++) {
    auto digit = [d](const R& record) { return key_of(record) >> 8 * d & 0xff; };
    if (counts[d][digit(*from)] == count) {
      continue;
    }
    std::size_t total = 0;
    for (std::size_t& at : counts[d]) {
      total += std::exchange(at, total);
    }
    in_parts(0, count, [&, to, from](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; i++) {
        to[counts[d][digit(from[i])]++] = from[i];
      }
    });
    std::swap(from, to);
  }
  if (from != records) {
    std::copy_n(from, count, records);
  }
}

// The same, where `parts` of the records are counted and moved at once.
template <class R>
void radix_sort(R* records, R* scratch, std::size_t count, int parts) {
  if (parts == 1) {
    return radix_sort(records, scratch, count);
  }
  using Counts = std::array<std::size_t, 256>;
  std::vector<Counts> counts(parts);
  auto part_begin = [=](int part) { return count * part / parts; };
  R *from = records, *to = scratch;
  for (std::size_t shift = 0; shift < 8 * sizeof(key_of(*records)); shift += 8) {
    auto digit = [=](const R& record) {
      return static_cast<std::size_t>(key_of(record) >> shift & 0xff);
    };
    parallel_for(parts, [&](int part) {
      counts[part].fill(0);
      in_parts(part_begin(part), part_begin(part + 1), [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; i++) {
          counts[part][digit(from[i])]++;
        }
      });
    });
    // Where each part puts the records with each digit.
    std::size_t total = 0;
    bool all_same = false;
    for (int value = 0; value < 256; value++) {
      const std::size_t before = total;
      for (Counts& mine : counts) {
        total += std::exchange(mine[value], total);
      }
      all_same |= total - before == count;
    }
    if (all_same) {
      continue;
    }
    parallel_for(parts, [&](int part) {
      Counts& at = counts[part];
      in_parts(part_begin(part), part_begin(part + 1), [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; i++) {
          to[at[digit(from[i])]++] = from[i];
        }
      });
    });
    std::swap(from, to);
  }
  if (from != records) {
    std::copy_n(from, count, records);
  }
}

// MSD radix select: puts the record that sorting would put at `kth` there, none that is less behind
// it, and none that is greater before it. From the highest digit down, only the records that share
// the digits of that one remain.
template <class R>
void radix_select(R* records, R* scratch, std::size_t count, std::size_t kth) {
  std::size_t begin = 0, end = count;
  for (std::size_t shift = 8 * sizeof(key_of(*records)); shift > 0 && end - begin > few_records;) {
    shift -= 8;
    auto digit = [=](const R& record) {
      return static_cast<std::size_t>(key_of(record) >> shift & 0xff);
    };
    std::array<std::size_t, 256> counts{};
    in_parts(begin, end, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; i++) {
        counts[digit(records[i])]++;
      }
    });
    std::size_t sought = 0, less = begin;
    while (less + counts[sought] <= kth) {
      less += counts[sought++];
    }
    if (counts[sought] == end - begin) {
      continue;
    }
    std::size_t same = less, greater = less + counts[sought];
    const std::size_t next_end = greater, next_begin = less;
    less = begin;
    in_parts(begin, end, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; i++) {
        const auto value = digit(records[i]);
        std::size_t& at = value < sought ? less : value == sought ? same : greater;
        scratch[at++] = records[i];
      }
    });
    std::copy(scratch + begin, scratch + end, records + begin);
    begin = next_begin;
    end = next_end;
  }
  if (end - begin <= few_records) {
    insertion_sort(records + begin, end - begin);
  }
}

}  // namespace mlx_c::cpu
