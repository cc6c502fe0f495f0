// What the user hands over with a callback, and how it is freed.
#pragma once

namespace mlx_c {

// Calls `dtor(data)`: at once, or, in a call of this function by `dtor` itself, when the outermost
// one is through with its own. What a destructor frees may be nested deeper than the stack.
void free_in_turn(void (*dtor)(void*), void* data) noexcept;

// Freed with the last copy of its holder, once it has a destructor. Until then, and so after an
// error, the caller owns it.
struct Payload {
  void* data;
  void (*dtor)(void*) = nullptr;

  explicit Payload(void* data) : data(data) {}
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;
  ~Payload() {
    if (dtor) {
      free_in_turn(dtor, data);
    }
  }
};

}  // namespace mlx_c
