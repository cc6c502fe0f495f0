// Groups of processes behind handles.
#pragma once

#include <mlx/distributed/distributed.h>

#include "core/handle.hpp"
#include "mlx/c/distributed_group.h"

namespace mlx_c {

MLX_C_HANDLE(mlx_distributed_group, mlx::core::distributed::Group, "distributed_group")

}  // namespace mlx_c
