// What a function does in calls that follow each other, where some numbers grow by the same amount
// from one to the next: a step of generation reads one key more than the one before.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

#include "core/recording.hpp"

namespace mlx_c {

// Of a primitive, the numbers that may grow, and the primitive for others.
struct Growable {
  std::vector<std::int64_t> numbers;
  std::function<std::shared_ptr<mlx::core::Primitive>(const std::vector<std::int64_t>&)> with;
};

class StepRecording {
 public:
  // What a function makes of placeholders, in one call.
  struct Call {
    std::vector<mlx::core::array> inputs, outputs;
  };
  static constexpr int call_count = 3;

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

  struct GrowingShape {
    int result;
    mlx::core::Shape rate;
  };
  struct GrowingPrimitive {
    int step;
    Growable now;
    std::vector<std::int64_t> rate;
  };
  // A constant of integers; those that are equal are one array.
  struct GrowingConstant {
    std::vector<int> places;
    std::vector<std::int64_t> numbers, rate;
  };

  void grow();
  void limit_calls();
  void limit_calls(std::int64_t room, std::int64_t rate);

  Recording recording_;  // of the next call
  std::vector<mlx::core::Shape> input_shapes_;
  std::vector<GrowingShape> shapes_;
  std::vector<GrowingPrimitive> primitives_;
  std::vector<GrowingConstant> constants_;
  std::int64_t calls_ = 0, most_calls_;
};

}  // namespace mlx_c
