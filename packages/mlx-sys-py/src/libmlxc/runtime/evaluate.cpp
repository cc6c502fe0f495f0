#include "runtime/evaluate.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include <mlx/primitives.h>
#include <mlx/stream.h>
#include <mlx/transforms.h>

#include "core/thread_state.hpp"
#include "cpu/arrays/mapped_memory.hpp"
#include "cpu/graph/executor.hpp"
#include "cpu/graph/rewrite.hpp"
#include "cpu/nodes/interrupted.hpp"
#include "cpu/nodes/stream_errors.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/parallel/thread_pool.hpp"
#include "runtime/device_graphs.hpp"
#include "runtime/interruptible_wait.hpp"

namespace mlx_c {

namespace {

namespace mx = mlx::core;

// Recursive: freeing a graph while it is evaluated runs destructors of the user, which may
// evaluate. Never destroyed: threads may outlive static destructors.
EvaluationMutex& evaluation_mutex() {
  static auto& mutex = *new EvaluationMutex;
  return mutex;
}

// ThreadSanitizer of GCC 12 does not see locks that are taken with a deadline of the steady clock.
#ifdef __SANITIZE_THREAD__
using LockClock = std::chrono::system_clock;
#else
using LockClock = std::chrono::steady_clock;
#endif

// The stream of the outputs, if that is one of the CPU.
mx::Stream stream_of(const std::vector<mx::array>& outputs) {
  for (const auto& output : outputs) {
    if (output.status() == mx::array::Status::unscheduled && output.has_primitive() &&
        output.primitive().device() == mx::Device::cpu) {
      return output.primitive().stream();
    }
  }
  return shared_streams().front();
}

// Whether a transformation under way retains the graph of what is evaluated, so that it can still
// be differentiated: MLX then schedules only evaluations that are waited for at once.
bool keeps_graphs() {
  return CallbackScope::active() && mx::array(mx::Shape{}, mx::bool_, nullptr, {}).is_tracer();
}

// What a transformation traces is not there to be evaluated in the background.
void refuse_tracers(const std::vector<mx::array>& outputs) {
  for (const auto& output : outputs) {
    if (output.status() == mx::array::Status::unscheduled && output.is_tracer()) {
      throw std::invalid_argument("[async_eval] Not allowed inside a graph transformation.");
    }
  }
}

// Schedules a plan for one stream. Returns whether its results are available soon.
bool execute(const cpu::Plan& plan, mx::Stream stream, bool wait, EvaluationLock& lock) {
  // Pieces under way at a time: a caller that waits needs no more than keep the stream busy.
  const size_t most_under_way = wait ? 2 : 50;
  struct Pieces {
    InterruptibleWait user;
    std::deque<mx::Event> under_way;
  };
  // Set up lazily: most evaluations are one piece, and take less time than the set-up.
  std::optional<Pieces> some;
  auto between = [&](const mx::Event& event, bool drain) {
    expect(event);
    auto& [user, under_way] = some ? *some : some.emplace();
    under_way.push_back(event);
    lock.unlock();
    while (under_way.size() >= (drain ? 1 : most_under_way)) {
      user.wait(under_way.front());
      under_way.pop_front();
    }
    user.check();
    lock = lock_evaluation();
  };
  return cpu::execute(plan, stream, wait, wait && !plan.waits, std::ref(between));
}

// What MLX's kernels have computed from pages that files in memory have lost is wrong.
void fail_if_lost(cpu::Evaluation& evaluation, std::uint64_t lost_before) {
  if (cpu::lost_pages() == lost_before) {
    return;
  }
  try {
    cpu::throw_lost_pages();
  } catch (...) {
    evaluation.fail(std::current_exception());
  }
}

// Whether another thread's interrupted work was set aside, and with it what depends on it.
bool was_set_aside(const mx::array& output) {
  return output.status() == mx::array::Status::unscheduled;
}

// Returns whether the outputs are what the caller waits for.
bool try_evaluate(std::vector<mx::array>& outputs, bool wait);

}  // namespace

EvaluationLock lock_evaluation() {
  EvaluationLock lock(evaluation_mutex(), std::try_to_lock);
  if (!lock) {
    for (InterruptibleWait user;
         !lock.try_lock_until(LockClock::now() + InterruptibleWait::slice);) {
      user.check();
    }
  }
  return lock;
}

void evaluate(std::vector<mx::array> outputs, bool wait) {
  stop_if_interrupted([&] {
    try {
      while (!try_evaluate(outputs, wait)) {
      }
    } catch (...) {
      cpu::expect_lost_tasks();
      throw;
    }
  });
}

void set_work_aside() {
  // Longer than other threads schedule for; if one waits for a GPU meanwhile, the work goes on.
  constexpr auto patience = std::chrono::milliseconds(50);
  EvaluationLock lock(evaluation_mutex(), LockClock::now() + patience);
  if (lock) {
    cpu::set_work_aside();
  }
}

namespace {

// What has been scheduled, and what there is to do next.
struct Scheduled {
  enum class Next {
    wait,               // for the events; nothing more if there are none
    evaluate_needed,    // and then try again
    schedule_elsewhere  // in a thread that lasts
  };
  Next next = Next::wait;
  std::vector<std::pair<mx::Event, std::uintptr_t>> awaited;
  std::vector<mx::array> needed;
  std::shared_ptr<cpu::Evaluation> evaluation;
  bool soon = false;
  bool done = false;
};

// Schedules a plan of which some nodes belong to other devices.
void schedule_on_devices(const cpu::Plan& plan, EvaluationLock& lock) {
  InterruptibleWait user;
  schedule_in_pieces(plan, [&](std::deque<mx::Event>& events) {
    lock.unlock();
    while (is_backlog(events)) {
      user.wait(events.front());
      events.pop_front();
    }
    user.check();
    lock = lock_evaluation();
  });
}

bool uses_cpu(const cpu::Plan& plan) {
  return std::ranges::any_of(plan.nodes, [](const auto& node) {
    return node.array->primitive().device() == mx::Device::cpu;
  });
}

// Whether every thread may schedule all nodes of a plan.
bool is_on_shared_streams(const cpu::Plan& plan) {
  const auto& shared = shared_streams();
  return std::ranges::all_of(plan.nodes, [&](const auto& node) {
    return std::ranges::find(shared, node.array->primitive().stream()) != shared.end();
  });
}

Scheduled schedule(const std::vector<mx::array>& outputs, bool wait) {
  Scheduled result;
  const std::uint64_t lost_pages = cpu::lost_pages();
  const bool is_outermost = !evaluation_mutex().is_mine();
  auto lock = lock_evaluation();
  prepare_devices();
  const mx::Stream stream = stream_of(outputs);
  const auto plan = cpu::rewrite_graph(outputs, stream);
  const auto& evaluation = plan.evaluation;
  result.evaluation = evaluation;
  cpu::EvaluationScope scheduling(evaluation);
  if (plan.on_one_stream && !keeps_graphs()) {
    result.soon = execute(plan, stream, wait, lock);
  } else {
    if (plan.uses_devices) {
      if (uses_cpu(plan)) {
        result.needed = needed_by_the_cpu(outputs);
      }
      if (!result.needed.empty()) {
        result.next = Scheduled::Next::evaluate_needed;
        return result;
      }
      if (is_outermost && !is_lasting_thread() && !CallbackScope::active() &&
          is_on_shared_streams(plan)) {
        result.next = Scheduled::Next::schedule_elsewhere;
        return result;
      }
    }
    if (plan.waits) {
      cpu::TaskQueue::pin();
    }
    if (wait && CallbackScope::active()) {
      cpu::eval(outputs);
      fail_if_lost(*evaluation, lost_pages);
      evaluation->check();
      result.done = true;
      return result;
    }
    if (plan.uses_devices && !keeps_graphs()) {
      schedule_on_devices(plan, lock);
    }
    // Also where it is to say what is wrong with them.
    if (std::ranges::any_of(outputs, was_set_aside)) {
      cpu::async_eval(outputs);
    }
  }
  std::optional<mx::Event> last;
  for (const auto& output : outputs) {
    if (!output.event().valid()) {
      continue;
    }
    evaluation->add(output.event());
    if (wait) {
      result.awaited.emplace_back(output.event(), output.id());
    } else if (output.event().stream().device == mx::Device::cpu) {
      last = output.event();
    }
  }
  if (last) {
    expect(*last);
  }
  return result;
}

// The same in a thread that lasts.
Scheduled schedule_elsewhere(const std::vector<mx::array>& outputs, bool wait) {
  // An interrupt may end the wait before the other thread is done.
  struct Call {
    std::vector<mx::array> outputs;
    Scheduled result;
  };
  auto call = std::make_shared<Call>(Call{outputs, {}});
  InterruptibleWait().wait_elsewhere([call, wait] {
    LastingThread lasting;
    ensure_thread();
    call->result = schedule(std::exchange(call->outputs, {}), wait);
  });
  return std::move(call->result);
}

bool try_evaluate(std::vector<mx::array>& outputs, bool wait) {
  ensure_thread();
  mark_streams_started();
  std::optional<cpu::CallerWaits> waits;
  if (wait) {
    waits.emplace();
  }
  if (!wait && CallbackScope::active()) {
    refuse_tracers(outputs);
  }
  const std::uint64_t lost_pages = cpu::lost_pages();
  auto scheduled = schedule(outputs, wait);
  if (scheduled.next == Scheduled::Next::schedule_elsewhere) {
    scheduled = schedule_elsewhere(outputs, wait);
  }
  if (scheduled.next == Scheduled::Next::evaluate_needed) {
    evaluate(std::move(scheduled.needed), true);
    return false;
  }
  if (scheduled.done) {
    return true;
  }
  if (scheduled.awaited.empty()) {
    // What was computed here may depend on what a stream has left unfinished.
    if (wait) {
      cpu::check_kept_errors();
      std::ranges::for_each(outputs, cpu::check_whole);
    }
    return true;
  }
  // Wait without the lock, so that other threads can schedule meanwhile.
  InterruptibleWait user;
  for (const auto& [event, id] : scheduled.awaited) {
    user.wait(event, scheduled.soon);
    cpu::check_error(event, id);
  }
  fail_if_lost(*scheduled.evaluation, lost_pages);
  scheduled.evaluation->check();
  auto lock = lock_evaluation();
  if (std::ranges::any_of(outputs, was_set_aside)) {
    return false;
  }
  for (auto& output : outputs) {
    output.wait();
    cpu::check_whole(output);
  }
  return true;
}

}  // namespace

void stop_other_threads() {
  if (streams_started() && !is_orphan()) {
    evaluation_mutex().lock();
  }
}

bool is_available(const mx::array& array) {
  auto lock = lock_evaluation();
  cpu::check_error(array);
  const bool available = array.is_available();
  if (available) {
    cpu::check_kept_errors();
  }
  return available;
}

}  // namespace mlx_c
