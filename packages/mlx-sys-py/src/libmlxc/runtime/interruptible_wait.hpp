// Waits that the user can end.
#pragma once

#include <chrono>

#include <mlx/event.h>
#include <mlx/stream.h>

#include "mlx/c/stream.h"

namespace mlx_c {

// See `mlx_set_interrupt_check`.
void set_interrupt_check(mlx_interrupt_check_func check);

class Latch;

// Call it when all that comes before `event` on a stream of the CPU is scheduled, and nothing else
// yet: waits for the event then end before what is scheduled later.
void expect(const mlx::core::Event& event);

// Asks now and then, while a call waits, whether it shall go on: see `mlx_set_interrupt_check`.
class InterruptibleWait {
 public:
  static constexpr auto slice = std::chrono::milliseconds(50);

  // Throws CallbackError if the user wants no more of it. Asks at most once in a slice of time.
  void check();

  // Returns when `event` is signalled. Does not ask if that is `soon`: to be ready to costs some
  // microseconds.
  void wait(const mlx::core::Event& event, bool soon = false);

  // Returns when `stream` has done what it has been given until now.
  void wait(mlx::core::Stream stream);

 private:
  using Clock = std::chrono::steady_clock;

  void wait_for(Latch& latch);

  template <class F>
  void wait_for_task(mlx::core::Stream stream, F task);

  Clock::time_point next_ = Clock::now() + slice;
};

}  // namespace mlx_c
