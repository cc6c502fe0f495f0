#include "cpu/graph/elementwise_fusion.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "cpu/arrays/dtypes.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/use_count.hpp"
#include "cpu/ops/elementwise_program.hpp"
#include "cpu/ops/scalar_elementwise.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Bounds of what becomes one step.
constexpr std::size_t max_steps = 64;
constexpr std::size_t max_inputs = 16;

// How much longer an operation takes one element at a time.
constexpr int scalar_cost = 8;

struct Operation {
  Op op;
  int cost;  // in additions
};

const std::unordered_map<std::string_view, Operation>& operations() {
  static const auto& table = *[] {
    auto* result = new std::unordered_map<std::string_view, Operation>;
    for (const ElementwiseOp& each : elementwise_ops) {
      result->emplace(each.primitive, Operation{each.op, each.cost});
    }
    return result;
  }();
  return table;
}

struct Implementation {
  Elementwise run = nullptr;
  int cost = 0;
};

// None if the types have no kernel.
Implementation implementation_of(Operation operation, mlx::core::Dtype from, mlx::core::Dtype to) {
  const auto [op, cost] = operation;
  if (const Elementwise run =
          kernels()->elementwise.find(op, element_type(from), element_type(to))) {
    return {run, cost};
  }
  return {scalar_elementwise(op, from, to), scalar_cost * cost};
}

// None if the node is not one of those above either.
Implementation implementation_of(const array& node) {
  const auto found = operations().find(node.primitive().name());
  if (found == operations().end()) {
    return {};
  }
  return implementation_of(found->second, node.inputs().back().dtype(), node.dtype());
}

bool is_pending(const array& a) {
  return a.status() == array::Status::unscheduled && a.has_primitive();
}

// A node with what it alone needs.
class Tree {
 public:
  explicit Tree(array& root, Implementation implementation) : root_(root) {
    add(&root, implementation, 0);
  }

  // Takes in every input that only nodes of the tree hold. An input thus comes after all nodes that
  // use it.
  void grow() {
    for (std::size_t i = 0; i < uses_.size() && nodes_.size() < max_steps;) {
      array* input = uses_[i].input;
      const bool mine = is_pending(*input) && use_count(*input) == uses_[i].count &&
          input->siblings().empty() && input->shape() == root_.shape() && !input->is_tracer() &&
          input->primitive().stream() == root_.primitive().stream();
      const Implementation implementation =
          mine && uses_.size() + 2 <= max_inputs ? implementation_of(*input) : Implementation{};
      if (!implementation.run) {
        i++;
        continue;
      }
      const int count = uses_[i].count;
      uses_.erase(uses_.begin() + i);
      add(input, implementation, count);
      i = 0;
    }
  }

  // Reads what is broadcast where it is.
  void skip_broadcasts() {
    for (Use& use : uses_) {
      array& input = *use.input;
      if (is_pending(input) && !input.is_tracer() && input.inputs().size() == 1 &&
          std::string_view(input.primitive().name()) == "Broadcast") {
        use.source = &input.inputs()[0];
      }
    }
  }

  bool is_root_only() const {
    return nodes_.size() == 1 &&
        std::all_of(uses_.begin(), uses_.end(), [](const Use& use) { return !use.source; });
  }

  std::vector<array> inputs() const {
    std::vector<array> result;
    for (const Use& use : uses_) {
      result.push_back(use.source ? *use.source : *use.input);
    }
    return result;
  }

  Program program() const {
    Program result;
    result.inputs = static_cast<int>(uses_.size());
    // Which node's result each buffer holds, and how many steps are still to use it.
    std::vector<std::pair<std::uintptr_t, int>> buffers;
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
      Program::Step step{node->implementation.run, {}, 0, 0};
      mlx::core::SmallVector<std::size_t, 3> read;
      for (const array& operand : node->array->inputs()) {
        const auto use = std::find_if(uses_.begin(), uses_.end(), [&](const Use& use) {
          return use.input->id() == operand.id();
        });
        std::size_t value = static_cast<std::size_t>(use - uses_.begin());
        if (use == uses_.end()) {
          const auto buffer = std::find_if(buffers.begin(), buffers.end(), [&](auto& buffer) {
            return buffer.second > 0 && buffer.first == operand.id();
          });
          read.push_back(static_cast<std::size_t>(buffer - buffers.begin()));
          value = uses_.size() + read.back();
        }
        step.operands[step.operand_count++] = static_cast<std::uint8_t>(value);
      }
      const auto unused = std::find_if(
          buffers.begin(), buffers.end(), [](auto& buffer) { return buffer.second == 0; });
      const auto target = static_cast<std::size_t>(unused - buffers.begin());
      const bool is_last = node->array == &root_;
      if (!is_last && target == buffers.size()) {
        buffers.emplace_back();
      }
      if (!is_last) {
        buffers[target] = {node->array->id(), node->uses};
      }
      for (const std::size_t buffer : read) {
        buffers[buffer].second--;
      }
      step.result = static_cast<std::uint8_t>(uses_.size() + target);
      result.steps.push_back(step);
      result.cost += node->implementation.cost;
    }
    result.buffers = static_cast<int>(buffers.size());
    return result;
  }

 private:
  struct Node {
    mlx::core::array* array;
    Implementation implementation;
    int uses;
  };
  // An input of the tree.
  struct Use {
    array* input;
    int count;
    const array* source;  // of what is broadcast
  };

  void add(array* node, Implementation implementation, int uses) {
    nodes_.push_back({node, implementation, uses});
    for (array& input : node->inputs()) {
      const auto known = std::find_if(uses_.begin(), uses_.end(), [&](const Use& use) {
        return use.input->id() == input.id();
      });
      if (known != uses_.end()) {
        known->count++;
      } else {
        uses_.push_back({&input, 1, nullptr});
      }
    }
  }

  array& root_;
  mlx::core::SmallVector<Node, 8> nodes_;
  mlx::core::SmallVector<Use, 8> uses_;
};

// A single operation, which can be transformed as ever.
class Single : public KernelOverride, public std::enable_shared_from_this<Single> {
 public:
  Single(std::shared_ptr<mlx::core::Primitive> original, Program program)
      : KernelOverride(std::move(original)), program_(std::move(program)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    Program::enqueue({shared_from_this(), &program_}, inputs, outputs[0], stream());
  }

 private:
  const Program program_;
};

// Two programs of one step.
class DivMod : public KernelOverride {
 public:
  DivMod(
      std::shared_ptr<mlx::core::Primitive> original,
      Implementation quotient,
      Implementation remainder)
      : KernelOverride(std::move(original)),
        quotient_(of_two(quotient)),
        remainder_(of_two(remainder)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    {
      // Second handles keep the first program from writing over what the second is to read.
      const std::vector<array> held = inputs;
      Program::enqueue(quotient_, inputs, outputs[0], stream());
    }
    Program::enqueue(remainder_, inputs, outputs[1], stream());
  }

 private:
  static std::shared_ptr<const Program> of_two(Implementation implementation) {
    return std::make_shared<Program>(
        Program{{{implementation.run, {0, 1}, 2, 2}}, 2, 0, implementation.cost});
  }

  const std::shared_ptr<const Program> quotient_, remainder_;
};

class Chain : public KernelPrimitive, public std::enable_shared_from_this<Chain> {
 public:
  Chain(mlx::core::Stream stream, Program program)
      : KernelPrimitive(stream), program_(std::move(program)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    Program::enqueue({shared_from_this(), &program_}, inputs, outputs[0], stream());
  }

  const char* name() const override {
    return "Elementwise";
  }

 private:
  const Program program_;
};

}  // namespace

bool fuse_elementwise(array& node) {
  auto& primitive = node.primitive_ptr();
  if (!kernels() || node.inputs().empty() || dynamic_cast<KernelOverride*>(primitive.get())) {
    return false;
  }
  const Implementation implementation = implementation_of(node);
  if (!implementation.run) {
    return false;
  }
  Tree tree(node, implementation);
  if (!node.is_tracer()) {
    tree.grow();
    tree.skip_broadcasts();
  }
  if (tree.is_root_only()) {
    primitive = std::make_shared<Single>(primitive, tree.program());
    return true;
  }
  auto program = tree.program();
  auto inputs = tree.inputs();
  primitive = std::make_shared<Chain>(primitive->stream(), std::move(program));
  node.inputs() = std::move(inputs);
  return true;
}

std::shared_ptr<KernelOverride> divmod(array& node) {
  if (!kernels()) {
    return nullptr;
  }
  const mlx::core::Dtype type = node.dtype();
  const auto quotient = implementation_of(operations().at("FloorDivide"), type, type);
  const auto remainder = implementation_of(operations().at("Remainder"), type, type);
  if (!quotient.run || !remainder.run) {
    return nullptr;
  }
  return std::make_shared<DivMod>(node.primitive_ptr(), quotient, remainder);
}

}  // namespace mlx_c::cpu
