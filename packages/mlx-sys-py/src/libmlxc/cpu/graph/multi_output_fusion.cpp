#include "cpu/graph/multi_output_fusion.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>

#include "cpu/graph/elementwise_fusion.hpp"
#include "cpu/nodes/use_count.hpp"
#include "cpu/nodes/verbose.hpp"
#include "cpu/ops/elementwise_program.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// The largest node.
constexpr std::size_t max_steps = 64;
constexpr std::size_t max_inputs = 16;
constexpr std::size_t max_members = 24;
// Arrays of less stay in the cache between one node and the next.
constexpr std::size_t min_bytes = 8 << 10;

constexpr std::size_t nowhere = SIZE_MAX;

// The places of nodes by their ids: a hash table with open addressing.
class Places {
 public:
  explicit Places(std::size_t count) {
    std::size_t size = 16;
    while (size < 2 * count) {
      size *= 2;
    }
    slots_.resize(size);
  }

  void insert(std::uintptr_t id, std::size_t place) {
    slots_[slot(id)] = {id, place};
  }

  // `nowhere` if there is none.
  std::size_t find(std::uintptr_t id) const {
    const Slot& found = slots_[slot(id)];
    return found.id == 0 ? nowhere : found.place;
  }

 private:
  struct Slot {
    std::uintptr_t id = 0;
    std::size_t place = 0;
  };

  std::size_t slot(std::uintptr_t id) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = (id >> 4) * 0x9e3779b97f4a7c15u >> 20 & mask;
    while (slots_[i].id != 0 && slots_[i].id != id) {
      i = (i + 1) & mask;
    }
    return i;
  }

  std::vector<Slot> slots_;
};

// Which nodes of a plan, of those that can fail by their values, something depends on.
class Risks {
 public:
  void add(std::size_t number) {
    if (number < 64 * bits_.size()) {
      bits_[number / 64] |= std::uint64_t{1} << number % 64;
    } else {
      unknown_ = true;
    }
  }

  void add(const Risks& other) {
    for (std::size_t i = 0; i < bits_.size(); i++) {
      bits_[i] |= other.bits_[i];
    }
    unknown_ |= other.unknown_;
  }

  // Whether both certainly depend on the same.
  bool same(const Risks& other) const {
    return !unknown_ && !other.unknown_ && bits_ == other.bits_;
  }

 private:
  std::array<std::uint64_t, 4> bits_{};
  bool unknown_ = false;
};

// A node that may become part of a larger one.
struct Candidate {
  std::size_t place;
  const Program* program;
  std::size_t group;
  std::vector<std::size_t> readers;  // the places of nodes that read it
};

// Candidates that become one node.
struct Group {
  std::vector<std::size_t> members;  // in topological order
  std::size_t place;
};

// Of the operations of an elementwise node.
std::string names_of(const mlx::core::Primitive& primitive) {
  const auto* kernel = dynamic_cast<const KernelPrimitive*>(&primitive);
  const std::string details = kernel ? kernel->details() : std::string();
  return details.empty() ? primitive.name() : details;
}

// Whether reading `input` is worth saving: scalars and what is broadcast are small.
bool is_whole(const array& input, const array& node) {
  return input.size() == node.size();
}

// One program of the programs of several nodes.
class Merger {
 public:
  // The id of each value is that of the array it is the value of.
  void add(const array& node, const Program& program) {
    std::vector<Value> local;
    for (const array& input : node.inputs()) {
      local.push_back(value_of(input));
    }
    local.resize(program.values());
    for (const Program::Step& step : program.steps) {
      Step merged{step.run, {}, step.operand_count};
      for (int k = 0; k < step.operand_count; k++) {
        merged.operands[k] = local[step.operands[k]];
        if (!merged.operands[k].is_input) {
          steps_[merged.operands[k].index].last_read = steps_.size();
        }
      }
      local[step.result] = {false, steps_.size()};
      steps_.push_back(merged);
    }
    results_.push_back({node.id(), local.back()});
    cost_ += program.cost;
    scalar_ |= program.scalar;
  }

  // The result of the node that was added last is an output.
  void mark_output() {
    steps_.back().output = static_cast<int>(outputs_++);
  }

  std::vector<array>& inputs() {
    return inputs_;
  }

  Program program() const {
    Program result;
    result.inputs = static_cast<int>(inputs_.size());
    result.outputs = static_cast<int>(outputs_);
    result.cost = cost_;
    result.scalar = scalar_;
    // Buffer allocation: the last step that reads what each buffer holds.
    std::vector<std::size_t> buffers;
    std::vector<std::size_t> place(steps_.size());
    for (std::size_t i = 0; i < steps_.size(); i++) {
      if (steps_[i].output >= 0) {
        continue;
      }
      const auto unused =
          std::ranges::find_if(buffers, [i](std::size_t last_read) { return last_read < i; });
      place[i] = inputs_.size() + static_cast<std::size_t>(unused - buffers.begin());
      if (unused == buffers.end()) {
        buffers.push_back(steps_[i].last_read);
      } else {
        *unused = steps_[i].last_read;
      }
    }
    result.buffers = static_cast<int>(buffers.size());
    for (std::size_t i = 0; i < steps_.size(); i++) {
      if (steps_[i].output >= 0) {
        place[i] = inputs_.size() + buffers.size() + static_cast<std::size_t>(steps_[i].output);
      }
      const Step& step = steps_[i];
      Program::Step made{step.run, {}, step.operand_count, static_cast<std::uint8_t>(place[i])};
      for (int k = 0; k < step.operand_count; k++) {
        const Value& value = step.operands[k];
        made.operands[k] =
            static_cast<std::uint8_t>(value.is_input ? value.index : place[value.index]);
      }
      result.steps.push_back(made);
    }
    return result;
  }

 private:
  // An input, or the result of a step.
  struct Value {
    bool is_input = true;
    std::size_t index = 0;
  };
  struct Step {
    Elementwise run;
    Value operands[3];
    std::uint8_t operand_count;
    int output = -1;
    std::size_t last_read = 0;
  };

  Value value_of(const array& input) {
    for (const auto& [id, value] : results_) {
      if (id == input.id()) {
        return value;
      }
    }
    const auto known =
        std::ranges::find_if(inputs_, [&](const array& other) { return other.id() == input.id(); });
    const auto index = static_cast<std::size_t>(known - inputs_.begin());
    if (known == inputs_.end()) {
      inputs_.push_back(input);
    }
    return {true, index};
  }

  std::vector<array> inputs_;
  std::vector<Step> steps_;
  std::vector<std::pair<std::uintptr_t, Value>> results_;
  std::size_t outputs_ = 0;
  int cost_ = 0;
  bool scalar_ = false;
};

class Fusion {
 public:
  explicit Fusion(std::vector<PlannedNode>& nodes) : nodes_(nodes), places_(nodes.size()) {}

  // Returns whether there is anything to fuse.
  bool collect() {
    for (std::size_t i = 0; i < nodes_.size(); i++) {
      const auto& [node, row] = nodes_[i];
      if (!row || !row->elementwise || node.nbytes() < min_bytes || node.is_tracer() ||
          !node.siblings().empty()) {
        continue;
      }
      if (const Program* program = elementwise_program(*measured(node.primitive_ptr()))) {
        candidates_.push_back({i, program, candidates_.size(), {}});
      }
    }
    return candidates_.size() > 1;
  }

  // Groups candidates.
  void group() {
    candidate_at_.assign(nodes_.size(), nowhere);
    for (std::size_t i = 0; i < candidates_.size(); i++) {
      candidate_at_[candidates_[i].place] = i;
      groups_.push_back({{i}, candidates_[i].place});
    }
    risks_.resize(nodes_.size());
    std::size_t risky = 0;
    for (std::size_t i = 0; i < nodes_.size(); i++) {
      const auto& [node, row] = nodes_[i];
      if (!row || row->checks_values) {
        risks_[i].add(risky++);
      }
      for (const array& input : node.inputs()) {
        const std::size_t producer = places_.find(input.id());
        if (producer == nowhere) {
          continue;
        }
        risks_[i].add(risks_[producer]);
        if (candidate_at_[producer] != nowhere) {
          candidates_[candidate_at_[producer]].readers.push_back(i);
        }
      }
      places_.insert(node.id(), i);
    }
    Places last_readers(4 * candidates_.size() + max_inputs);
    std::size_t reads = 0;
    for (std::size_t i = 0; i < candidates_.size(); i++) {
      const array& node = node_of(i);
      for (const array& input : node.inputs()) {
        if (!is_whole(input, node)) {
          continue;
        }
        if (const std::size_t producer = candidate_of(input); producer != nowhere) {
          merge(candidates_[i].group, candidates_[producer].group);
        }
        if (const std::size_t other = last_readers.find(input.id()); other != nowhere) {
          merge(candidates_[i].group, candidates_[other].group);
        }
        // What does not fit is not found again, which does no harm.
        if (last_readers.find(input.id()) != nowhere || reads++ < 2 * candidates_.size()) {
          last_readers.insert(input.id(), i);
        }
      }
    }
  }

  // Replaces the nodes of each group by one.
  void replace() {
    std::vector<std::pair<std::size_t, PlannedNode>> made;
    std::vector<bool> gone(nodes_.size());
    for (const Group& group : groups_) {
      if (group.members.size() > 1) {
        made.emplace_back(group.place, PlannedNode{fused(group), nodes_[group.place].row});
        for (const std::size_t member : group.members) {
          gone[candidates_[member].place] = true;
        }
      }
    }
    if (made.empty()) {
      return;
    }
    std::ranges::sort(made, {}, [](const auto& pair) { return pair.first; });
    std::vector<PlannedNode> result;
    result.reserve(nodes_.size());
    auto next = made.begin();
    for (std::size_t i = 0; i < nodes_.size(); i++) {
      if (next != made.end() && next->first == i) {
        result.push_back(std::move((next++)->second));
      } else if (!gone[i]) {
        result.push_back(std::move(nodes_[i]));
      }
    }
    nodes_ = std::move(result);
  }

 private:
  array& node_of(std::size_t candidate) {
    return nodes_[candidates_[candidate].place].array;
  }

  std::size_t candidate_of(const array& node) const {
    const std::size_t place = places_.find(node.id());
    return place == nowhere ? nowhere : candidate_at_[place];
  }

  // Where a node is evaluated.
  std::size_t place_of(std::size_t node) const {
    const std::size_t candidate = candidate_at_[node];
    return candidate == nowhere ? node : groups_[candidates_[candidate].group].place;
  }

  // Makes one group of two, if one place for all of their nodes lies behind all that they read and
  // before all that read them: else they would have to wait for themselves.
  void merge(std::size_t first, std::size_t second) {
    Group& a = groups_[first];
    Group& b = groups_[second];
    const array& some = node_of(a.members.front());
    const array& other = node_of(b.members.front());
    if (first == second || some.shape() != other.shape() ||
        some.primitive().stream() != other.primitive().stream() ||
        // What fails with its inputs must not take others with it.
        !risks_[a.place].same(risks_[b.place]) ||
        a.members.size() + b.members.size() > max_members) {
      return;
    }
    std::vector<std::size_t> members;
    std::ranges::merge(a.members, b.members, std::back_inserter(members));
    const auto is_member = [&](std::size_t candidate) {
      return candidate != nowhere &&
          (candidates_[candidate].group == first || candidates_[candidate].group == second);
    };
    std::size_t steps = 0, behind = 0;
    std::vector<std::uintptr_t> inputs;
    for (const std::size_t member : members) {
      steps += candidates_[member].program->steps.size();
      for (const array& input : node_of(member).inputs()) {
        const std::size_t place = places_.find(input.id());
        if (place != nowhere && is_member(candidate_at_[place])) {
          continue;
        }
        if (std::ranges::find(inputs, input.id()) == inputs.end()) {
          inputs.push_back(input.id());
        }
        if (place != nowhere) {
          behind = std::max(behind, place_of(place) + 1);
        }
      }
    }
    const auto at = std::ranges::find_if(
        members, [&](std::size_t member) { return candidates_[member].place >= behind; });
    if (steps > max_steps || inputs.size() > max_inputs || at == members.end()) {
      return;
    }
    const std::size_t place = candidates_[*at].place;
    for (const std::size_t member : members) {
      for (const std::size_t reader : candidates_[member].readers) {
        if (!is_member(candidate_at_[reader]) && place_of(reader) <= place) {
          return;
        }
      }
    }
    for (const std::size_t member : b.members) {
      candidates_[member].group = first;
    }
    a = {std::move(members), place};
    b.members.clear();
  }

  // How often members of a group read an array.
  long reads(const std::vector<std::size_t>& members, const array& input) {
    long count = 0;
    for (const std::size_t member : members) {
      count += std::ranges::count_if(
          node_of(member).inputs(), [&](const array& other) { return other.id() == input.id(); });
    }
    return count;
  }

  // The members in the order of their evaluation: an output takes the memory of an input that
  // nothing behind it reads. So first come those that read what no other member does.
  std::vector<std::size_t> ordered(std::vector<std::size_t> members) {
    std::vector<std::size_t> result;
    while (!members.empty()) {
      const auto is_ready = [&](std::size_t member) {
        return std::ranges::none_of(node_of(member).inputs(), [&](const array& input) {
          return std::ranges::find(members, candidate_of(input)) != members.end();
        });
      };
      const auto takes_over = [&](std::size_t member) {
        const array& node = node_of(member);
        const std::vector<std::size_t> alone{member};
        return is_ready(member) && std::ranges::any_of(node.inputs(), [&](const array& input) {
                 return is_whole(input, node) && reads(members, input) == reads(alone, input);
               });
      };
      auto next = std::ranges::find_if(members, takes_over);
      if (next == members.end()) {
        next = std::ranges::find_if(members, is_ready);
      }
      result.push_back(*next);
      members.erase(next);
    }
    return result;
  }

  // The node of a group: any of its outputs.
  array fused(const Group& group) {
    const std::vector<std::size_t> members = ordered(group.members);
    Merger merger;
    std::vector<array> outputs;
    std::string names;
    for (const std::size_t member : members) {
      array& node = node_of(member);
      merger.add(node, *candidates_[member].program);
      // The members' own handles, and that of the list of nodes.
      if (use_count(node) > reads(members, node) + 1) {
        merger.mark_output();
        outputs.push_back(node);
      }
      if (is_verbose()) {
        names += (names.empty() ? "" : "+") + names_of(*measured(node.primitive_ptr()));
      }
    }
    std::shared_ptr<mlx::core::Primitive> primitive =
        elementwise_node(outputs[0].primitive().stream(), merger.program(), std::move(names));
    if (is_verbose()) {
      primitive = verbose_node(std::move(primitive), false, "");
    }
    for (std::size_t i = 0; i < outputs.size(); i++) {
      outputs[i].primitive_ptr() = primitive;
      outputs[i].inputs() = merger.inputs();
      std::vector<array> siblings = outputs;
      siblings.erase(siblings.begin() + static_cast<std::ptrdiff_t>(i));
      outputs[i].set_siblings(std::move(siblings), static_cast<std::uint16_t>(i));
    }
    return outputs[0];
  }

  std::vector<PlannedNode>& nodes_;
  Places places_;
  std::vector<Candidate> candidates_;
  std::vector<std::size_t> candidate_at_;  // by the place of a node
  std::vector<Risks> risks_;               // the same
  std::vector<Group> groups_;
};

}  // namespace

void fuse_outputs(std::vector<PlannedNode>& nodes) {
  Fusion fusion(nodes);
  if (fusion.collect()) {
    fusion.group();
    fusion.replace();
  }
}

}  // namespace mlx_c::cpu
