#include "cpu/graph/rewrite.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/mapped_memory.hpp"
#include "cpu/graph/elementwise_fusion.hpp"
#include "cpu/graph/registry.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/empty_results.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/use_count.hpp"
#include "cpu/nodes/verbose.hpp"
#include "cpu/nodes/whole_task.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// MLX reduces in two nodes: a reduction that keeps the axes with one element, and a Squeeze. If
// nothing else uses the reduction, its kernel writes the result of the Squeeze. Returns the row of
// the reduction if so.
const KernelRow* fold_squeeze(array& node) {
  array& reduced = node.inputs()[0];
  if (reduced.status() != array::Status::unscheduled || !reduced.has_primitive() ||
      reduced.is_tracer() || use_count(reduced) != 1 ||
      reduced.primitive().stream() != node.primitive().stream() ||
      dynamic_cast<KernelOverride*>(&reduced.primitive())) {
    return nullptr;
  }
  const KernelRow* row = find_row(reduced.primitive().name());
  if (!row || !row->any_output_shape || (is_stock() && !row->guards_mlx)) {
    return nullptr;
  }
  auto folded = row->make(reduced);
  if (!folded.kernel || *folded.reason != '\0') {
    return nullptr;
  }
  node.primitive_ptr() = std::move(folded.kernel);
  node.inputs() = std::vector<array>(reduced.inputs());
  return row;
}

// The ids of nodes seen: a hash set with open addressing, as it is asked for every node of every
// evaluation.
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

bool is_on_cpu(mlx::core::Stream stream) {
  return stream.device == mlx::core::Device::cpu;
}

// Makes a node ready to be evaluated. Returns what is known of its primitive, null if that is
// nothing; `can_fail` becomes true if what the node computes can fail by its values.
const KernelRow* rewrite_node(array& node, bool& can_fail) {
  auto& primitive = node.primitive_ptr();
  if (primitive->device() != mlx::core::Device::cpu) {
    if (!dynamic_cast<KernelPrimitive*>(primitive.get())) {
      if (auto empty = empty_results(node)) {
        primitive = std::move(empty);
      }
    }
    return nullptr;
  }
  const KernelRow* row = find_row(primitive->name());
  if (!row || !row->is_view) {
    check_memory(node);
  }
  const char* reason = "";
  if (!dynamic_cast<KernelPrimitive*>(primitive.get())) {
    const KernelRow* folded =
        row && std::strcmp(primitive->name(), "Squeeze") == 0 ? fold_squeeze(node) : nullptr;
    if (folded) {
      row = folded;
    } else {
      reason = row ? override_kernel(node, *row) : "no kernel for this primitive";
    }
  }
  const WholeTask* whole = row ? nullptr : whole_task(node);
  can_fail |= (row && row->checks_values) || (whole && whole->can_fail());
  const bool is_view = row && row->is_view;
  if (auto delegate = dependent(node, is_view)) {
    primitive = std::move(delegate);
    can_fail = true;
  }
  if (is_verbose()) {
    primitive = verbose_node(std::move(primitive), is_view, reason);
  }
  return row;
}

// The edges of the graph: what depends on a node fails with it.
Evaluation::Graph edges(const decltype(Plan::nodes)& nodes) {
  Evaluation::Graph graph;
  for (const auto& [node, row] : nodes) {
    graph.push_back(node->id());
    graph.push_back(node->inputs().size());
    for (const array& input : node->inputs()) {
      graph.push_back(input.id());
    }
  }
  return graph;
}

}  // namespace

const char* override_kernel(array& node, const KernelRow& row) {
  if (is_stock() && !row.guards_mlx) {
    return stock_reason;
  }
  if (row.elementwise) {
    return fuse_elementwise(node, *row.elementwise) ? "" : "no kernel for these types";
  }
  if (!row.make) {
    return "";
  }
  auto [kernel, reason] = row.make(node);
  if (kernel) {
    node.primitive_ptr() = std::move(kernel);
  }
  return is_stock() && *reason != '\0' ? stock_reason : reason;
}

Plan rewrite_graph(const std::vector<array>& outputs, mlx::core::Stream stream) {
  // Wrong settings come out of the first evaluation, whatever it computes.
  kernels();
  thread_count();
  is_verbose();

  Plan plan{outputs};
  Seen seen;
  struct Visit {
    array* node;
    const KernelRow* row;
    std::size_t next_input;
  };
  mlx::core::SmallVector<Visit> path;
  bool can_fail = false;
  const bool has_lost_pages = any_file_has_lost_pages();
  auto visit = [&](const array& array) {
    auto* node = const_cast<mlx::core::array*>(&array);
    switch (node->status()) {
      case array::Status::available:
        if (has_lost_pages) {
          check_not_lost(*node);
        }
        give_buffer(*node);
        return;
      case array::Status::evaluated:
        if (node->is_available()) {
          give_buffer(*node);
          return;
        }
        plan.waits = true;
        plan.on_one_stream &= node->event().valid() && node->event().stream() == stream;
        plan.uses_devices |= node->event().valid() && !is_on_cpu(node->event().stream());
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
    plan.uses_devices |= !is_on_cpu(node->primitive().stream());
    // First, because it may change the inputs.
    const KernelRow* row = rewrite_node(*node, can_fail);
    path.push_back({node, row, 0});
  };
  for (const array& output : outputs) {
    check_error(output);
    if (output.status() == array::Status::available) {
      check_whole(output);
    }
    visit(output);
    while (!path.empty()) {
      auto& [node, row, next] = path.back();
      if (next < node->inputs().size()) {
        visit(node->inputs()[next++]);
      } else {
        plan.nodes.push_back({node, row});
        path.pop_back();
      }
    }
  }
  plan.evaluation =
      std::make_shared<Evaluation>(can_fail ? edges(plan.nodes) : Evaluation::Graph());
  return plan;
}

}  // namespace mlx_c::cpu
