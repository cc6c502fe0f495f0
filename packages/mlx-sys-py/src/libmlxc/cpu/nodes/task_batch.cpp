#include "cpu/nodes/task_batch.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

namespace mlx_c::cpu {

namespace {

// How long the wait for a task that was asked to stop may last, and how often it looks.
constexpr auto patience = std::chrono::milliseconds(60);
constexpr auto look = std::chrono::microseconds(100);

}  // namespace

void TaskBatch::add_node(
    std::size_t first, bool overwrites_input, const std::vector<mlx::core::array>& arrays) {
  for (const auto& array : arrays) {
    outputs.push_back({WeakNode(array), array.data_shared_ptr(), nodes.size()});
  }
  nodes.push_back({first, first < tasks.size(), overwrites_input});
}

void TaskBatch::run() {
  State expected = State::waiting;
  if (state_.compare_exchange_strong(expected, State::running)) {
    state_.store(run_tasks(&stop_) ? State::done : State::aside);
  }
}

void TaskBatch::resume() {
  if (run_tasks(StopScope::current())) {
    buffers.clear();
  }
}

// Returns whether all are done.
bool TaskBatch::run_tasks(Stop* stop) {
  for (; next_ < tasks.size(); next_++) {
    while (node_ + 1 < nodes.size() && nodes[node_ + 1].first <= next_) {
      node_++;
    }
    const std::size_t first = nodes.empty() ? next_ : nodes[node_].first;
    const bool can_stop = stop && (nodes.empty() || !nodes[node_].overwrites_input);
    if (stop && (can_stop || next_ == first) && stop->obey()) {
      next_ = first;
      return false;
    }
    StopScope scope(can_stop ? stop : nullptr);
    try {
      tasks[next_]();
    } catch (const Stopped&) {
    } catch (...) {
      if (!evaluation) {
        throw;
      }
      evaluation->fail(std::current_exception());
    }
    if (can_stop && stop->obeyed()) {
      next_ = first;
      return false;
    }
  }
  tasks.clear();
  next_ = 0;
  return true;
}

bool TaskBatch::set_aside() {
  using Clock = std::chrono::steady_clock;
  State expected = State::waiting;
  if (!state_.compare_exchange_strong(expected, State::aside) && expected == State::running) {
    stop_.request();
    const auto deadline = Clock::now() + patience;
    while (state_.load() == State::running) {
      if (Clock::now() > deadline && stop_.withdraw()) {
        return false;
      }
      std::this_thread::sleep_for(look);
    }
  }
  if (state_.load() != State::aside) {
    return false;
  }
  lasting = nullptr;
  hold_outputs();
  return true;
}

// What the remaining tasks write to was kept alive by tasks behind them.
void TaskBatch::hold_outputs() {
  for (const Output& output : outputs) {
    const Node& node = nodes[output.node];
    if (!remains(node)) {
      continue;
    }
    if (auto data = output.data.lock()) {
      buffers.push_back(std::move(data));
      continue;
    }
    // Nobody is left who could read it.
    const std::size_t end =
        output.node + 1 < nodes.size() ? nodes[output.node + 1].first : tasks.size();
    for (std::size_t i = node.first; i < end; i++) {
      tasks[i] = [] {};
    }
  }
}

bool TaskBatch::touches(const DataSet& data) const {
  return std::ranges::any_of(
             buffers, [&](const auto& buffer) { return data.contains(buffer.get()); }) ||
      std::ranges::any_of(
             outputs, [&](const auto& output) { return data.contains(output.data.lock().get()); });
}

void TaskBatch::collect_written(DataSet& data) const {
  for (const Output& output : outputs) {
    if (remains(nodes[output.node])) {
      if (const auto written = output.data.lock()) {
        data.insert(written.get());
      }
    }
  }
}

}  // namespace mlx_c::cpu
