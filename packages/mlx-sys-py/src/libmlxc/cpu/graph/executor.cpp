#include "cpu/graph/executor.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

#include <mlx/transforms.h>

#include "cpu/arrays/mapped_memory.hpp"
#include "cpu/graph/evaluate_node.hpp"
#include "cpu/graph/multi_output_fusion.hpp"
#include "cpu/nodes/stream_errors.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/nodes/whole_task.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;
using Clock = std::chrono::steady_clock;

// A caller can be interrupted while it waits, not while it computes: so long may it evaluate nodes
// inline, and so many bytes may one of them touch, and so many products may it compute.
constexpr auto max_inline_time = std::chrono::milliseconds(5);
constexpr std::size_t small = 8 << 20;
constexpr double few_multiplications = 1 << 28;
constexpr std::size_t nodes_per_look_at_the_clock = 8;

bool may_run_inline(const array& node, const KernelRow* row) {
  auto* kernel = dynamic_cast<const KernelPrimitive*>(&node.primitive());
  return bytes_touched(node, row) <= small && (!kernel || kernel->may_run_inline()) &&
      multiplications(node, row) <= few_multiplications;
}

// The size of a piece, after which other threads get a turn: large enough to be worth the pause,
// which takes tens of microseconds.
constexpr std::size_t most_nodes_of_piece = 512;
constexpr std::size_t most_bytes_of_piece = 32 << 20;

// The same for nodes that MLX's kernels evaluate: once scheduled, they cannot be set aside, nor can
// what they depend on. So a caller that waits lets so much work be done before they are scheduled.
constexpr std::size_t most_mlx_bytes_of_piece = 2 << 20;
constexpr std::size_t most_bytes_before_mlx = 4 << 20;

// A plan of this size takes less time than a person notices, whatever its primitives.
constexpr std::size_t quick_nodes = 25;
constexpr std::size_t quick_bytes = 1 << 20;

// How many executions in flight are larger than that.
std::atomic<int> lasting_executions = 0;

class Lasting {
 public:
  Lasting() {
    lasting_executions++;
  }
  ~Lasting() {
    lasting_executions--;
  }
  Lasting(const Lasting&) = delete;
  Lasting& operator=(const Lasting&) = delete;
};

bool is_quick(const decltype(Plan::nodes)& nodes) {
  if (nodes.size() > quick_nodes) {
    return false;
  }
  std::size_t sum = 0;
  for (const auto& [node, row] : nodes) {
    sum += bytes_touched(*node, row);
  }
  return sum <= quick_bytes;
}

class Execution {
 public:
  Execution(const Plan& plan, mx::Stream stream, bool waits, bool lasts)
      : plan_(plan),
        stream_(stream),
        waits_(waits),
        lasting_(lasts ? std::make_shared<Lasting>() : nullptr) {
    nodes_.reserve(plan.nodes.size());
    for (const auto& [node, row] : plan.nodes) {
      nodes_.push_back({*node, row});
    }
    // It moves inputs of nodes, where the plan finds others: these are not asked for any more.
    fuse_outputs(nodes_);
  }

  // Evaluates nodes in this thread until one is found that should not be evaluated here.
  void run_inline() {
    TaskQueue queue(stream_, true);
    const bool looks_at_the_clock = nodes_.size() >= nodes_per_look_at_the_clock;
    const auto start = looks_at_the_clock ? Clock::now() : Clock::time_point();
    std::size_t nodes = 0;
    for (; !done(); next_++) {
      auto& [node, row] = nodes_[next_];
      if (is_done(node)) {
        release(node);
        continue;
      }
      if (!uses_task_queue(node, row) || !may_run_inline(node, row)) {
        return;
      }
      if (++nodes % nodes_per_look_at_the_clock == 0 && Clock::now() - start > max_inline_time) {
        return;
      }
      std::vector<array> outputs = node.outputs();
      evaluate_node(node, outputs);
      plan_.evaluation->check();
      if (lost_pages() != lost_pages_) {
        throw_lost_pages();
      }
      finish(node, outputs, array::Status::available);
    }
  }

  bool done() const {
    return next_ == nodes_.size();
  }

  // Schedules the next piece of the remaining nodes on the stream; `event` is signalled after them.
  // If scheduling one of them throws, those before it run all the same: somebody may wait for them.
  void run_on_stream(const mx::Event& event) {
    plan_.evaluation->add(event);
    TaskQueue queue(stream_, false);
    drains_ = false;
    std::size_t count = 0, sum = 0, mlx_sum = 0, first = 0;
    try {
      for (; !done() && count < most_nodes_of_piece && sum < most_bytes_of_piece &&
           mlx_sum < most_mlx_bytes_of_piece;
           next_++) {
        auto& [node, row] = nodes_[next_];
        if (is_done(node)) {
          release(node);
          continue;
        }
        const std::size_t bytes = bytes_touched(node, row);
        const bool queued = uses_task_queue(node, row);
        if (!queued && waits_ && unfinished_ > most_bytes_before_mlx) {
          drains_ = true;
          unfinished_ = 0;
          break;
        }
        count++;
        sum += bytes;
        (queued ? unfinished_ : mlx_sum) += bytes;
        first = queue.size();
        leave_to_stream(node, queued, event, queue);
      }
    } catch (...) {
      error_ = std::current_exception();
      // What there is of the node is computed.
      queue.add_node(std::min(first, queue.size()), true, {});
    }
    if (any_mapped_file()) {
      queue.add([before = lost_pages_] {
        if (lost_pages() != before) {
          throw_lost_pages();
        }
      });
    }
    // The last handle on an output may be dropped before the output is written.
    if (done() || error_) {
      queue.add(holder_of(plan_.outputs));
    }
    queue.keep_while_under_way(lasting_);
    queue.flush(true);
  }

  // Whether all that is scheduled has to be done before the next piece.
  bool drains() const {
    return drains_;
  }

  // Leaves the remaining nodes as they are. What they read may still be written.
  void stop() {
    std::vector<TaskQueue::Data> buffers;
    for (; !done(); next_++) {
      for (const array& input : nodes_[next_].array.inputs()) {
        if (is_scheduled(input)) {
          buffers.push_back(input.data_shared_ptr());
        }
      }
    }
    enqueue(stream_, [buffers = std::move(buffers)] {});
  }

  // Throws what scheduling a node has thrown.
  void check() const {
    if (error_) {
      std::rethrow_exception(error_);
    }
  }

 private:
  // `queued` says that the node leaves its work to the task queue.
  void leave_to_stream(array& node, bool queued, const mx::Event& event, TaskQueue& queue) {
    for (array& input : node.inputs()) {
      // It was scheduled, and has been set aside since.
      if (!is_done(input)) {
        array handle = input;
        leave_to_stream(handle, true, event, queue);
      }
    }
    // What is differentiated later keeps its graph, which it would lose if it were set aside.
    const bool is_tracer = node.is_tracer();
    queue.flush(!queued || is_tracer);
    std::vector<array> outputs = node.outputs();
    for (array& output : outputs) {
      output.attach_event(event);
    }
    const std::size_t first = queue.size();
    evaluate_node(node, outputs);
    const bool overwrites_input = keep_buffers(node, outputs, queued ? &queue : nullptr);
    if (queued) {
      const bool once = whole_task(node) != nullptr;
      queue.add_node(first, overwrites_input || once, outputs);
      // One task is the work of many nodes.
      queue.flush(once);
    }
    if (is_tracer) {
      queue.flush(true);
    }
    if (is_tracer || (!queued && std::ranges::any_of(node.inputs(), is_scheduled))) {
      TaskQueue::pin(&stream_);
    }
    finish(node, outputs, array::Status::evaluated);
  }

  static bool is_scheduled(const array& input) {
    return input.status() == array::Status::evaluated;
  }

  // Nodes with several outputs come once for each that is used.
  static bool is_done(const array& node) {
    return node.status() != array::Status::unscheduled;
  }

  // A task that keeps the buffers of arrays until the stream comes to it.
  std::function<void()> holder_of(const std::vector<array>& arrays) const {
    std::vector<TaskQueue::Data> buffers;
    for (const array& array : arrays) {
      if (array.data_shared_ptr()) {
        buffers.push_back(array.data_shared_ptr());
      }
    }
    return [buffers = std::move(buffers)] {};
  }

  // Until the tasks of a node have run, what they read must not be freed or reused. An output that
  // took over the buffer of an input holds it by itself, and must be free to pass it on; returns
  // whether there is one.
  bool keep_buffers(const array& node, const std::vector<array>& outputs, TaskQueue* queue) const {
    std::vector<TaskQueue::Data> buffers;
    auto keep = [&](const TaskQueue::Data& data) {
      // Of several outputs some may be needed when others are not.
      if (data && (data != node.data_shared_ptr() || (queue && outputs.size() > 1))) {
        buffers.push_back(data);
      }
    };
    bool overwrites_input = false;
    for (const array& input : node.inputs()) {
      keep(input.data_shared_ptr());
      overwrites_input |= std::ranges::any_of(outputs, [&](const array& output) {
        return output.data_shared_ptr() == input.data_shared_ptr();
      });
    }
    for (const array& output : outputs) {
      keep(output.data_shared_ptr());
    }
    if (queue) {
      queue->keep(std::move(buffers));
    } else {
      auto& encoder = mx::cpu::get_command_encoder(stream_);
      enqueue(
          stream_,
          [buffers = std::move(buffers), temporaries = std::exchange(encoder.temporaries(), {})] {
          });
    }
    return overwrites_input;
  }

  static void finish(array& node, const std::vector<array>& outputs, array::Status status) {
    for (const array& output : outputs) {
      output.set_status(status);
    }
    if (!node.is_tracer()) {
      node.detach();
    }
    release(node);
  }

  // Our handle would keep its buffer from being reused.
  static void release(array& node) {
    array(std::move(node));
  }

  const Plan& plan_;
  const mx::Stream stream_;
  // Handles, as others may evaluate parts of the graph between pieces.
  std::vector<PlannedNode> nodes_;
  std::size_t next_ = 0;
  const bool waits_;
  // Those of files in memory: if there are more when nodes have been evaluated, these may have read
  // them.
  const std::uint64_t lost_pages_ = lost_pages();
  bool drains_ = false;
  std::size_t unfinished_ = 0;  // bytes that tasks scheduled since the last pause touch
  const std::shared_ptr<Lasting> lasting_;
  std::exception_ptr error_;
};

// Events are made and signalled by MLX's own evaluation only. So MLX evaluates one node, this one,
// whose eval_cpu schedules the others; its event is signalled after them.
class Schedule : public mx::Primitive {
 public:
  Schedule(mx::Stream stream, Execution& execution) : Primitive(stream), execution_(execution) {}

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    outputs[0].set_data(mx::allocator::malloc(0));
    execution_.run_on_stream(outputs[0].event());
  }

  void eval_gpu(const std::vector<array>&, std::vector<array>&) override {}

  const char* name() const override {
    return "Schedule";
  }

 private:
  Execution& execution_;
};

}  // namespace

bool execute(
    const Plan& plan,
    mx::Stream stream,
    bool waits,
    bool inline_first,
    const std::function<void(const mx::Event&, bool)>& between) {
  const bool soon = inline_first && lasting_executions == 0 && is_quick(plan.nodes);
  Execution execution(plan, stream, waits, !soon);
  if (inline_first) {
    execution.run_inline();
  }
  while (!execution.done()) {
    array piece({0}, mx::bool_, std::make_shared<Schedule>(stream, execution), {});
    async_eval({piece});
    if (execution.done()) {
      break;
    }
    try {
      execution.check();
      between(piece.event(), execution.drains());
    } catch (...) {
      execution.stop();
      throw;
    }
  }
  return soon;
}

}  // namespace mlx_c::cpu
