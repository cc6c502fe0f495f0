#include "core/stack_check.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#if defined(__APPLE__) || defined(__GLIBC__)
#include <pthread.h>
#endif

namespace mlx_c {
namespace {

struct Stack {
  std::uintptr_t lowest = 0;
  std::size_t size = 0;  // 0 if the system does not tell
  bool known = false;
};

Stack stack_of_this_thread() noexcept {
  Stack stack;
  stack.known = true;
#if defined(__APPLE__)
  const pthread_t self = pthread_self();
  stack.size = pthread_get_stacksize_np(self);
  stack.lowest = reinterpret_cast<std::uintptr_t>(pthread_get_stackaddr_np(self)) - stack.size;
#elif defined(__GLIBC__)
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    void* lowest = nullptr;
    if (pthread_attr_getstack(&attributes, &lowest, &stack.size) == 0) {
      stack.lowest = reinterpret_cast<std::uintptr_t>(lowest);
    }
    pthread_attr_destroy(&attributes);
  }
#endif
  return stack;
}

}  // namespace

void check_stack() {
  static thread_local constinit Stack stack;
  if (!stack.known) [[unlikely]] {
    stack = stack_of_this_thread();
  }
  // Wraps round to more than there is where a program runs on another stack than the thread's own.
  const auto left = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - stack.lowest;
  if (left < stack.size / 2) [[unlikely]] {
    throw RecursionError(
        "functions are nested too deeply: more than half of the stack of this thread, which has " +
        std::to_string(stack.size >> 10) + " KiB, is in use");
  }
}

}  // namespace mlx_c
