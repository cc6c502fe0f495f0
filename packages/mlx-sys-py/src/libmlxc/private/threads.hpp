// What a thread needs before it uses MLX, and the one way this library evaluates.
#pragma once

#include <mutex>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

extern thread_local constinit bool thread_is_set_up;

void set_up_thread();

// Makes the process-wide streams the default ones of the calling thread.
void use_shared_streams();

// Gives the calling thread, on its first use of MLX, the process-wide default streams and a random
// seed of its own.
inline void ensure_thread() {
  if (!thread_is_set_up) [[unlikely]] {
    set_up_thread();
  }
}

// Marks that a callback of the user runs, and so maybe a transformation: MLX refuses to evaluate
// without waiting there.
class callback_scope {
 public:
  callback_scope() {
    ++depth_;
  }
  ~callback_scope() {
    --depth_;
  }
  callback_scope(const callback_scope&) = delete;
  callback_scope& operator=(const callback_scope&) = delete;

  static bool active() {
    return depth_ > 0;
  }

 private:
  static thread_local constinit int depth_;
};

// Evaluates `outputs`, one caller at a time; returns when they are available if `wait`, else when
// they are scheduled.
void evaluate(std::vector<mlx::core::array> outputs, bool wait);

// Whether `array` can be read without waiting.
bool is_available(const mlx::core::array& array);

// Lets no other thread evaluate from here on: the end of a process destroys what that takes.
void stop_other_threads();

using evaluation_lock = std::unique_lock<std::recursive_timed_mutex>;

// What `evaluate` holds while it schedules: taken by whatever else changes the state of arrays.
evaluation_lock lock_evaluation();

}  // namespace mlx_c
