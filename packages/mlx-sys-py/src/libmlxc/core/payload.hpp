// What the user hands over with a callback.
#pragma once

namespace mlx_c {

// Freed with the last copy of what holds it, once it has a destructor: until then, and so after an
// error, it is the caller's.
struct payload {
  void* data;
  void (*dtor)(void*) = nullptr;

  explicit payload(void* data) : data(data) {}
  payload(const payload&) = delete;
  payload& operator=(const payload&) = delete;
  ~payload() {
    if (dtor) {
      dtor(data);
    }
  }
};

}  // namespace mlx_c
