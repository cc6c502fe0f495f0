/* What every header of functions brings, be it needed there or not: the types of all objects and
 * the standard headers that come with mlx-c's, on which programs rely. */
#ifndef MLX_C_TYPES_H
#define MLX_C_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mlx/c/array.h"
#include "mlx/c/closure.h"
#include "mlx/c/distributed_group.h"
#include "mlx/c/io_types.h"
#include "mlx/c/map.h"
#include "mlx/c/stream.h"
#include "mlx/c/string.h"
#include "mlx/c/vector.h"

#endif
