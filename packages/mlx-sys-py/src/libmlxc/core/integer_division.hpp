// Division of integers that never traps (SIGFPE): by zero, the quotient is 0 and the remainder the
// dividend; the smallest number divided by -1 is itself.
#pragma once

#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

namespace mlx_c {

// Whether a / b needs the functions below, which are for integers only.
bool may_fault(const mlx::core::array& a, const mlx::core::array& b);

mlx::core::array floor_divide(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);

mlx::core::array remainder(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);

std::vector<mlx::core::array> divmod(
    const mlx::core::array& a, const mlx::core::array& b, mlx::core::StreamOrDevice s);

}  // namespace mlx_c
