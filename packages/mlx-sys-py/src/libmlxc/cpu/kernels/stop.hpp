// Stopping long work.
#pragma once

#include <atomic>
#include <cstddef>

namespace mlx_c::cpu {

// A request to stop some work. The threads at work look for it every few milliseconds at most.
class Stop {
 public:
  void request() {
    state_.store(State::requested);
  }

  // Takes the request back. False if the work has stopped, or is about to.
  bool withdraw() {
    State expected = State::requested;
    return state_.compare_exchange_strong(expected, State::none) || expected == State::none;
  }

  // Whether to stop. From then on the request cannot be taken back.
  bool obey() {
    if (state_.load(std::memory_order_relaxed) == State::none) [[likely]] {
      return false;
    }
    State expected = State::requested;
    return state_.compare_exchange_strong(expected, State::obeyed) || expected == State::obeyed;
  }

  // Whether some of the work has been left undone.
  bool obeyed() const {
    return state_.load() == State::obeyed;
  }

 private:
  enum class State { none, requested, obeyed };
  std::atomic<State> state_ = State::none;
};

// While it exists, this thread works on what `stop`, if any, asks to stop.
class StopScope {
 public:
  explicit StopScope(Stop* stop);
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

  // That of this thread, or null.
  static Stop* current();

 private:
  Stop* const outer_;
};

// Whether what this thread works on is to stop: its results are of no use then. Kernels ask at
// least once in a few milliseconds.
bool is_stopped();

// What leaves a task that is to stop.
struct Stopped {};

// Throws Stopped if what this thread works on is to stop.
inline void check_stop() {
  if (is_stopped()) [[unlikely]] {
    throw Stopped();
  }
}

// Calls f(begin, end) for one part of a long range after the other, unless it is to stop.
template <class F>
void in_parts(std::size_t begin, std::size_t end, F f) {
  constexpr std::size_t part = 1 << 19;
  for (; end - begin > part; begin += part) {
    f(begin, begin + part);
    check_stop();
  }
  f(begin, end);
}

}  // namespace mlx_c::cpu
