#include "cpu/parallel/thread_pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "cpu/kernels/stop.hpp"

namespace mlx_c::cpu {

namespace {

// How long a thread spins for work before it sleeps. Kernels of one evaluation follow each other
// within microseconds, and waking a sleeping thread costs more than most of them take.
constexpr auto spin_time = std::chrono::microseconds(50);

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// In the calling thread.
void run_here(int count, void (*task)(void*, int), void* context) {
  for (int i = 0; i < count; i++) {
    check_stop();
    task(context, i);
  }
  check_stop();
}

class Pool {
 public:
  explicit Pool(int workers)
      : shares_(static_cast<std::size_t>(workers) + 1), inside_(shares_.size()) {
    for (int i = 1; i <= workers; i++) {
      try {
        std::thread([this, i] { work(i); }).detach();
      } catch (const std::system_error&) {
        break;  // Fewer threads are slower, not wrong.
      }
    }
  }

  // Up to `threads` threads, of which the caller is the first, take part.
  void run(int threads, int count, void (*task)(void*, int), void* context) {
    if (busy_.test_and_set(std::memory_order_acquire)) {
      return run_here(count, task, context);
    }
    stop_ = StopScope::current();
    task_ = task;
    context_ = context;
    threads_ = std::min({threads, count, static_cast<int>(shares_.size())});
    const auto begin = [&](int thread) {
      return static_cast<int>(std::int64_t{count} * thread / threads_);
    };
    for (int i = 0; i < threads_; i++) {
      shares_[i].next.store(begin(i), std::memory_order_relaxed);
      shares_[i].end = begin(i + 1);
    }
    wanted_.store(threads_ - 1);
    open_.store(true);
    generation_.fetch_add(1);
    wake();
    take_tasks(0);
    // A worker that wakes from here on finds the call closed; those at work are waited for.
    open_.store(false);
    for (const Flag& inside : inside_) {
      for (int spins = 0; inside.set.load(); spins++) {
        spins < 1000 ? pause() : (void)sched_yield();
      }
    }
    const std::exception_ptr error = std::exchange(error_, nullptr);
    failed_.clear();
    busy_.clear(std::memory_order_release);
    if (error) {
      std::rethrow_exception(error);
    }
    // The kernels in the last tasks may have noticed.
    check_stop();
  }

 private:
  // The tasks that one thread begins with.
  struct alignas(64) Share {
    std::atomic<int> next{0};
    int end = 0;
  };

  struct alignas(64) Flag {
    std::atomic<bool> set{false};
  };

  void work(int thread) {
    int seen = 0;
    while (true) {
      const bool slept = await(seen);
      seen = generation_.load();
      inside_[thread].set.store(true);
      if (open_.load()) {
        if (slept) {
          wake();
        }
        take_tasks(thread);
      }
      inside_[thread].set.store(false);
    }
  }

  // Waits for the generation that follows `seen`, and tells whether it slept.
  bool await(int seen) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    do {
      for (int i = 0; i < 64; i++) {
        if (generation_.load() != seen) {
          return false;
        }
        pause();
      }
    } while (Clock::now() - start < spin_time);
    generation_.wait(seen);
    return true;
  }

  // Waking a thread takes a microsecond, so each wakes two, as a tree.
  void wake() {
    for (int i = 0; i < 2 && wanted_.fetch_sub(1) > 0; i++) {
      generation_.notify_one();
    }
  }

  // Neighbouring tasks read neighbouring memory, which the hardware prefetcher follows. So each
  // thread goes through a range of its own, then steals tasks from the others'.
  void take_tasks(int thread) {
    const StopScope scope(stop_);
    try {
      for (int i = 0, task; i < threads_; i++) {
        Share& share = shares_[(thread + i) % threads_];
        // A load shares the cache line; fetch_add needs ownership of it.
        while (share.next.load(std::memory_order_relaxed) < share.end &&
               (task = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end) {
          check_stop();
          task_(context_, task);
        }
      }
    } catch (...) {
      for (int i = 0; i < threads_; i++) {
        shares_[i].next.store(shares_[i].end);
      }
      if (!failed_.test_and_set()) {
        error_ = std::current_exception();
      }
    }
  }

  std::atomic_flag busy_;
  void (*task_)(void*, int) = nullptr;
  void* context_ = nullptr;
  Stop* stop_ = nullptr;  // what the calling thread's work is asked to stop by
  int threads_ = 0;
  std::vector<Share> shares_;
  std::vector<Flag> inside_;  // of the threads that may be at work, each its own
  alignas(64) std::atomic<int> generation_{0};
  alignas(64) std::atomic<bool> open_{false};
  std::atomic<int> wanted_{0};
  std::atomic_flag failed_;
  std::exception_ptr error_;
};

// Never destroyed: its threads run until the process ends. A forked child has none of them, and
// makes its own when it needs them.
std::atomic<Pool*> pool{nullptr};
std::atomic_flag making;

Pool& get_pool() {
  if (Pool* p = pool.load(std::memory_order_acquire)) {
    return *p;
  }
  const int workers = thread_count() - 1;
  while (making.test_and_set(std::memory_order_acquire)) {
    sched_yield();
  }
  if (!pool.load()) {
    static const int handler = pthread_atfork(nullptr, nullptr, [] {
      pool.store(nullptr);
      making.clear();
    });
    (void)handler;
    pool.store(new Pool(workers), std::memory_order_release);
  }
  making.clear(std::memory_order_release);
  return *pool.load();
}

int parse(const char* text) {
  int value = 0;
  const char* end = text + std::strlen(text);
  auto [rest, error] = std::from_chars(text, end, value);
  // OMP_NUM_THREADS may be a list, whose first entry is for the outermost level.
  return error == std::errc() && (rest == end || *rest == ',') ? std::max(value, 0) : 0;
}

// The processors' worth of time that the control group grants, 0 if there is no limit.
int quota() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  if (v2 >> quota >> period && period > 0) {
    return std::max(1, static_cast<int>(quota / period));
  }
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota;
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  return quota > 0 && period > 0 ? std::max(1, static_cast<int>(quota / period)) : 0;
}

int processors() {
  int count = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    count = CPU_COUNT(&set);
  }
  if (const int limit = quota()) {
    count = std::min(count, limit);
  }
#endif
  return std::max(count, 1);
}

int count_threads() {
  if (const char* own = std::getenv("MLX_SYS_PY_NUM_THREADS"); own && *own) {
    const int count = parse(own);
    if (count < 1) {
      throw std::invalid_argument(
          "MLX_SYS_PY_NUM_THREADS is \"" + std::string(own) + "\", not a positive number");
    }
    return std::min(count, 1024);
  }
  if (const char* omp = std::getenv("OMP_NUM_THREADS")) {
    if (const int count = parse(omp)) {
      return std::min(count, 1024);
    }
  }
  return processors();
}

std::atomic<int> waiting_callers = 0;

}  // namespace

int thread_count() {
  static const int count = count_threads();
  return count;
}

void detail::run_tasks(int count, void (*task)(void*, int), void* context) {
  static const bool takes_all_processors = thread_count() >= processors();
  const bool caller_is_busy = waiting_callers.load(std::memory_order_relaxed) == 0;
  const int threads = thread_count() - (takes_all_processors && caller_is_busy);
  if (count <= 1 || threads <= 1) {
    return run_here(count, task, context);
  }
  get_pool().run(threads, count, task, context);
}

CallerWaits::CallerWaits() {
  waiting_callers++;
}

CallerWaits::~CallerWaits() {
  waiting_callers--;
}

}  // namespace mlx_c::cpu
