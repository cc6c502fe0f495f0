// Waits that the user can end.
#pragma once

#include <chrono>
#include <functional>

#include <mlx/array.h>
#include <mlx/event.h>
#include <mlx/stream.h>

#include "mlx/c/stream.h"

namespace mlx_c {

// See `mlx_set_interrupt_check`.
void set_interrupt_check(mlx_interrupt_check_func check);

class Latch;

// Call it when everything before `event` on a stream of the CPU is scheduled, and nothing behind
// it: waits for the event then do not wait for what is scheduled later.
void expect(const mlx::core::Event& event);

// Polls the interrupt check while a call waits: see `mlx_set_interrupt_check`.
class InterruptibleWait {
 public:
  static constexpr auto slice = std::chrono::milliseconds(20);

  // Throws CallbackError if the check says to stop. Polls at most once per slice of time.
  void check();

  // Returns when `event` is signalled. Does not poll if that is `soon`: a wait that can be
  // interrupted costs some microseconds more.
  void wait(const mlx::core::Event& event, bool soon = false);

  // Returns when `stream` has finished everything that is enqueued now.
  void wait(mlx::core::Stream stream);

  // Returns when `is_done` returns true. Calls `check_again` from time to time while that lasts,
  // and throws what it throws.
  void poll(const std::function<bool()>& is_done, const std::function<void()>& check_again);

  // Calls `wait` in another thread. Returns when it has returned, and throws what it throws.
  void wait_elsewhere(std::function<void()> wait);

 private:
  using Clock = std::chrono::steady_clock;

  void wait_for(Latch& latch);
  void wait_for_signal(const mlx::core::Event& event, mlx::core::array& waiter);

  // Returns when `stream` comes to what is enqueued now.
  void wait_for_task(mlx::core::Stream stream);

  Clock::time_point next_ = Clock::now() + slice;
};

}  // namespace mlx_c
