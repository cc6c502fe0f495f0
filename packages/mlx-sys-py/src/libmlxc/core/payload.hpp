// What the user hands over with a callback.
#pragma once

namespace mlx_c {

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
      dtor(data);
    }
  }
};

}  // namespace mlx_c
