#include "core/step_recording.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <typeinfo>
#include <utility>

#include <mlx/ops.h>
#include <mlx/utils.h>

#include "cpu/nodes/kernel_override.hpp"
#include "cpu/ops/fused_ops.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;
using Numbers = std::vector<std::int64_t>;

// Elements of constants that are read in each call.
constexpr size_t most_elements = 1 << 12;

[[noreturn]] void refuse(const std::string& why) {
  throw std::invalid_argument("[record_steps] " + why);
}

Numbers joined(const mx::Shape& a, const mx::Shape& b) {
  Numbers result(a.begin(), a.end());
  result.insert(result.end(), b.begin(), b.end());
  return result;
}

mx::Shape shape_of(const Numbers& numbers, size_t begin, size_t end) {
  mx::Shape result;
  for (size_t i = begin; i < end; ++i) {
    result.push_back(static_cast<mx::ShapeElem>(numbers[i]));
  }
  return result;
}

mx::Shape shape_of(const Numbers& numbers) {
  return shape_of(numbers, 0, numbers.size());
}

mx::array placeholder(const mx::Shape& shape) {
  return mx::array(shape, mx::float32, nullptr, {});
}

// An array of which a slice to `end` is not the whole.
mx::array longer_than(mx::Shape end) {
  for (auto& extent : end) {
    ++extent;
  }
  return placeholder(end);
}

// Of a shape of which one extent may be -1, for what is left. Here that is 1.
mx::ShapeElem size_of_shape(const mx::Shape& shape) {
  return std::abs(std::accumulate(shape.begin(), shape.end(), 1, std::multiplies<>()));
}

// MLX does not export its primitives: others are taken from nodes that its functions make.
Growable by_node(Numbers numbers, std::function<mx::array(const Numbers&)> make) {
  return {std::move(numbers), [make = std::move(make)](const Numbers& n) {
            return make(n).primitive_ptr();
          }};
}

std::optional<Growable> growable(mx::Primitive& primitive) {
  const auto stream = primitive.stream();
  const std::string_view name = primitive.name();
  if (name == "Slice") {
    const auto [start, end, strides] = static_cast<mx::Slice&>(primitive).state();
    return by_node(joined(start, end), [=, axes = start.size(), by = strides](const Numbers& n) {
      const auto stop = shape_of(n, axes, n.size());
      return mx::slice(longer_than(stop), shape_of(n, 0, axes), stop, by, stream);
    });
  }
  if (name == "SliceUpdate") {
    const auto [reduction, start, end, strides] = static_cast<mx::SliceUpdate&>(primitive).state();
    if (reduction != mx::SliceUpdate::None) {
      return std::nullopt;
    }
    return by_node(joined(start, end), [=, axes = start.size(), by = strides](const Numbers& n) {
      const auto begin = shape_of(n, 0, axes), stop = shape_of(n, axes, n.size());
      const auto target = longer_than(stop);
      const auto update = mx::slice(target, begin, stop, by, stream);
      return mx::slice_update(target, placeholder(update.shape()), begin, stop, by, stream);
    });
  }
  if (name == "Reshape") {
    return by_node(joined(static_cast<mx::Reshape&>(primitive).state(), {}), [=](const Numbers& n) {
      const auto shape = shape_of(n);
      // With one axis more than the result, so that it is none that is there already.
      mx::Shape flat(shape.size() + 1, 1);
      flat.back() = size_of_shape(shape);
      return mx::reshape(placeholder(flat), shape, stream);
    });
  }
  if (name == "Broadcast") {
    return by_node(
        joined(static_cast<mx::Broadcast&>(primitive).state(), {}),
        [=](const Numbers& n) { return mx::broadcast_to(placeholder({}), shape_of(n), stream); });
  }
  if (name == "Unflatten") {
    const auto [axis, shape] = static_cast<mx::Unflatten&>(primitive).state();
    return by_node(joined(shape, {}), [=, axis = axis](const Numbers& n) {
      const auto parts = shape_of(n);
      mx::Shape whole(axis + 1, 1);
      whole.back() = size_of_shape(parts);
      return mx::unflatten(placeholder(whole), axis, parts, stream);
    });
  }
  if (name == "Arange") {
    const auto [start, stop, step] = static_cast<mx::Arange&>(primitive).state();
    if (start != std::floor(start) || stop != std::floor(stop)) {
      return std::nullopt;
    }
    return by_node(
        {static_cast<std::int64_t>(start), static_cast<std::int64_t>(stop)},
        [=, step = step](const Numbers& n) {
          return mx::arange(
              static_cast<double>(n[0]), static_cast<double>(n[1]), step, mx::float32, stream);
        });
  }
  if (const auto offset = cpu::rope_offset(primitive)) {
    // Another one is made of the first, which it need not outlive.
    return Growable{{*offset}, cpu::rope_at(primitive)};
  }
  return std::nullopt;
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

// Calls f with a value of the type of an array of integers; false if it has others.
template <class F>
bool with_integer_type(mx::Dtype dtype, F f) {
  switch (dtype) {
    case mx::uint8:
      return f(std::uint8_t{}), true;
    case mx::uint16:
      return f(std::uint16_t{}), true;
    case mx::uint32:
      return f(std::uint32_t{}), true;
    case mx::int8:
      return f(std::int8_t{}), true;
    case mx::int16:
      return f(std::int16_t{}), true;
    case mx::int32:
      return f(std::int32_t{}), true;
    case mx::int64:
      return f(std::int64_t{}), true;
    default:
      return false;
  }
}

std::optional<Numbers> integers_of(const mx::array& a) {
  Numbers result;
  const bool has_integers = with_integer_type(
      a.dtype(), [&]<class T>(T) { result.assign(a.data<T>(), a.data<T>() + a.size()); });
  return has_integers ? std::optional(result) : std::nullopt;
}

mx::array array_of(const Numbers& numbers, const mx::array& like) {
  std::optional<mx::array> result;
  with_integer_type(like.dtype(), [&]<class T>(T) {
    for (const auto number : numbers) {
      if (!std::in_range<T>(number)) {
        refuse("a constant grows beyond its type");
      }
    }
    std::vector<T> values(numbers.begin(), numbers.end());
    result.emplace(values.begin(), like.shape(), like.dtype());
  });
  return *result;
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
    self_.primitives_.push_back({static_cast<int>(i), std::move(*now), std::move(*rate)});
  }

  void compare_results(size_t i) {
    std::array<Numbers, call_count> shapes;
    for (int call = 0; call < call_count; ++call) {
      const auto& [shape, dtype] = all_[call].results_[i];
      const auto& first = all_[0].results_[i];
      require(
          dtype == first.dtype && shape.size() == first.shape.size(),
          "a result differs from call to call in its type");
      shapes[call] = joined(shape, {});
    }
    const auto rate = rate_of(shapes, length_);
    require(rate.has_value(), "a shape does not grow evenly");
    if (std::any_of(rate->begin(), rate->end(), [](auto r) { return r != 0; })) {
      self_.shapes_.push_back({static_cast<int>(i), shape_of(*rate)});
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

StepRecording::StepRecording(const std::array<Call, call_count>& calls, std::int64_t length)
    : most_calls_(length) {
  for (auto& input : calls[0].inputs) {
    input_shapes_.push_back(input.shape());
  }
  const auto record = [](const Call& call) {
    Recording recording(call.inputs, call.outputs, {}, false);
    // A node that was evaluated meanwhile has a kernel, which may know the shape.
    for (auto& step : recording.steps_) {
      step.primitive = cpu::KernelOverride::unwrapped(std::move(step.primitive));
    }
    return recording;
  };
  Comparison(*this, {record(calls[0]), record(calls[1]), record(calls[2])}, length).run();
  limit_calls();
}

// Of something that has room left, and less with each call.
void StepRecording::limit_calls(std::int64_t room, std::int64_t rate) {
  if (rate > 0) {
    most_calls_ = std::min(most_calls_, room / rate + 1);
  }
}

void StepRecording::limit_calls() {
  std::vector<const mx::Shape*> rates(recording_.results_.size(), nullptr);
  for (auto& [result, rate] : shapes_) {
    rates[result] = &rate;
    for (size_t axis = 0; axis < rate.size(); ++axis) {
      limit_calls(recording_.results_[result].shape[axis], -std::int64_t{rate[axis]});
    }
  }
  const int input_count = static_cast<int>(input_shapes_.size());
  for (auto& [place, now, rate] : primitives_) {
    const auto& step = recording_.steps_[place];
    const std::string_view name = step.primitive->name();
    if (name != "Slice" && name != "SliceUpdate") {
      continue;
    }
    const int source = recording_.step_inputs_[step.first_input];
    const int result = source - input_count;
    const auto& shape = source < 0 ? recording_.constants_[-1 - source].shape()
        : result < 0               ? input_shapes_[source]
                                   : recording_.results_[result].shape;
    for (size_t i = 0; i < rate.size(); ++i) {
      const size_t axis = i % shape.size();
      const std::int64_t growth = result >= 0 && rates[result] ? (*rates[result])[axis] : 0;
      limit_calls(shape[axis] - now.numbers[i], rate[i] - growth);
      limit_calls(now.numbers[i], -rate[i]);
    }
  }
}

void StepRecording::grow() {
  const auto add = [](Numbers& numbers, const Numbers& rate) {
    for (size_t i = 0; i < rate.size(); ++i) {
      numbers[i] += rate[i];
    }
  };
  // First what may be refused: then nothing has changed.
  Arrays values;
  for (auto& [places, numbers, rate] : constants_) {
    auto grown = numbers;
    add(grown, rate);
    values.push_back(array_of(grown, recording_.constants_[places[0]]));
  }
  for (size_t i = 0; i < constants_.size(); ++i) {
    add(constants_[i].numbers, constants_[i].rate);
    for (const int place : constants_[i].places) {
      recording_.constants_[place] = values[i];
    }
  }
  for (auto& [result, rate] : shapes_) {
    auto& shape = recording_.results_[result].shape;
    for (size_t axis = 0; axis < rate.size(); ++axis) {
      shape[axis] += rate[axis];
    }
  }
  for (auto& [step, now, rate] : primitives_) {
    add(now.numbers, rate);
    recording_.steps_[step].primitive = now.with(now.numbers);
  }
}

Arrays StepRecording::next(const Arrays& inputs) {
  if (calls_ == most_calls_) {
    refuse("there are no more calls that do the same");
  }
  if (calls_ > 0) {
    grow();
  }
  ++calls_;
  return recording_.repeat(inputs);
}

}  // namespace mlx_c
