#include "core/payload.hpp"

#include <new>
#include <utility>
#include <vector>

namespace mlx_c {

void free_in_turn(void (*dtor)(void*), void* data) noexcept {
  using Waiting = std::vector<std::pair<void (*)(void*), void*>>;
  // Of the outermost call in this thread.
  static thread_local constinit Waiting* outermost = nullptr;
  if (outermost) {
    try {
      outermost->emplace_back(dtor, data);
    } catch (const std::bad_alloc&) {
      dtor(data);
    }
    return;
  }
  Waiting waiting;
  outermost = &waiting;
  dtor(data);
  while (!waiting.empty()) {
    const auto [next, its_data] = waiting.back();
    waiting.pop_back();
    next(its_data);
  }
  outermost = nullptr;
}

}  // namespace mlx_c
