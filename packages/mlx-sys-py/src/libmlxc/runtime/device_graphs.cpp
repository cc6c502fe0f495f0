#include "runtime/device_graphs.hpp"

#include <algorithm>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <mlx/ops.h>
#include <mlx/transforms.h>

#include "core/thread_state.hpp"
#include "cpu/graph/registry.hpp"
#include "cpu/nodes/stream_errors.hpp"
#include "runtime/evaluate.hpp"

namespace mlx_c {

namespace {

namespace mx = mlx::core;
using mx::array;

// What is scheduled in one go: less than a tenth of a second of work for a fast GPU, so that most
// graphs are one piece. `schedule_in_pieces` returns to its caller after each.
class Piece {
 public:
  void add(const array& node) {
    nodes_++;
    std::size_t bytes = cpu::bytes_touched(node, nullptr);
    if (bytes > small) {
      const cpu::KernelRow* row = cpu::find_row(node.primitive().name());
      bytes = cpu::bytes_touched(node, row);
      multiplications_ += cpu::multiplications(node, row);
    }
    bytes_ += bytes;
  }

  bool is_full() const {
    return nodes_ >= most_nodes || bytes_ >= most_bytes || multiplications_ >= most_multiplications;
  }

 private:
  static constexpr std::size_t small = 1 << 20;
  static constexpr std::size_t most_nodes = 1000;
  static constexpr std::size_t most_bytes = 16'000'000'000;
  static constexpr double most_multiplications = 4e12;

  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  double multiplications_ = 0;
};

// Enough to keep a GPU busy while the next piece is scheduled.
constexpr std::size_t most_pieces_under_way = 2;

bool is_on_cpu(const array& node) {
  return node.primitive().device() == mx::Device::cpu;
}

// Whether `input` is a result of another device that is not there yet.
bool is_awaited_result(const array& input) {
  switch (input.status()) {
    case array::Status::available:
      return false;
    case array::Status::evaluated:
      return input.event().valid() && input.event().stream().device != mx::Device::cpu &&
          !input.is_available();
    case array::Status::unscheduled:
      return input.has_primitive() && !is_on_cpu(input);
  }
  return false;
}

// Of handles on nodes that are about to be scheduled: keeps those that no other of them reads.
std::vector<array> take_sinks(std::vector<array> nodes) {
  std::unordered_set<std::uintptr_t> read;
  for (const array& node : nodes) {
    for (const array& input : node.inputs()) {
      read.insert(input.id());
    }
  }
  std::erase_if(nodes, [&](const array& node) { return read.contains(node.id()); });
  return nodes;
}

// Schedules `sinks` and what they depend on. Adds an event of each stream.
void schedule(const std::vector<array>& sinks, std::deque<mx::Event>& events) {
  // What depends on devices first, and the CPU's by itself: MLX lets one node wait for all, which
  // would be the caller if that node were the CPU's.
  for (const bool on_cpu : {false, true}) {
    std::vector<array> some;
    for (const array& sink : sinks) {
      if (sink.status() == array::Status::unscheduled && sink.has_primitive() &&
          is_on_cpu(sink) == on_cpu) {
        some.push_back(sink);
      }
    }
    if (some.empty()) {
      continue;
    }
    cpu::async_eval(some);
    std::unordered_set<int> streams;
    for (const array& sink : some) {
      if (sink.event().valid() && streams.insert(sink.event().stream().index).second) {
        events.push_back(sink.event());
      }
    }
  }
}

thread_local int lasting_depth = 0;

}  // namespace

bool has_devices() {
  static const bool result = mx::is_available(mx::Device::gpu);
  return result;
}

std::vector<array> needed_by_the_cpu(const std::vector<array>& outputs) {
  // Of the nodes seen: whether they depend on what is needed.
  std::unordered_map<std::uintptr_t, bool> depends;
  struct Visit {
    const array* node;
    std::size_t next_input = 0;
    bool depends = false;
  };
  std::vector<array> needed;
  std::unordered_set<std::uintptr_t> added;
  std::vector<Visit> path;
  auto enter = [&](const array& node) {
    if (node.status() == array::Status::unscheduled && node.has_primitive() &&
        depends.try_emplace(node.id(), false).second) {
      path.push_back({&node});
    }
  };
  auto leave = [&](const Visit& visit) {
    bool result = visit.depends;
    for (const array& input : visit.node->inputs()) {
      const auto found = depends.find(input.id());
      result |= found != depends.end() && found->second;
    }
    if (is_on_cpu(*visit.node)) {
      for (const array& input : visit.node->inputs()) {
        if (!is_awaited_result(input)) {
          continue;
        }
        const auto found = depends.find(input.id());
        if ((found == depends.end() || !found->second) && added.insert(input.id()).second) {
          needed.push_back(input);
        }
        result = true;
      }
    }
    depends[visit.node->id()] = result;
  };
  for (const array& output : outputs) {
    enter(output);
    while (!path.empty()) {
      Visit& visit = path.back();
      const auto& inputs = visit.node->inputs();
      if (visit.next_input < inputs.size()) {
        enter(inputs[visit.next_input++]);
      } else {
        leave(visit);
        path.pop_back();
      }
    }
  }
  return needed;
}

bool is_backlog(const std::deque<mx::Event>& events) {
  return events.size() >= most_pieces_under_way;
}

void schedule_in_pieces(
    const cpu::Plan& plan, const std::function<void(std::deque<mx::Event>&)>& between) {
  std::deque<mx::Event> events;
  Piece all;
  for (const auto& node : plan.nodes) {
    all.add(*node.array);
  }
  if (!all.is_full()) {
    schedule(plan.outputs, events);
    return;
  }
  // Handles, as others may evaluate parts of the graph between pieces. Those on nodes behind the
  // current piece keep no buffer from being overwritten, as the graph holds these nodes anyway.
  std::vector<array> nodes;
  nodes.reserve(plan.nodes.size());
  for (const auto& node : plan.nodes) {
    nodes.push_back(*node.array);
  }
  for (std::size_t next = 0; next < nodes.size();) {
    if (next > 0) {
      between(events);
    }
    std::vector<array> some;
    for (Piece piece; next < nodes.size() && !piece.is_full(); next++) {
      array node = std::move(nodes[next]);
      if (node.status() == array::Status::unscheduled) {
        piece.add(node);
        some.push_back(std::move(node));
      }
    }
    schedule(take_sinks(std::move(some)), events);
  }
}

void prepare_devices() {
  static std::once_flag once;
  if (!has_devices()) {
    return;
  }
  std::call_once(once, [] {
    for (const mx::Stream& stream : shared_streams()) {
      if (stream.device == mx::Device::cpu) {
        mx::eval(mx::zeros({1}, mx::bool_, stream));
      }
    }
  });
}

void check_devices() {
  auto lock = lock_evaluation();
  for (const mx::Stream& stream : shared_streams()) {
    if (stream.device != mx::Device::cpu) {
      mx::async_eval(mx::zeros({1}, mx::bool_, stream));
    }
  }
}

bool is_lasting_thread() {
#ifdef __linux__
  static const thread_local bool is_main = getpid() == syscall(SYS_gettid);
  return is_main || lasting_depth > 0;
#else
  return true;
#endif
}

LastingThread::LastingThread() {
  lasting_depth++;
}

LastingThread::~LastingThread() {
  lasting_depth--;
}

}  // namespace mlx_c
