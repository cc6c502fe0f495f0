#ifndef MLX_C_API_H
#define MLX_C_API_H

/* Marks the functions that the library exports: everything else in it is hidden. */
#if defined(_WIN32)
#if defined(MLX_C_BUILD)
#define MLX_C_API __declspec(dllexport)
#else
#define MLX_C_API __declspec(dllimport)
#endif
#else
#define MLX_C_API __attribute__((visibility("default")))
#endif

/* A caller in C may pass any number as an enum: in C++, too, each must be a value of it, or to read
 * it would be undefined. */
#ifdef __cplusplus
#define MLX_C_ENUM : int
#else
#define MLX_C_ENUM
#endif

#endif
