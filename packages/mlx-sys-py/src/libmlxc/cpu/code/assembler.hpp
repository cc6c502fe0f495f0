// Machine code of x86-64 with AVX2: the few instructions that loops over floats are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <vector>

namespace mlx_c::cpu {

// A vector register of 8 floats, ymm0 to ymm15.
enum class Vector : std::uint8_t {};

// A general register, by the number that it has in instructions. Not all are here: those that
// functions must restore are left alone, but for `restored`.
enum class General : std::uint8_t {
  rax,
  rcx,
  rdx,
  rbx,
  rsi = 6,
  rdi,
  r8,
  r9,
  r10,
  r11,
  r12,
  r14 = 14,
  r15
};

// What the processor computes of two vectors, or, where `second` is the only one, of one.
enum class Instruction : std::uint8_t {
  square_root = 0x51,
  bitwise_and = 0x54,
  bitwise_xor = 0x57,
  add = 0x58,
  multiply = 0x59,
  subtract = 0x5c,
  minimum = 0x5d,
  divide = 0x5e,
  maximum = 0x5f,
};

class Assembler {
 public:
  static constexpr int vectors = 16;
  static constexpr std::size_t vector_bytes = 32;

  const std::vector<std::uint8_t>& bytes() const {
    return bytes_;
  }

  // Where indirect calls may go to.
  void begin() {
    put({0xf3, 0x0f, 0x1e, 0xfa});
  }

  void end() {
    put({0xc5, 0xf8, 0x77, 0xc3});  // vzeroupper; ret
  }

  void push(General r) {
    if (is_high(r)) {
      put({0x41});
    }
    put({static_cast<std::uint8_t>(0x50 | low(r))});
  }

  void pop(General r) {
    if (is_high(r)) {
      put({0x41});
    }
    put({static_cast<std::uint8_t>(0x58 | low(r))});
  }

  // to = the pointer at base + offset, which is less than 2 GB
  void load_pointer(General to, General base, std::uint32_t offset) {
    put({static_cast<std::uint8_t>(0x48 | is_high(to) << 2 | is_high(base)), 0x8b});
    put({static_cast<std::uint8_t>(0x80 | low(to) << 3 | low(base))});
    put_32(offset);
  }

  void clear(General r) {
    put({static_cast<std::uint8_t>(0x48 | is_high(r) * 5), 0x31});
    put({static_cast<std::uint8_t>(0xc0 | low(r) << 3 | low(r))});
  }

  // Adds the size of a vector to `index`, and jumps to `target` while it is less than `end`.
  void next(General index, General end, std::size_t target) {
    put({static_cast<std::uint8_t>(0x48 | is_high(index)), 0x83});
    put({static_cast<std::uint8_t>(0xc0 | low(index)), vector_bytes});
    put({static_cast<std::uint8_t>(0x48 | is_high(end) << 2 | is_high(index)), 0x39});
    put({static_cast<std::uint8_t>(0xc0 | low(end) << 3 | low(index))});
    put({0x0f, 0x82});  // jb
    put_32(static_cast<std::uint32_t>(target - (bytes_.size() + 4)));
  }

  // to = the vector at base + index
  void load(Vector to, General base, General index) {
    vex(to, Vector{}, base, index, map_0f, 0);
    put({0x10});
    address(to, base, index);
  }

  void store(Vector from, General base, General index) {
    vex(from, Vector{}, base, index, map_0f, 0);
    put({0x11});
    address(from, base, index);
  }

  // to = the float at base + offset, 8 times
  void spread(Vector to, General base, std::uint32_t offset) {
    vex(to, Vector{}, base, General::rax, map_0f38, 1);
    put({0x18, static_cast<std::uint8_t>(0x80 | low(to) << 3 | low(base))});
    put_32(offset);
  }

  void compute(Instruction instruction, Vector to, Vector first, Vector second) {
    vex(to, first, second, map_0f, 0);
    put({static_cast<std::uint8_t>(instruction), registers(to, second)});
  }

  void square_root(Vector to, Vector of) {
    compute(Instruction::square_root, to, Vector{}, of);
  }

  // to = a mask of where either is NaN
  void unordered(Vector to, Vector first, Vector second) {
    vex(to, first, second, map_0f, 0);
    put({0xc2, registers(to, second), 3});
  }

  // to = mask ? second : first
  void blend(Vector to, Vector first, Vector second, Vector mask) {
    vex(to, first, second, map_0f3a, 1);
    put({0x4a, registers(to, second), static_cast<std::uint8_t>(number(mask) << 4)});
  }

 private:
  static constexpr std::uint8_t map_0f = 1, map_0f38 = 2, map_0f3a = 3;

  template <class Register>
  static constexpr std::uint8_t number(Register r) {
    return static_cast<std::uint8_t>(r);
  }
  template <class Register>
  static constexpr std::uint8_t low(Register r) {
    return number(r) & 7;
  }
  template <class Register>
  static constexpr std::uint8_t is_high(Register r) {
    return number(r) >> 3;
  }

  static std::uint8_t registers(Vector to, Vector second) {
    return static_cast<std::uint8_t>(0xc0 | low(to) << 3 | low(second));
  }

  // The three bytes before an instruction of 256 bits: which registers are beyond the first eight,
  // and the one that the instruction itself does not name.
  template <class Register>
  void vex(
      Vector to,
      Vector first,
      Register base,
      General index,
      std::uint8_t map,
      std::uint8_t prefix) {
    constexpr std::uint8_t wide = 4;
    const int high = is_high(to) << 2 | is_high(index) << 1 | is_high(base);
    put({0xc4, static_cast<std::uint8_t>((high ^ 7) << 5 | map)});
    put({static_cast<std::uint8_t>((number(first) ^ 15) << 3 | wide | prefix)});
  }

  void vex(Vector to, Vector first, Vector second, std::uint8_t map, std::uint8_t prefix) {
    vex(to, first, second, General::rax, map, prefix);
  }

  void address(Vector r, General base, General index) {
    put({static_cast<std::uint8_t>(low(r) << 3 | 4)});
    put({static_cast<std::uint8_t>(low(index) << 3 | low(base))});
  }

  void put(std::initializer_list<std::uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes);
  }

  void put_32(std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) {
      bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }

  std::vector<std::uint8_t> bytes_;
};

}  // namespace mlx_c::cpu
