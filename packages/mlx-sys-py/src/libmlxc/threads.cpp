#include "private/threads.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#ifndef _WIN32
#include <pthread.h>
#endif

#include <mlx/device.h>
#include <mlx/memory.h>
#include <mlx/primitives.h>
#include <mlx/random.h>
#include <mlx/stream.h>
#include <mlx/transforms.h>

#include "cpu/execute.hpp"
#include "cpu/pool.hpp"
#include "cpu/prepare.hpp"
#include "private/waiting.hpp"

namespace mlx_c {

thread_local constinit bool thread_is_set_up = false;
thread_local constinit int callback_scope::depth_ = 0;

namespace {

namespace mx = mlx::core;

// The steps of splitmix64: neighbouring inputs give unrelated seeds.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// The threads of the streams, which the first evaluation starts, stay behind in a fork: whoever
// evaluates in the child would wait for ever.
std::atomic<bool> has_evaluated = false;
std::atomic<bool> is_orphan = false;

// How much of the memory that MLX may use is kept for reuse on the CPU. MLX keeps 32 MB there, and
// to get the memory of a larger result from the system takes longer than to compute it.
constexpr size_t cache_part = 32;

// What all threads share. Never destroyed: threads may outlive static destructors.
struct process {
  std::vector<mx::Stream> default_streams;
  uint64_t seed = std::chrono::system_clock::now().time_since_epoch().count();
  std::atomic<uint64_t> threads = 0;
  // Recursive, as freeing a graph while it is evaluated runs destructors of the user, who may
  // evaluate in them.
  std::recursive_timed_mutex evaluation;

  process() {
#ifndef _WIN32
    pthread_atfork(nullptr, nullptr, [] {
      if (has_evaluated) {
        is_orphan = true;
        thread_is_set_up = false;
      }
    });
#endif
    if (!mx::is_available(mx::Device::gpu)) {
      mx::set_cache_limit(mx::get_memory_limit() / cache_part);
    }
    // In a thread of their own: MLX gives a stream to the thread that makes it, which destroys it
    // by `clear_streams`.
    std::thread([this] {
      for (auto type : {mx::Device::cpu, mx::Device::gpu}) {
        for (int index = 0; index < mx::device_count(type); ++index) {
          default_streams.push_back(mx::new_thread_unsafe_stream(mx::Device(type, index)));
        }
      }
    }).join();
  }

  static process& instance() {
    static auto& self = *new process;
    return self;
  }
};

// ThreadSanitizer of GCC does not see that a lock is taken by a deadline of the steady clock.
#ifdef __SANITIZE_THREAD__
using lock_clock = std::chrono::system_clock;
#else
using lock_clock = std::chrono::steady_clock;
#endif

// The stream to evaluate on if it is one of the CPU.
mx::Stream stream_of(const std::vector<mx::array>& outputs) {
  for (const auto& output : outputs) {
    if (output.status() == mx::array::Status::unscheduled && output.has_primitive() &&
        output.primitive().device() == mx::Device::cpu) {
      return output.primitive().stream();
    }
  }
  return process::instance().default_streams.front();
}

// Whether a transformation keeps what is evaluated differentiable: MLX schedules nothing then but
// what is waited for at once.
bool keeps_graphs() {
  return callback_scope::active() && mx::array(mx::Shape{}, mx::bool_, nullptr, {}).is_tracer();
}

// Schedules a plan for one stream. Returns whether it is available soon.
bool execute(const cpu::Plan& plan, mx::Stream stream, bool wait, evaluation_lock& lock) {
  // Whoever waits loses nothing if no more is under way than keeps the stream busy.
  const size_t most_under_way = wait ? 2 : 50;
  struct pieces {
    patience user;
    std::deque<mx::Event> under_way;
  };
  // Most evaluations are one piece, and take less time than it does to set this up.
  std::optional<pieces> some;
  auto between = [&](const mx::Event& event) {
    expect(event);
    auto& [user, under_way] = some ? *some : some.emplace();
    under_way.push_back(event);
    lock.unlock();
    if (under_way.size() == most_under_way) {
      user.wait(under_way.front());
      under_way.pop_front();
    }
    user.check();
    lock = lock_evaluation();
  };
  return cpu::execute(plan, stream, wait && !plan.waits, std::ref(between));
}

}  // namespace

void use_shared_streams() {
  if (is_orphan) {
    throw std::runtime_error(
        "MLX was used before this process was forked, and does not work in the child: start "
        "processes anew, as by multiprocessing.get_context(\"spawn\")");
  }
  for (auto& stream : process::instance().default_streams) {
    mx::set_default_stream(stream);
  }
}

void set_up_thread() {
  use_shared_streams();
  auto& process = process::instance();
  // MLX would seed all threads alike. The first one keeps its seed.
  if (auto number = process.threads++; number > 0) {
    mx::random::seed(mix(process.seed + number));
  }
  thread_is_set_up = true;
}

evaluation_lock lock_evaluation() {
  evaluation_lock lock(process::instance().evaluation, std::try_to_lock);
  if (!lock) {
    for (patience user; !lock.try_lock_until(lock_clock::now() + patience::slice);) {
      user.check();
    }
  }
  return lock;
}

void evaluate(std::vector<mx::array> outputs, bool wait) {
  ensure_thread();
  has_evaluated.store(true, std::memory_order_relaxed);
  std::optional<cpu::CallerWaits> waits;
  if (wait) {
    waits.emplace();
  }
  std::vector<std::pair<mx::Event, std::uintptr_t>> awaited;
  bool soon = false;
  {
    auto lock = lock_evaluation();
    const mx::Stream stream = stream_of(outputs);
    const auto plan = cpu::prepare(outputs, stream);
    const auto& evaluation = plan.evaluation;
    cpu::Scheduling scheduling(evaluation);
    if (plan.on_one_stream && !keeps_graphs()) {
      soon = execute(plan, stream, wait, lock);
    } else if (wait && callback_scope::active()) {
      mx::eval(outputs);
      evaluation->check();
      return;
    } else {
      mx::async_eval(outputs);
    }
    std::optional<mx::Event> last;
    for (auto& output : outputs) {
      if (!output.event().valid()) {
        continue;
      }
      evaluation->add(output.event());
      if (wait) {
        awaited.emplace_back(output.event(), output.id());
      } else if (output.event().stream().device == mx::Device::cpu) {
        last = output.event();
      }
    }
    if (last) {
      expect(*last);
    }
  }
  if (awaited.empty()) {
    return;
  }
  // Waiting holds no lock, so that streams of other threads go on beside this one.
  patience user;
  for (const auto& [event, id] : awaited) {
    user.wait(event, soon);
    cpu::check_failure(event, id);
  }
  auto lock = lock_evaluation();
  for (auto& output : outputs) {
    output.wait();
  }
}

void stop_other_threads() {
  if (has_evaluated && !is_orphan) {
    process::instance().evaluation.lock();
  }
}

bool is_available(const mx::array& array) {
  auto lock = lock_evaluation();
  cpu::check_failure(array);
  return array.is_available();
}

}  // namespace mlx_c
