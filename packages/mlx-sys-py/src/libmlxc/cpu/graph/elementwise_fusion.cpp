#include "cpu/graph/elementwise_fusion.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "cpu/graph/registry.hpp"
#include "cpu/nodes/use_count.hpp"
#include "cpu/nodes/verbose.hpp"
#include "cpu/ops/elementwise.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// The largest fused op.
constexpr std::size_t max_steps = 64;
constexpr std::size_t max_inputs = 16;

// With a null `run` if the types have no kernel.
ElementwiseKernel kernel_of(const array& node, const ElementwiseOp& operation) {
  return elementwise_kernel(operation, node.inputs().back().dtype(), node.dtype());
}

// The same if the node is not elementwise.
ElementwiseKernel kernel_of(const array& node) {
  const KernelRow* row = find_row(node.primitive().name());
  return row && row->elementwise ? kernel_of(node, *row->elementwise) : ElementwiseKernel{};
}

bool is_pending(const array& a) {
  return a.status() == array::Status::unscheduled && a.has_primitive();
}

// A node, and the nodes that only it uses.
class Tree {
 public:
  explicit Tree(array& root, ElementwiseKernel kernel) : root_(root) {
    add(&root, kernel, 0);
  }

  // Adds every input that only nodes of the tree use. An input thus comes after all of its users.
  void grow() {
    for (std::size_t i = 0; i < uses_.size() && nodes_.size() < max_steps;) {
      array* input = uses_[i].input;
      const bool mine = is_pending(*input) && use_count(*input) == uses_[i].count &&
          input->siblings().empty() && input->shape() == root_.shape() && !input->is_tracer() &&
          input->primitive().stream() == root_.primitive().stream();
      const ElementwiseKernel kernel =
          mine && uses_.size() + 2 <= max_inputs ? kernel_of(*input) : ElementwiseKernel{};
      if (!kernel.run) {
        i++;
        continue;
      }
      const int count = uses_[i].count;
      uses_.erase(uses_.begin() + i);
      add(input, kernel, count);
      i = 0;
    }
  }

  // Reads broadcast inputs from their sources.
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

  // The operations in the order of their evaluation, as in Multiply+Add.
  std::string names() const {
    std::string result;
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
      result += (result.empty() ? "" : "+") + std::string(node->array->primitive().name());
    }
    return result;
  }

  Program program() const {
    Program result;
    result.inputs = static_cast<int>(uses_.size());
    // Buffer allocation: which node's result each buffer holds, and how many steps still read it.
    std::vector<std::pair<std::uintptr_t, int>> buffers;
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
      Program::Step step{node->kernel.run, {}, 0, 0};
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
      result.cost += node->kernel.cost;
      result.scalar |= node->kernel.scalar;
    }
    result.buffers = static_cast<int>(buffers.size());
    result.steps.back().result = static_cast<std::uint8_t>(result.inputs + result.buffers);
    return result;
  }

 private:
  struct Node {
    mlx::core::array* array;
    ElementwiseKernel kernel;
    int uses;
  };
  // An input of the tree.
  struct Use {
    array* input;
    int count;
    const array* source;  // of what is broadcast
  };

  void add(array* node, ElementwiseKernel kernel, int uses) {
    nodes_.push_back({node, kernel, uses});
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

class HasProgram {
 public:
  explicit HasProgram(Program program) : program(std::move(program)) {}
  virtual ~HasProgram() = default;

  const Program program;
};

// A single operation, which is transformed as before.
class Single : public KernelOverride,
               public HasProgram,
               public std::enable_shared_from_this<Single> {
 public:
  Single(std::shared_ptr<mlx::core::Primitive> original, Program program)
      : KernelOverride(std::move(original)), HasProgram(std::move(program)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    Program::enqueue({shared_from_this(), &program}, inputs, outputs, stream());
  }

  bool is_scalar() const override {
    return program.scalar;
  }
};

class Chain : public KernelPrimitive,
              public HasProgram,
              public std::enable_shared_from_this<Chain> {
 public:
  Chain(mlx::core::Stream stream, Program program, std::string names)
      : KernelPrimitive(stream), HasProgram(std::move(program)), names_(std::move(names)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    Program::enqueue({shared_from_this(), &program}, inputs, outputs, stream());
  }

  bool is_scalar() const override {
    return program.scalar;
  }

  const char* name() const override {
    return "Elementwise";
  }

  std::string details() const override {
    return names_;
  }

 private:
  const std::string names_;
};

}  // namespace

bool fuse_elementwise(array& node, const ElementwiseOp& operation) {
  auto& primitive = node.primitive_ptr();
  const ElementwiseKernel kernel = kernel_of(node, operation);
  if (!kernel.run) {
    return false;
  }
  Tree tree(node, kernel);
  if (!node.is_tracer()) {
    tree.grow();
    tree.skip_broadcasts();
  }
  if (tree.is_root_only()) {
    // An array that is an operand twice is two inputs.
    const auto operands = static_cast<std::uint8_t>(node.inputs().size());
    primitive = std::make_shared<Single>(
        primitive,
        Program{
            .steps = {{kernel.run, {0, 1, 2}, operands, operands}},
            .inputs = operands,
            .cost = kernel.cost,
            .scalar = kernel.scalar});
    return true;
  }
  auto program = tree.program();
  auto inputs = tree.inputs();
  auto names = is_verbose() ? tree.names() : std::string();
  primitive = elementwise_node(primitive->stream(), std::move(program), std::move(names));
  node.inputs() = std::move(inputs);
  return true;
}

const Program* elementwise_program(const mlx::core::Primitive& primitive) {
  const auto* node = dynamic_cast<const HasProgram*>(&primitive);
  return node ? &node->program : nullptr;
}

std::shared_ptr<KernelPrimitive> elementwise_node(
    mlx::core::Stream stream, Program program, std::string names) {
  return std::make_shared<Chain>(stream, std::move(program), std::move(names));
}

}  // namespace mlx_c::cpu
