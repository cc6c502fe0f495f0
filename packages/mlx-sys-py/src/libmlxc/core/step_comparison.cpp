// Whether calls that follow each other do the same, and what grows from one to the next.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "core/integer_arrays.hpp"
#include "core/step_recording.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// Elements of constants that are read in each call.
constexpr size_t most_elements = 1 << 12;

Numbers numbers_of(const mx::Shape& shape) {
  return {shape.begin(), shape.end()};
}

mx::Shape shape_of(const Numbers& numbers) {
  mx::Shape result;
  for (const auto number : numbers) {
    result.push_back(static_cast<mx::ShapeElem>(number));
  }
  return result;
}

// Primitives without parameters that MLX does not compare.
bool has_no_parameters(mx::Primitive& primitive) {
  constexpr std::array<std::string_view, 2> names{"Expm1", "Log1p"};
  return std::ranges::find(names, primitive.name()) != names.end();
}

bool are_equal(mx::Primitive& a, mx::Primitive& b) {
  return &a == &b ||
      (typeid(a) == typeid(b) && a.stream() == b.stream() &&
       (a.is_equivalent(b) || has_no_parameters(a)));
}

// The difference of the first two numbers, unless others lead to the last of `length` ones.
std::optional<Numbers> rate_of(
    const std::array<Numbers, StepRecording::call_count>& numbers, std::int64_t length) {
  Numbers rate;
  for (size_t i = 0; i < numbers[0].size(); ++i) {
    rate.push_back(numbers[1][i] - numbers[0][i]);
    if (numbers[2][i] - numbers[0][i] != rate[i] * (length - 1)) {
      return std::nullopt;
    }
  }
  return rate;
}

}  // namespace

class StepRecording::Comparison {
 public:
  Comparison(StepRecording& self, std::array<Recording, call_count> recordings, std::int64_t length)
      : self_(self), all_(std::move(recordings)), length_(length) {}

  void run() {
    const auto& first = all_[0];
    for (auto& other : all_) {
      require(
          other.steps_.size() == first.steps_.size() && other.step_inputs_ == first.step_inputs_ &&
              other.outputs_ == first.outputs_ &&
              other.constants_.size() == first.constants_.size() &&
              other.results_.size() == first.results_.size(),
          "the calls do different things");
    }
    for (size_t i = 0; i < first.steps_.size(); ++i) {
      compare_steps(i);
    }
    for (size_t i = 0; i < first.results_.size(); ++i) {
      compare_results(i);
    }
    for (size_t i = 0; i < first.constants_.size(); ++i) {
      compare_constants(i);
    }
    self_.recording_ = std::move(all_[0]);
  }

 private:
  static void require(bool holds, const std::string& why) {
    if (!holds) {
      refuse(why);
    }
  }

  void compare_steps(size_t i) {
    const auto& first = all_[0].steps_[i];
    bool same = true;
    for (auto& other : all_) {
      auto& step = other.steps_[i];
      require(
          typeid(*step.primitive) == typeid(*first.primitive) &&
              step.input_count == first.input_count && step.result_count == first.result_count &&
              step.first_result == first.first_result,
          "the calls do different things");
      same = same && are_equal(*first.primitive, *step.primitive);
    }
    if (same) {
      return;
    }
    std::array<Numbers, call_count> numbers;
    auto now = growable(*first.primitive);
    for (int call = 0; now && call < call_count; ++call) {
      auto& primitive = *all_[call].steps_[i].primitive;
      auto other = growable(primitive);
      if (!other || other->numbers.size() != now->numbers.size() ||
          !are_equal(*now->with(other->numbers), primitive)) {
        now.reset();
      } else {
        numbers[call] = std::move(other->numbers);
      }
    }
    auto rate = now ? rate_of(numbers, length_) : std::nullopt;
    if (!rate) {
      refuse(std::string(first.primitive->name()) + " differs from call to call");
    }
    self_.growth_.primitives.push_back({static_cast<int>(i), std::move(*now), std::move(*rate)});
  }

  void compare_results(size_t i) {
    std::array<Numbers, call_count> shapes;
    for (int call = 0; call < call_count; ++call) {
      const auto& [shape, dtype] = all_[call].results_[i];
      const auto& first = all_[0].results_[i];
      require(
          dtype == first.dtype && shape.size() == first.shape.size(),
          "a result differs from call to call in its type");
      shapes[call] = numbers_of(shape);
    }
    const auto rate = rate_of(shapes, length_);
    require(rate.has_value(), "a shape does not grow evenly");
    if (std::any_of(rate->begin(), rate->end(), [](auto r) { return r != 0; })) {
      self_.growth_.shapes.push_back({static_cast<int>(i), shape_of(*rate)});
    }
  }

  void compare_constants(size_t i) {
    std::array<const mx::array*, call_count> values;
    bool same = true;
    for (int call = 0; call < call_count; ++call) {
      values[call] = &all_[call].constants_[i];
      same = same && values[call]->id() == values[0]->id();
    }
    if (same) {
      return;
    }
    bool same_bytes = true;
    for (auto* value : values) {
      require(
          value->is_available() && value->flags().row_contiguous &&
              value->size() <= most_elements && value->dtype() == values[0]->dtype() &&
              value->shape() == values[0]->shape(),
          "a constant differs from call to call");
      same_bytes = same_bytes &&
          std::memcmp(value->data<char>(), values[0]->data<char>(), value->nbytes()) == 0;
    }
    if (same_bytes) {
      return;
    }
    std::array<Numbers, call_count> numbers;
    for (int call = 0; call < call_count; ++call) {
      auto some = integers_of(*values[call]);
      require(some.has_value(), "a constant that is no integer differs from call to call");
      numbers[call] = std::move(*some);
    }
    auto rate = rate_of(numbers, length_);
    require(rate.has_value(), "a constant does not grow evenly");
    add_constant(static_cast<int>(i), *values[0], std::move(numbers[0]), std::move(*rate));
  }

  void add_constant(int place, const mx::array& value, Numbers numbers, Numbers rate) {
    for (auto& known : self_.constants_) {
      const auto& other = all_[0].constants_[known.places[0]];
      if (known.numbers == numbers && known.rate == rate && other.dtype() == value.dtype() &&
          other.shape() == value.shape()) {
        known.places.push_back(place);
        return;
      }
    }
    self_.constants_.push_back({{place}, std::move(numbers), std::move(rate)});
  }

  StepRecording& self_;
  std::array<Recording, call_count> all_;
  const std::int64_t length_;
};

void StepRecording::compare(std::array<Recording, call_count> recordings, std::int64_t length) {
  Comparison(*this, std::move(recordings), length).run();
}

}  // namespace mlx_c
