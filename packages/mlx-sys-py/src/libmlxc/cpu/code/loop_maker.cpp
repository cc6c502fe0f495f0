#include "cpu/code/loop_maker.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/code/assembler.hpp"
#include "cpu/code/code_memory.hpp"

namespace mlx_c::cpu {

namespace {

constexpr float sign_bit = -0.0f;
constexpr float all_but_sign = std::bit_cast<float>(0x7fffffffu);

// A loop of some steps: each value is a register while it is needed, or where it lies in memory.
class LoopMaker {
 public:
  LoopMaker(std::span<const LoopStep> steps, const LoopValues& values, std::size_t begin)
      : steps_(steps), values_(values), begin_(begin), end_(begin) {}

  // Takes as many steps as there are registers for. The part has no loop if those are few.
  Part make() {
    while (end_ < steps_.size() && steps_[end_].simple && fits(end_ + 1)) {
      end_++;
    }
    if (end_ < begin_ + 2) {
      return {begin_, begin_ + 1};
    }
    Part part{begin_, end_};
    if (const auto code = assemble()) {
      part.loop = reinterpret_cast<Part::Loop>(executable(*code));
      part.arrays = arrays_;
      part.scalars = scalars_;
    }
    return part;
  }

 private:
  static constexpr General index = General::rax, size = General::rsi, numbers = General::rdx;
  // The first ones need not be restored; that of the table of pointers is the last one loaded.
  static constexpr General bases[Part::max_arrays] = {
      General::rcx,
      General::r8,
      General::r9,
      General::r10,
      General::r11,
      General::rbx,
      General::r12,
      General::r14,
      General::r15};
  static constexpr std::size_t free_bases = 5;
  // Scalars that have a register for the whole loop.
  static constexpr std::size_t resident_scalars = 7;

  struct Register {
    int value = -1;  // none
    bool pinned = false;
  };

  bool is_scalar(int value) const {
    return value < values_.inputs && (values_.scalars >> value & 1) != 0;
  }

  bool is_output(int value) const {
    return value >= values_.outputs_from;
  }

  // Whether the result of a step is read from memory, by steps behind the loop or by others.
  bool is_stored(std::size_t step, std::size_t end) const {
    const int value = steps_[step].result;
    return is_output(value) || is_read(value, step, end);
  }

  // Whether steps from `from` on read what `step` makes.
  bool is_read(int value, std::size_t step, std::size_t from) const {
    for (std::size_t i = step + 1; i < steps_.size(); i++) {
      if (i >= from && reads(i, value)) {
        return true;
      }
      if (steps_[i].result == value) {
        return false;
      }
    }
    return false;
  }

  bool reads(std::size_t step, int value) const {
    const LoopStep& s = steps_[step];
    return std::find(s.operands, s.operands + s.operand_count, value) !=
        s.operands + s.operand_count;
  }

  // The values in memory that steps up to `end` read or write, but for scalars.
  std::vector<std::uint8_t> arrays(std::size_t end) const {
    std::vector<std::uint8_t> result;
    const auto add = [&](std::uint8_t value) {
      if (!is_scalar(value) && std::ranges::find(result, value) == result.end()) {
        result.push_back(value);
      }
    };
    for (std::size_t i = begin_; i < end; i++) {
      for (int k = 0; k < steps_[i].operand_count; k++) {
        const std::uint8_t value = steps_[i].operands[k];
        const auto first = steps_.begin() + static_cast<std::ptrdiff_t>(begin_);
        if (std::none_of(first, first + static_cast<std::ptrdiff_t>(i - begin_), [&](auto& step) {
              return step.result == value;
            })) {
          add(value);
        }
      }
      if (is_stored(i, end)) {
        add(steps_[i].result);
      }
    }
    return result;
  }

  bool fits(std::size_t end) const {
    return arrays(end).size() <= Part::max_arrays;
  }

  std::optional<std::vector<std::uint8_t>> assemble() {
    arrays_ = arrays(end_);
    code_.begin();
    for (std::size_t i = free_bases; i < arrays_.size(); i++) {
      code_.push(bases[i]);
    }
    for (std::size_t i = 0; i < arrays_.size(); i++) {
      code_.load_pointer(bases[i], General::rdi, static_cast<std::uint32_t>(i * sizeof(void*)));
    }
    collect_scalars();
    const std::size_t residents = std::min(scalars_.size(), resident_scalars);
    for (std::size_t i = 0; i < residents; i++) {
      const auto r = Assembler::vectors - 1 - i;
      registers_[r] = {scalar_value(i), true};
      code_.spread(Vector(r), numbers, static_cast<std::uint32_t>(i * sizeof(float)));
    }
    code_.clear(index);
    const std::size_t start = code_.bytes().size();
    for (std::size_t i = begin_; i < end_; i++) {
      if (!compute(i)) {
        return std::nullopt;
      }
    }
    code_.next(index, size, start);
    for (std::size_t i = arrays_.size(); i-- > free_bases;) {
      code_.pop(bases[i]);
    }
    code_.end();
    return code_.bytes();
  }

  // Constants are values behind all others.
  static constexpr int first_constant = 256;

  int scalar_value(std::size_t i) const {
    return scalars_[i].input >= 0 ? scalars_[i].input : first_constant + static_cast<int>(i);
  }

  void collect_scalars() {
    const auto constant_of = [](Op op) -> std::optional<float> {
      switch (op) {
        case Op::rsqrt:
          return 1.0f;
        case Op::negative:
          return sign_bit;
        case Op::abs:
          return all_but_sign;
        default:
          return std::nullopt;
      }
    };
    for (std::size_t i = begin_; i < end_; i++) {
      for (int k = 0; k < steps_[i].operand_count; k++) {
        const int value = steps_[i].operands[k];
        if (is_scalar(value) &&
            std::ranges::find(scalars_, value, &Part::Scalar::input) == scalars_.end()) {
          scalars_.push_back({value, 0});
        }
      }
      if (const auto constant = constant_of(steps_[i].op)) {
        if (!find_constant(*constant)) {
          scalars_.push_back({-1, *constant});
        }
      }
    }
  }

  std::optional<std::size_t> find_constant(float constant) const {
    const auto found = std::ranges::find_if(scalars_, [&](const Part::Scalar& scalar) {
      return scalar.input < 0 &&
          std::bit_cast<std::uint32_t>(scalar.constant) == std::bit_cast<std::uint32_t>(constant);
    });
    return found == scalars_.end()
        ? std::nullopt
        : std::optional(static_cast<std::size_t>(found - scalars_.begin()));
  }

  // A register for a value; none is free only if all hold what is in no memory.
  std::optional<Vector> allocate(int value) {
    auto found = std::ranges::find(registers_, -1, &Register::value);
    if (found == registers_.end()) {
      found = std::ranges::find_if(registers_, [&](const Register& r) {
        return !r.pinned && (r.value < values_.inputs || r.value >= first_constant);
      });
    }
    if (found == registers_.end()) {
      return std::nullopt;
    }
    *found = {value, true};
    return Vector(found - registers_.begin());
  }

  std::optional<Vector> read(int value) {
    const auto held = std::ranges::find(registers_, value, &Register::value);
    if (held != registers_.end()) {
      held->pinned = true;
      return Vector(held - registers_.begin());
    }
    const auto to = allocate(value);
    if (!to) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < scalars_.size(); i++) {
      if (scalar_value(i) == value) {
        code_.spread(*to, numbers, static_cast<std::uint32_t>(i * sizeof(float)));
        return to;
      }
    }
    code_.load(*to, base_of(value), index);
    return to;
  }

  std::optional<Vector> read_constant(float constant) {
    return read(scalar_value(*find_constant(constant)));
  }

  General base_of(int value) const {
    return bases[std::ranges::find(arrays_, value) - arrays_.begin()];
  }

  bool is_resident(std::size_t r) const {
    return r >= Assembler::vectors - std::min(scalars_.size(), resident_scalars);
  }

  bool compute(std::size_t i) {
    const LoopStep& step = steps_[i];
    const auto first = read(step.operands[0]);
    const auto second = step.operand_count > 1 ? read(step.operands[1]) : first;
    if (!first || !second || !emit(i, *first, *second)) {
      return false;
    }
    // Registers of values that no later step of the loop reads are free; so are scratch ones.
    for (std::size_t r = 0; r < registers_.size(); r++) {
      Register& reg = registers_[r];
      if (is_resident(r) || reg.value < 0) {
        continue;
      }
      reg.pinned = false;
      if (reg.value == scratch || !is_needed(reg.value, i)) {
        reg.value = -1;
      }
    }
    return true;
  }

  // Whether a later step of the loop reads the value that there is after step `i`.
  bool is_needed(int value, std::size_t i) const {
    for (std::size_t j = i + 1; j < end_; j++) {
      if (reads(j, value)) {
        return true;
      }
      if (steps_[j].result == value) {
        return false;
      }
    }
    return false;
  }

  static constexpr int scratch = 1000;

  bool emit(std::size_t i, Vector first, Vector second) {
    const LoopStep& step = steps_[i];
    const auto extra = read_extra(step.op);
    const auto to = allocate(scratch);
    if (!extra || !to) {
      return false;
    }
    const auto plain = [&](Instruction instruction, Vector a, Vector b) {
      code_.compute(instruction, *to, a, b);
    };
    switch (step.op) {
      case Op::add:
        plain(Instruction::add, first, second);
        break;
      case Op::subtract:
        plain(Instruction::subtract, first, second);
        break;
      case Op::multiply:
      case Op::square:
        plain(Instruction::multiply, first, second);
        break;
      case Op::divide:
        plain(Instruction::divide, first, second);
        break;
      case Op::sqrt:
        code_.square_root(*to, first);
        break;
      case Op::rsqrt:
        code_.square_root(*to, first);
        plain(Instruction::divide, *extra, *to);
        break;
      case Op::negative:
        plain(Instruction::bitwise_xor, first, *extra);
        break;
      case Op::abs:
        plain(Instruction::bitwise_and, first, *extra);
        break;
      case Op::maximum:
      case Op::minimum:
        // The processor's are the second operand if either is NaN.
        plain(step.op == Op::maximum ? Instruction::maximum : Instruction::minimum, first, second);
        code_.unordered(*extra, first, first);
        code_.blend(*to, *to, first, *extra);
        break;
      default:
        return false;
    }
    define(step.result, *to);
    if (is_stored(i, end_)) {
      code_.store(*to, base_of(step.result), index);
    }
    return true;
  }

  // What an operation needs beside its operands: a constant, or a register for what is between.
  std::optional<Vector> read_extra(Op op) {
    switch (op) {
      case Op::rsqrt:
        return read_constant(1.0f);
      case Op::negative:
        return read_constant(sign_bit);
      case Op::abs:
        return read_constant(all_but_sign);
      case Op::maximum:
      case Op::minimum:
        return allocate(scratch);
      default:
        return Vector{};
    }
  }

  // A register holds the new value of that number; what another held is gone.
  void define(int value, Vector to) {
    for (Register& r : registers_) {
      if (r.value == value) {
        r = {};
      }
    }
    registers_[static_cast<std::size_t>(to)] = {value, true};
  }

  const std::span<const LoopStep> steps_;
  const LoopValues values_;
  const std::size_t begin_;
  std::size_t end_;
  Assembler code_;
  std::vector<Register> registers_ = std::vector<Register>(Assembler::vectors);
  std::vector<std::uint8_t> arrays_;
  std::vector<Part::Scalar> scalars_;
};

}  // namespace

Part make_part(std::span<const LoopStep> steps, const LoopValues& values, std::size_t begin) {
  Part part = LoopMaker(steps, values, begin).make();
  return part.loop ? part : Part{begin, begin + 1};
}

}  // namespace mlx_c::cpu
