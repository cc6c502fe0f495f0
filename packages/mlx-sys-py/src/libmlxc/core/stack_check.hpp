// How deep functions of the user may be nested in each other: as deep as the thread's stack allows.
#pragma once

#include <stdexcept>

namespace mlx_c {

struct RecursionError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws RecursionError if more than half of the calling thread's stack is in use: the other half
// is for what the innermost function calls. Counting calls would not do, as stacks of threads
// differ by a factor of a hundred, and what lies between two calls as well.
void check_stack();

}  // namespace mlx_c
