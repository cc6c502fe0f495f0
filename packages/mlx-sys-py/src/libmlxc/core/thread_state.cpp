#include "core/thread_state.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#endif

#include <mlx/device.h>
#include <mlx/memory.h>
#include <mlx/random.h>

namespace mlx_c {

thread_local constinit bool thread_is_set_up = false;
thread_local constinit int CallbackScope::depth_ = 0;

namespace {

namespace mx = mlx::core;

// One step of splitmix64: consecutive inputs give unrelated seeds.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::atomic<bool> started = false;
std::atomic<bool> orphan = false;

// Which part of the memory limit MLX's allocator keeps for reuse on the CPU. Its default there is
// 32 MB, and getting the memory of a larger result from the system takes longer than computing it.
constexpr size_t cache_part = 32;

// Shared by all threads. Never destroyed: threads may outlive static destructors.
struct Process {
  std::vector<mx::Stream> streams;
  uint64_t seed = std::chrono::system_clock::now().time_since_epoch().count();
  std::atomic<uint64_t> threads = 0;

  Process() {
#ifndef _WIN32
    pthread_atfork(nullptr, nullptr, [] {
      if (started) {
        orphan = true;
        thread_is_set_up = false;
      }
    });
#endif
    if (!mx::is_available(mx::Device::gpu)) {
      mx::set_cache_limit(mx::get_memory_limit() / cache_part);
    }
    // Made in a thread of their own: a stream belongs to the thread that makes it, whose
    // `clear_streams` would destroy it.
    std::thread([this] {
      for (auto type : {mx::Device::cpu, mx::Device::gpu}) {
        for (int index = 0; index < mx::device_count(type); ++index) {
          streams.push_back(mx::new_thread_unsafe_stream(mx::Device(type, index)));
        }
      }
    }).join();
  }

  static Process& instance() {
    static auto& self = *new Process;
    return self;
  }
};

}  // namespace

const std::vector<mx::Stream>& shared_streams() {
  return Process::instance().streams;
}

void use_shared_streams() {
  if (orphan) {
    throw std::runtime_error(
        "MLX was used before this process was forked, and does not work in the child: start "
        "processes anew, as by multiprocessing.get_context(\"spawn\")");
  }
  for (auto& stream : shared_streams()) {
    mx::set_default_stream(stream);
  }
}

void set_up_thread() {
  use_shared_streams();
  auto& process = Process::instance();
  // MLX would seed all threads alike. The first one keeps its seed.
  if (auto number = process.threads++; number > 0) {
    mx::random::seed(mix(process.seed + number));
  }
  thread_is_set_up = true;
}

void mark_streams_started() {
  started.store(true, std::memory_order_relaxed);
}

bool streams_started() {
  return started;
}

bool is_orphan() {
  return orphan;
}

}  // namespace mlx_c
