#include "execute.hpp"

#include <chrono>
#include <utility>

#include "mlx/transforms.h"
#include "steps.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;
using clock = std::chrono::steady_clock;

// A caller can be interrupted while it waits, and not while it computes: for so long may it
// compute, and one operation may touch so many bytes.
constexpr auto patience = std::chrono::milliseconds(5);
constexpr std::size_t small = 8 << 20;
constexpr std::size_t nodes_per_look_at_the_clock = 8;

std::size_t bytes(const array& node) {
  std::size_t sum = node.nbytes();
  for (const array& input : node.inputs()) sum += input.nbytes();
  return sum;
}

class Execution {
 public:
  Execution(const Plan& plan, mx::Stream stream) : plan_(plan), stream_(stream) {}

  // Computes nodes in this thread until one is found that should not be.
  void run_here() {
    Steps steps(stream_, true);
    const auto start = clock::now();
    for (; next_ < plan_.nodes.size(); next_++) {
      array& node = *plan_.nodes[next_];
      if (is_done(node)) continue;
      if (!dispatches_steps(node.primitive(), node.inputs()) || bytes(node) > small) return;
      if (next_ % nodes_per_look_at_the_clock == 0 && clock::now() - start > patience) return;
      std::vector<array> outputs = node.outputs();
      evaluate(node, outputs);
      if (plan_.evaluation) plan_.evaluation->check();
      finish(node, outputs, array::Status::available);
    }
  }

  bool done() const {
    return next_ == plan_.nodes.size();
  }

  // Leaves the remaining nodes to the stream; `event` is signalled after them.
  void run_on_stream(const mx::Event& event) {
    Steps steps(stream_, false);
    for (; next_ < plan_.nodes.size(); next_++) {
      array& node = *plan_.nodes[next_];
      if (is_done(node)) continue;
      const bool kernel = dispatches_steps(node.primitive(), node.inputs());
      steps.flush(!kernel);
      std::vector<array> outputs = node.outputs();
      for (array& output : outputs) output.attach_event(event);
      evaluate(node, outputs);
      keep_buffers(node, outputs, kernel ? &steps : nullptr);
      finish(node, outputs, array::Status::evaluated);
    }
    // Somebody may drop the last handle on an output before it is written.
    std::vector<Steps::Data> buffers;
    for (const array& output : plan_.outputs) buffers.push_back(output.data_shared_ptr());
    steps.add([buffers = std::move(buffers)] {});
    steps.flush(true);
  }

 private:
  // Nodes with several outputs come once for each that is used.
  static bool is_done(const array& node) {
    return node.status() != array::Status::unscheduled;
  }

  static void evaluate(array& node, std::vector<array>& outputs) {
    // What is differentiated later needs its inputs: a second handle keeps them from being
    // overwritten.
    std::vector<array> held;
    if (node.is_tracer()) held = node.inputs();
    node.primitive().eval_cpu(node.inputs(), outputs);
  }

  // Until the steps of a node have run, what they read must not be freed or reused. An output that
  // took over the buffer of an input holds it by itself, and must be free to pass it on.
  void keep_buffers(const array& node, const std::vector<array>& outputs, Steps* steps) const {
    std::vector<Steps::Data> buffers;
    auto keep = [&](const Steps::Data& data) {
      if (data && data != node.data_shared_ptr()) buffers.push_back(data);
    };
    for (const array& input : node.inputs()) keep(input.data_shared_ptr());
    for (const array& output : outputs) keep(output.data_shared_ptr());
    if (steps) {
      steps->keep(std::move(buffers));
    } else {
      auto& encoder = mx::cpu::get_command_encoder(stream_);
      encoder.dispatch([buffers = std::move(buffers),
                        temporaries = std::exchange(encoder.temporaries(), {})] {});
    }
  }

  static void finish(array& node, const std::vector<array>& outputs, array::Status status) {
    for (const array& output : outputs) output.set_status(status);
    if (!node.is_tracer()) node.detach();
  }

  const Plan& plan_;
  const mx::Stream stream_;
  std::size_t next_ = 0;
};

// MLX makes the events of what it evaluates, and signals one when all that was scheduled before is
// done. So it is given one node, to schedule which is to schedule the others.
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

void execute(const Plan& plan, mx::Stream stream, bool at_once) {
  Execution execution(plan, stream);
  if (at_once) execution.run_here();
  if (execution.done()) return;
  mx::async_eval({array({0}, mx::bool_, std::make_shared<Schedule>(stream, execution), {})});
}

}  // namespace mlx_c::cpu
