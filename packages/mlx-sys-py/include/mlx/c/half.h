/* The 16-bit floating point types. Where the processor has none, they hold the bits. */
#ifndef MLX_C_HALF_H
#define MLX_C_HALF_H

#include <stdint.h>

#if defined(__ARM_FEATURE_FP16_SCALAR_ARITHMETIC)
#include <arm_fp16.h>
#else
typedef uint16_t float16_t;
#endif

#if defined(__ARM_FEATURE_BF16)
#include <arm_bf16.h>
#else
typedef uint16_t bfloat16_t;
#endif

#endif
