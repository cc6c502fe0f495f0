#include "cpu/code/loops.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "cpu/code/loop_maker.hpp"

namespace mlx_c::cpu {

namespace {

// Programs that are kept: each has a page or two.
constexpr std::size_t max_programs = 1024;

std::vector<Part> make_parts(std::span<const LoopStep> steps, const LoopValues& values) {
  std::vector<Part> parts;
  for (std::size_t at = 0; at < steps.size(); at = parts.back().end) {
    parts.push_back(make_part(steps, values, at));
  }
  if (std::ranges::none_of(parts, [](const Part& part) { return part.loop; })) {
    parts.clear();
  }
  return parts;
}

std::string key_of(std::span<const LoopStep> steps, const LoopValues& values) {
  std::string key;
  key.reserve(16 + steps.size() * 6);
  const auto add = [&](auto number) {
    key.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  add(values.inputs);
  add(values.outputs_from);
  add(values.scalars);
  for (const LoopStep& step : steps) {
    add(step.op);
    add(step.simple);
    key.append(reinterpret_cast<const char*>(step.operands), step.operand_count);
    add(step.operand_count);
    add(step.result);
  }
  return key;
}

}  // namespace

std::span<const Op> simple_ops() {
#if defined(__x86_64__)
  static constexpr Op ops[] = {
      Op::abs,
      Op::add,
      Op::divide,
      Op::maximum,
      Op::minimum,
      Op::multiply,
      Op::negative,
      Op::rsqrt,
      Op::sqrt,
      Op::square,
      Op::subtract};
  static const bool supported = __builtin_cpu_supports("avx2") != 0;
  if (supported) {
    return ops;
  }
#endif
  return {};
}

const std::vector<Part>* loops_of(std::span<const LoopStep> steps, const LoopValues& values) {
  if (values.inputs > static_cast<int>(Part::max_inputs)) {
    return nullptr;
  }
  static std::mutex mutex;
  // Leaked: threads may still run loops when the process ends.
  static auto& known = *new std::unordered_map<std::string, std::vector<Part>>;
  std::string key = key_of(steps, values);
  const std::lock_guard lock(mutex);
  auto found = known.find(key);
  if (found == known.end()) {
    if (known.size() >= max_programs) {
      return nullptr;
    }
    found = known.emplace(std::move(key), make_parts(steps, values)).first;
  }
  return found->second.empty() ? nullptr : &found->second;
}

}  // namespace mlx_c::cpu
