// What a function does in calls that follow each other, where some numbers grow by the same amount
// from one to the next: a step of generation reads one key more than the one before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <mlx/array.h>

#include "core/recording.hpp"
#include "core/step_part.hpp"
#include "cpu/graph/repeated_graph.hpp"

namespace mlx_c {

class StepRecording {
 public:
  // What a function makes of placeholders, in one call.
  struct Call {
    std::vector<mlx::core::array> inputs, outputs;
  };
  static constexpr int call_count = 3;

  // While it exists, this thread makes the nodes of calls that are to be recorded: what repeats
  // another recording then makes nodes of its own.
  class Trace {
   public:
    Trace();
    ~Trace();
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
  };

  // Of the first two calls and the last of `length` ones, at least 3. Throws std::invalid_argument
  // unless they make the same nodes of the same constants, but for shapes, bounds of slices,
  // offsets of rope and constant integers, which grow evenly. A function that does something else
  // from some call on, as one that compares a shape, is seen to in the last. The caller holds the
  // lock of evaluation.
  StepRecording(const std::array<Call, call_count>& calls, std::int64_t length);

  // What the next call makes; the first one is that of calls[0]. Throws std::invalid_argument if
  // there have been as many as were asked for, or a slice would end behind its array: a function
  // may read less of it then.
  std::vector<mlx::core::array> next(const std::vector<mlx::core::array>& inputs);

 private:
  class Comparison;

  // A constant of integers; those that are equal are one array.
  struct GrowingConstant {
    std::vector<int> places;
    std::vector<std::int64_t> numbers, rate;
  };
  // Steps that are scheduled as one, and are the work of one node.
  struct Part {
    std::shared_ptr<StepPart> steps;
    std::shared_ptr<cpu::RepeatedGraph> repeated;  // null if they are nodes of their own
  };
  // What parts read and make, by their numbers in the recording.
  using Values = std::unordered_map<int, mlx::core::array>;

  [[noreturn]] static void refuse(const std::string& why);

  void compare(std::array<Recording, call_count> recordings, std::int64_t length);
  void limit_calls();
  void limit_calls(std::int64_t room, std::int64_t rate);
  // In step_division.cpp.
  void divide();
  std::vector<bool> find_apart() const;
  std::vector<std::vector<int>> groups_of(const std::vector<bool>& is_apart) const;

  Values constants(std::int64_t call) const;
  static void compute(const Part& part, std::int64_t call, bool repeats, Values& values);

  Recording recording_;  // of the first call
  std::vector<mlx::core::Shape> input_shapes_;
  StepGrowth growth_;
  std::vector<GrowingConstant> constants_;
  std::vector<Part> whole_, parts_;  // as one part, and as several
  std::int64_t calls_ = 0, most_calls_;
};

}  // namespace mlx_c
