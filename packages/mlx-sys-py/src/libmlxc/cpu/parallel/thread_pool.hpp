// The threads that kernels share.
#pragma once

namespace mlx_c::cpu {

// How many threads parallel_for uses, the caller among them: MLX_SYS_PY_NUM_THREADS, else
// OMP_NUM_THREADS, else the processors that this process may use. Throws std::invalid_argument if
// MLX_SYS_PY_NUM_THREADS is not a positive number.
int thread_count();

// While one exists, a caller waits for results, and its processor is free for the pool. Otherwise,
// if there are as many threads as processors, one thread takes no part: the caller prepares what
// comes next, and if it preempted a thread in the middle of a task, all others would wait for that
// task.
class CallerWaits {
 public:
  CallerWaits();
  ~CallerWaits();
  CallerWaits(const CallerWaits&) = delete;
  CallerWaits& operator=(const CallerWaits&) = delete;
};

namespace detail {
void run_tasks(int count, void (*task)(void* context, int index), void* context);
}

// Calls task(0) ... task(count - 1), in any order, in several threads at once, and returns when
// all have returned. The first exception, if any, comes out of this call. If the threads are busy
// with another call, or there are none, the caller does all the work. Throws Stopped
// (kernels/stop.hpp) if the caller's work is to stop, perhaps when all tasks have returned.
template <class F>
void parallel_for(int count, F task) {
  detail::run_tasks(
      count, [](void* context, int index) { (*static_cast<F*>(context))(index); }, &task);
}

}  // namespace mlx_c::cpu
