#include "export/imported_function.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <sstream>

#include <mlx/allocator.h>
#include <mlx/device.h>
#include <mlx/ops.h>

#include "core/input_shapes.hpp"
#include "files/reading.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

using Arrays = std::vector<mx::array>;

// The bytes of an array's elements.
uint64_t bytes_of(FunctionReader& from, const ArrayKind& kind) {
  uint64_t bytes = kind.dtype.size();
  for (auto length : kind.shape) {
    if (length < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(length), &bytes)) {
      from.fail("has an array of an impossible shape");
    }
  }
  return bytes;
}

ArrayKind read_kind(FunctionReader& from) {
  auto shape = from.get<mx::Shape>();
  ArrayKind kind{std::move(shape), from.get<mx::Dtype>()};
  bytes_of(from, kind);
  return kind;
}

mx::array read_constant(FunctionReader& from) {
  auto kind = read_kind(from);
  auto bytes = bytes_of(from, kind);
  if (bytes > from.left()) {
    from.fail("is truncated: it ends within an array");
  }
  auto memory = mx::allocator::malloc(bytes);
  auto buffer = memory.buffer();
  auto* data = static_cast<char*>(buffer.raw_ptr());
  from.read(data, bytes);
  if (kind.dtype == mx::bool_) {
    // A C++ bool must be 0 or 1.
    for (uint64_t i = 0; i < bytes; ++i) {
      data[i] = data[i] != 0;
    }
  }
  return mx::array(std::move(memory), kind.shape, kind.dtype);
}

// Whether the parameters of a primitive are positions or lengths that were worked out for a shape.
bool keeps_shapes(const std::string& name, size_t inputs) {
  return name == "AsStrided" || name == "Scatter" || name == "Slice" || name == "Split" ||
      (name == "Broadcast" && inputs == 1);
}

class TraceReader {
 public:
  // A constant is written once, with the first trace that uses it.
  using ConstantMap = std::unordered_map<uint64_t, mx::array>;

  TraceReader(FunctionReader& from, ConstantMap& constants) : from_(from), constants_(constants) {}

  FunctionTrace run() {
    trace_.names = from_.list<std::string>(8);
    auto inputs = from_.get<std::vector<uint64_t>>();
    for (auto left = from_.count(13); left > 0; --left) {
      trace_.kinds.push_back(read_kind(from_));
    }
    if (trace_.kinds.size() != inputs.size() || trace_.names.size() > inputs.size()) {
      from_.fail("has a function whose numbers of inputs differ");
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      trace_.inputs.push_back(add(inputs[i], trace_.kinds[i].shape));
    }
    auto outputs = from_.get<std::vector<uint64_t>>();
    for (auto left = from_.count(10); left > 0; --left) {
      read_entry();
    }
    for (auto id : outputs) {
      trace_.outputs.push_back(find(id));
    }
    trace_.places = places_.size();
    return std::move(trace_);
  }

 private:
  size_t add(uint64_t id, const mx::Shape& shape) {
    auto [entry, is_new] = places_.emplace(id, places_.size());
    if (!is_new) {
      from_.fail("has two arrays of one name");
    }
    shapes_.push_back(shape);
    return entry->second;
  }

  size_t find(uint64_t id) {
    auto entry = places_.find(id);
    if (entry == places_.end()) {
      from_.fail("uses an array that it does not have");
    }
    return entry->second;
  }

  void read_entry() {
    auto id = from_.get<uint64_t>();
    if (from_.get<bool>()) {
      read_step(id);
    } else if (!from_.get<bool>()) {
      find(id);
    } else {
      auto found = constants_.find(id);
      if (found == constants_.end()) {
        found = constants_.emplace(id, read_constant(from_)).first;
      }
      auto& constant = found->second;
      trace_.constants.emplace_back(add(id, constant.shape()), constant);
    }
  }

  void read_step(uint64_t id) {
    std::vector<size_t> inputs;
    for (auto input : from_.get<std::vector<uint64_t>>()) {
      inputs.push_back(find(input));
    }
    auto device = read_device();
    auto name = from_.get<std::string>();
    auto run = read_operation(from_, name);
    const bool keeps = keeps_shapes(name, inputs.size());
    FunctionStep step{std::move(run), device, std::move(inputs), {}, {}, {}, keeps};
    for (auto place : step.inputs) {
      step.shapes.push_back(shapes_[place]);
    }
    if (from_.get<uint64_t>() == 0) {
      step.kinds.push_back(read_kind(from_));
      step.outputs.push_back(add(id, step.kinds[0].shape));
    } else {
      read_outputs(step);
    }
    if (!step.kinds.empty()) {
      step.shapes.push_back(step.kinds[0].shape);
    }
    trace_.steps.push_back(std::move(step));
  }

  void read_outputs(FunctionStep& step) {
    auto ids = from_.get<std::vector<uint64_t>>();
    std::vector<mx::Shape> shapes = from_.list<mx::Shape>(8);
    std::vector<mx::Dtype> dtypes = from_.list<mx::Dtype>(5);
    if (shapes.size() != ids.size() || dtypes.size() != ids.size()) {
      from_.fail("has an operation whose numbers of outputs differ");
    }
    for (size_t i = 0; i < ids.size(); ++i) {
      step.outputs.push_back(add(ids[i], shapes[i]));
      step.kinds.push_back({shapes[i], dtypes[i]});
      bytes_of(from_, step.kinds.back());
    }
  }

  // The streams of the process that wrote the file do not exist here: the default stream of their
  // device takes their place.
  mx::Device read_device() {
    from_.get<int>();
    auto type =
        from_.get<int>() == static_cast<int>(mx::Device::gpu) ? mx::Device::gpu : mx::Device::cpu;
    from_.get<int>();
    return mx::is_available(type) ? mx::Device(type) : mx::Device(mx::Device::cpu);
  }

  FunctionReader& from_;
  ConstantMap& constants_;
  FunctionTrace trace_{};
  std::unordered_map<uint64_t, size_t> places_;
  // Of the arrays at these places.
  std::vector<mx::Shape> shapes_;
};

// Checks the operands of an operation that was recorded with other shapes.
void check_kept_shapes(const FunctionStep& step, const Arrays& operands) {
  for (size_t i = 0; step.keeps_shapes && i < operands.size(); ++i) {
    if (operands[i].shape() != step.shapes[i]) {
      std::ostringstream message;
      message << "[import_function] an operation on an array of the shape " << step.shapes[i]
              << " cannot be repeated with one of the shape " << operands[i].shape();
      throw std::invalid_argument(message.str());
    }
  }
}

bool fits(const mx::array& array, const ArrayKind& kind) {
  return array.dtype() == kind.dtype && array.shape() == kind.shape;
}

enum class Run : uint8_t {
  // The outputs of each step must have the kinds that the file states.
  exact,
  // They have, as the inputs do.
  same_shapes,
  other_shapes,
};

Arrays run(const FunctionTrace& trace, const Arrays& inputs, Run kind) {
  std::vector<std::optional<mx::array>> places(trace.places);
  for (size_t i = 0; i < inputs.size(); ++i) {
    places[trace.inputs[i]] = inputs[i];
  }
  for (auto& [place, constant] : trace.constants) {
    places[place] = constant;
  }
  Arrays operands;
  for (auto& step : trace.steps) {
    operands.clear();
    for (auto place : step.inputs) {
      operands.push_back(places[place].value());
    }
    if (kind == Run::other_shapes) {
      check_kept_shapes(step, operands);
    }
    auto results = step.run({operands, step.kinds, step.device});
    if (results.size() != step.outputs.size()) {
      throw std::invalid_argument("an operation has another number of results");
    }
    for (size_t i = 0; i < results.size(); ++i) {
      if (kind == Run::exact && !fits(results[i], step.kinds[i])) {
        throw std::invalid_argument("an operation has a result of another shape or type");
      }
      places[step.outputs[i]] = results[i];
    }
    if (kind == Run::other_shapes && !results.empty()) {
      check_recorded_shapes(results[0], step.shapes);
    }
  }
  Arrays outputs;
  for (auto place : trace.outputs) {
    outputs.push_back(places[place].value());
  }
  return outputs;
}

// The arguments in the order of the inputs, or nothing if they do not fit.
std::optional<Arrays> match(
    const FunctionTrace& trace, const mx::Args& args, const mx::Kwargs& kwargs, bool shapeless) {
  if (kwargs.size() != trace.names.size() || args.size() + kwargs.size() != trace.inputs.size()) {
    return std::nullopt;
  }
  auto inputs = args;
  for (auto& name : trace.names) {
    auto found = kwargs.find(name);
    if (found == kwargs.end()) {
      return std::nullopt;
    }
    inputs.push_back(found->second);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    auto& kind = trace.kinds[i];
    const bool may_be = inputs[i].dtype() == kind.dtype && inputs[i].ndim() == kind.shape.size();
    if (shapeless ? !may_be : !fits(inputs[i], kind)) {
      return std::nullopt;
    }
  }
  return inputs;
}

void describe(std::ostream& to, const std::string& name, const mx::Shape& shape, mx::Dtype dtype) {
  to << "\n    " << name << ": " << dtype << " " << shape;
}

[[noreturn]] void fail_to_match(
    const std::vector<FunctionTrace>& traces, const mx::Args& args, const mx::Kwargs& kwargs) {
  std::ostringstream message;
  message << "No imported function found which matches the arguments";
  for (size_t i = 0; i < args.size(); ++i) {
    describe(message, std::to_string(i), args[i].shape(), args[i].dtype());
  }
  for (auto& [name, array] : kwargs) {
    describe(message, name, array.shape(), array.dtype());
  }
  for (auto& trace : traces) {
    message << "\n  there is one of";
    auto positional = trace.kinds.size() - trace.names.size();
    for (size_t i = 0; i < trace.kinds.size(); ++i) {
      auto name = i < positional ? std::to_string(i) : trace.names[i - positional];
      describe(message, name, trace.kinds[i].shape, trace.kinds[i].dtype);
    }
  }
  throw std::invalid_argument(message.str());
}

}  // namespace

ImportedFunction::ImportedFunction(const std::string& file) {
  FunctionReader from(file, file);
  // The version of MLX, which does not tell versions of the format apart.
  from.get<std::string>();
  auto count = from.get<int>();
  shapeless_ = from.get<bool>();
  metadata_ = from.get<std::string>();
  if (count < 0) {
    from.fail("has a negative number of functions");
  }
  TraceReader::ConstantMap constants;
  for (int i = 0; i < count; ++i) {
    traces_.push_back(TraceReader(from, constants).run());
  }
  if (from.left() > 0) {
    from.fail("goes on after its last function");
  }
  for (auto& trace : traces_) {
    Arrays inputs;
    for (auto& [shape, dtype] : trace.kinds) {
      inputs.push_back(mx::zeros(shape, dtype, mx::Device(mx::Device::cpu)));
    }
    run(trace, inputs, Run::exact);
  }
}

Arrays ImportedFunction::operator()(const mx::Args& args, const mx::Kwargs& kwargs) const {
  for (auto& trace : traces_) {
    if (auto inputs = match(trace, args, kwargs, shapeless_)) {
      return run(trace, *inputs, shapeless_ ? Run::other_shapes : Run::same_shapes);
    }
  }
  fail_to_match(traces_, args, kwargs);
}

}  // namespace mlx_c
