#include "cpu/graph/rewrite.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include <mlx/small_vector.h>
#include "cpu/arrays/allocation.hpp"
#include "cpu/graph/elementwise_fusion.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/use_count.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

struct Replacement {
  std::shared_ptr<KernelOverride> (*make)(array&);
  bool has_indices = false;
  // Whether the kernel asks the result for its size alone.
  bool takes_any_shape = false;
};

// What has a kernel already, and is here for its indices.
std::shared_ptr<KernelOverride> as_it_is(array&) {
  return nullptr;
}

std::shared_ptr<KernelOverride> squeeze(array&);

const std::unordered_map<std::string_view, Replacement>& replacements() {
  static const auto& table = *new std::unordered_map<std::string_view, Replacement>{
      {"QuantizedMatmul", {quantized_matmul}},
      {"GatherQMM", {gather_qmm, true}},
      {"Matmul", {matmul}},
      {"AddMM", {addmm}},
      {"Transpose", {transpose}},
      {"Convolution", {convolution}},
      {"DivMod", {divmod}},
      {"Sum", {reduce, false, true}},
      {"Prod", {reduce, false, true}},
      {"Min", {reduce, false, true}},
      {"Max", {reduce, false, true}},
      {"And", {reduce, false, true}},
      {"Or", {reduce, false, true}},
      {"ArgReduce", {arg_reduce, false, true}},
      {"Softmax", {softmax}},
      {"LogSumExp", {logsumexp, false, true}},
      {"Squeeze", {squeeze}},
      {"Reshape", {reshape}},
      {"Flatten", {reshape}},
      {"Unflatten", {reshape}},
      {"Contiguous", {contiguous}},
      {"Concatenate", {concatenate}},
      {"SliceUpdate", {slice_update}},
      {"SliceUpdate Sum", {slice_combination}},
      {"SliceUpdate Prod", {slice_combination}},
      {"SliceUpdate Min", {slice_combination}},
      {"SliceUpdate Max", {slice_combination}},
      {"Pad", {pad}},
      {"Full", {full}},
      {"Arange", {arange}},
      {"RandomBits", {random_bits}},
      {"Sort", {sort}},
      {"ArgSort", {argsort}},
      {"Partition", {partition}},
      {"ArgPartition", {argpartition}},
      {"CumSum", {scan}},
      {"CumProd", {scan}},
      {"CumMin", {scan}},
      {"CumMax", {scan}},
      {"CumLogAddExp", {scan}},
      {"Gather", {gather, true}},
      {"GatherAxis", {gather_axis, true}},
      {"GatherMM", {gather_mm, true}},
      {"Scatter", {scatter, true}},
      {"Scatter Sum", {scatter, true}},
      {"Scatter Prod", {scatter, true}},
      {"Scatter Min", {scatter, true}},
      {"Scatter Max", {scatter, true}},
      {"ScatterAxis", {scatter_axis, true}},
      {"ScatterAxis Sum", {scatter_axis, true}},
      {"DynamicSlice", {dynamic_slice, true}},
      {"DynamicSliceUpdate", {dynamic_slice_update, true}},
      {"SegmentedMM", {segmented_mm, true}},
      {"CrossEntropy", {as_it_is, true}},
      {"CrossEntropyGradient", {as_it_is, true}},
  };
  return table;
}

// MLX reduces in two nodes: the second takes out the axes that the first leaves with one element.
// Where nobody else holds the first, its kernel makes the result of the second.
std::shared_ptr<KernelOverride> squeeze(array& node) {
  array& reduced = node.inputs()[0];
  if (reduced.status() != array::Status::unscheduled || !reduced.has_primitive() ||
      reduced.is_tracer() || use_count(reduced) != 1 ||
      reduced.primitive().stream() != node.primitive().stream() ||
      dynamic_cast<KernelOverride*>(&reduced.primitive())) {
    return nullptr;
  }
  const auto found = replacements().find(reduced.primitive().name());
  if (found == replacements().end() || !found->second.takes_any_shape) {
    return nullptr;
  }
  auto delegate = found->second.make(reduced);
  if (delegate) {
    node.inputs() = std::vector<array>(reduced.inputs());
  }
  return delegate;
}

// The ids of nodes seen, with open addressing: this runs for every node of every evaluation.
class Seen {
 public:
  // Whether `id` is new.
  bool insert(std::uintptr_t id) {
    if (count_ < few) {
      if (std::find(first_, first_ + count_, id) != first_ + count_) {
        return false;
      }
      first_[count_++] = id;
      return true;
    }
    if (slots_.empty() || count_ * 2 >= slots_.size()) {
      grow();
    }
    return place(id);
  }

 private:
  bool place(std::uintptr_t id) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = (id >> 4) * 0x9e3779b97f4a7c15u >> 20 & mask;
    for (; slots_[i] != 0; i = (i + 1) & mask) {
      if (slots_[i] == id) {
        return false;
      }
    }
    slots_[i] = id;
    count_++;
    return true;
  }

  void grow() {
    std::vector<std::uintptr_t> old(slots_.empty() ? 8 * few : slots_.size() * 2);
    old.swap(slots_);
    if (old.empty()) {
      old.assign(first_, first_ + few);
    }
    count_ = 0;
    for (std::uintptr_t id : old) {
      if (id != 0) {
        place(id);
      }
    }
  }

  // Most graphs are small.
  static constexpr std::size_t few = 8;

  std::uintptr_t first_[few];
  std::vector<std::uintptr_t> slots_;
  std::size_t count_ = 0;
};

// Returns whether the node checks indices.
bool replace_kernel(array& node) {
  auto& primitive = node.primitive_ptr();
  const auto found = replacements().find(primitive->name());
  if (found == replacements().end()) {
    return false;
  }
  if (!dynamic_cast<KernelOverride*>(primitive.get())) {
    if (auto delegate = found->second.make(node)) {
      primitive = std::move(delegate);
    }
  }
  return found->second.has_indices;
}

// Whether what the node computes can fail by its values.
bool rewrite_node(array& node) {
  auto& primitive = node.primitive_ptr();
  if (primitive->device() != mlx::core::Device::cpu) {
    return false;
  }
  check_memory(node);
  bool can_fail = !fuse_elementwise(node) && replace_kernel(node);
  if (auto delegate = dependent(node)) {
    primitive = std::move(delegate);
    can_fail = true;
  }
  return can_fail;
}

// What depends on a node fails with it.
Evaluation::Graph edges(const decltype(Plan::nodes)& nodes) {
  Evaluation::Graph graph;
  for (const array* node : nodes) {
    graph.push_back(node->id());
    graph.push_back(node->inputs().size());
    for (const array& input : node->inputs()) {
      graph.push_back(input.id());
    }
  }
  return graph;
}

}  // namespace

Plan rewrite_graph(const std::vector<array>& outputs, mlx::core::Stream stream) {
  // Wrong settings come out of the first evaluation, whatever it computes.
  kernels();
  thread_count();

  Plan plan{outputs};
  Seen seen;
  struct Visit {
    array* node;
    std::size_t next_input;
  };
  mlx::core::SmallVector<Visit> path;
  bool can_fail = false;
  auto visit = [&](const array& array) {
    auto* node = const_cast<mlx::core::array*>(&array);
    switch (node->status()) {
      case array::Status::available:
        return;
      case array::Status::evaluated:
        if (node->is_available()) {
          return;
        }
        plan.waits = true;
        plan.on_one_stream &= node->event().valid() && node->event().stream() == stream;
        return;
      case array::Status::unscheduled:
        break;
    }
    if (!node->has_primitive()) {
      plan.on_one_stream = false;
      return;
    }
    if (!seen.insert(node->id())) {
      return;
    }
    plan.on_one_stream &= node->primitive().stream() == stream;
    // First, because it may change the inputs.
    can_fail |= rewrite_node(*node);
    path.push_back({node, 0});
  };
  for (const array& output : outputs) {
    check_error(output);
    visit(output);
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next < node->inputs().size()) {
        visit(node->inputs()[next++]);
      } else {
        plan.nodes.push_back(node);
        path.pop_back();
      }
    }
  }
  plan.evaluation =
      std::make_shared<Evaluation>(can_fail ? edges(plan.nodes) : Evaluation::Graph());
  return plan;
}

}  // namespace mlx_c::cpu
