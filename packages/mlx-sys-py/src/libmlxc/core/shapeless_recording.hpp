// Whether this thread records a function for all shapes.
#pragma once

#include <utility>

namespace mlx_c {

inline constinit thread_local bool records_for_all_shapes = false;

// While it exists, this thread records such a function, if `shapeless`.
class ShapelessRecording {
 public:
  explicit ShapelessRecording(bool shapeless)
      : before_(std::exchange(records_for_all_shapes, records_for_all_shapes || shapeless)) {}

  ~ShapelessRecording() {
    records_for_all_shapes = before_;
  }

  ShapelessRecording(const ShapelessRecording&) = delete;
  ShapelessRecording& operator=(const ShapelessRecording&) = delete;

 private:
  bool before_;
};

}  // namespace mlx_c
