#include "private/threads.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#endif

#include <mlx/device.h>
#include <mlx/random.h>
#include <mlx/stream.h>
#include <mlx/transforms.h>

#include "cpu/execute.hpp"
#include "cpu/prepare.hpp"

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

// What all threads share. Never destroyed: threads may outlive static destructors.
struct process {
  std::vector<mx::Stream> default_streams;
  uint64_t seed = std::chrono::system_clock::now().time_since_epoch().count();
  std::atomic<uint64_t> threads = 0;
  // Recursive, as freeing a graph while it is evaluated runs destructors of the user, who may
  // evaluate in them.
  std::recursive_mutex evaluation;

  process() {
#ifndef _WIN32
    pthread_atfork(nullptr, nullptr, [] {
      if (has_evaluated) {
        is_orphan = true;
        thread_is_set_up = false;
      }
    });
#endif
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

// An array of the caller's own that becomes available together with `array`: waiting changes the
// array waited for, and other threads may be at `array`.
mx::array waiter_for(const mx::array& array) {
  mx::array waiter(mx::Shape{}, mx::bool_, nullptr, {});
  waiter.attach_event(array.event());
  waiter.set_status(mx::array::Status::evaluated);
  return waiter;
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

std::unique_lock<std::recursive_mutex> lock_evaluation() {
  return std::unique_lock(process::instance().evaluation);
}

void evaluate(std::vector<mx::array> outputs, bool wait) {
  ensure_thread();
  has_evaluated.store(true, std::memory_order_relaxed);
  std::vector<mx::array> waiters;
  std::vector<std::uintptr_t> ids;
  {
    auto lock = lock_evaluation();
    const mx::Stream shared = process::instance().default_streams.front();
    const auto plan = cpu::prepare(outputs, shared);
    const auto& evaluation = plan.evaluation;
    cpu::Scheduling scheduling(evaluation);
    if (wait && callback_scope::active()) {
      mx::eval(outputs);
      if (evaluation) {
        evaluation->check();
      }
      return;
    }
    if (plan.on_one_stream) {
      cpu::execute(plan, shared, wait && !plan.waits);
    } else {
      mx::async_eval(outputs);
    }
    for (auto& output : outputs) {
      if (!output.event().valid()) {
        continue;
      }
      if (evaluation) {
        evaluation->add(output.event());
      }
      if (wait) {
        waiters.push_back(waiter_for(output));
        ids.push_back(output.id());
      }
    }
  }
  // Waiting holds no lock, so that streams of other threads go on beside this one.
  for (size_t i = 0; i < waiters.size(); ++i) {
    auto event = waiters[i].event();
    waiters[i].wait();
    cpu::check_failure(event, ids[i]);
  }
  if (!wait) {
    return;
  }
  auto lock = lock_evaluation();
  for (auto& output : outputs) {
    output.wait();
  }
}

void stop_other_threads() {
  if (has_evaluated && !is_orphan) {
    lock_evaluation().release();
  }
}

bool is_available(const mx::array& array) {
  auto lock = lock_evaluation();
  cpu::check_failure(array);
  return array.is_available();
}

}  // namespace mlx_c
