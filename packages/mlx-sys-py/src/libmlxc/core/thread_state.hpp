// What a thread needs before it uses MLX.
#pragma once

#include <vector>

#include <mlx/stream.h>

#include "core/stack_check.hpp"

namespace mlx_c {

extern thread_local constinit bool thread_is_set_up;

void set_up_thread();

// The process-wide streams, one per device.
const std::vector<mlx::core::Stream>& shared_streams();

// Makes the process-wide streams the default ones of the calling thread.
void use_shared_streams();

// Gives the calling thread, on its first use of MLX, the process-wide default streams and a random
// seed of its own.
inline void ensure_thread() {
  if (!thread_is_set_up) [[unlikely]] {
    set_up_thread();
  }
}

// The threads of streams, which the first evaluation starts, stay behind in a fork: from the call
// of `mark_streams_started` on, a forked child cannot use MLX.
void mark_streams_started();
bool streams_started();
bool is_orphan();

// Marks that a callback of the user runs, perhaps inside a transformation, where MLX refuses to
// evaluate without waiting. Throws if callbacks are nested too deeply.
class CallbackScope {
 public:
  CallbackScope() {
    check_stack();
    ++depth_;
  }
  ~CallbackScope() {
    --depth_;
  }
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;

  static bool active() {
    return depth_ > 0;
  }

 private:
  static thread_local constinit int depth_;
};

}  // namespace mlx_c
