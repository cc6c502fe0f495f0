// Turns C++ exceptions into the thread's last error: no exception leaves the library.
#pragma once

#include <cxxabi.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "mlx/c/error.h"

namespace mlx_c {

// A callback of the user returned non-zero; the user knows why.
struct CallbackError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct IoError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct FileNotFound : IoError {
  using IoError::IoError;
};

// Records the exception being handled as the thread's last error and calls the handler, if any.
void report_current_exception() noexcept;

// Runs `f`; its result, or `fallback` and the error recorded if it throws.
//
// Forced unwinding is no exception and has to go on to the start of the thread: Python ends threads
// that ask for the GIL after it has finished, as a callback may. There is no exception object then,
// so the reference is bound to null, which only UndefinedBehaviorSanitizer minds.
template <class R, class F>
#ifdef __GLIBCXX__
__attribute__((no_sanitize("null", "alignment")))
#endif
R guard_or(R fallback, F&& f) {
  try {
    return std::forward<F>(f)();
#ifdef __GLIBCXX__
  } catch (const abi::__forced_unwind&) {
    throw;
#endif
  } catch (...) {
    report_current_exception();
    return fallback;
  }
}

// Runs `f`; the status that the C functions return: 0, or 1 and the error recorded if it throws.
template <class F>
int guard(F&& f) {
  return guard_or(1, [&] {
    std::forward<F>(f)();
    return 0;
  });
}

}  // namespace mlx_c
