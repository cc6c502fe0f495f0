/* Arrays from and to files: npy, safetensors, GGUF. */
#ifndef MLX_C_IO_H
#define MLX_C_IO_H

#include "mlx/c/api.h"
#include "mlx/c/gguf.h"
#include "mlx/c/types.h"

#ifdef __cplusplus
extern "C" {
#endif

MLX_C_API int mlx_load_reader(mlx_array* res, mlx_io_reader in_stream, const mlx_stream s);
MLX_C_API int mlx_load(mlx_array* res, const char* file, const mlx_stream s);
/* Not in mlx-c. The array is the memory that the file is in, where that can be, which its last user
 * frees; whatever is written there stays in this process. If the file becomes shorter, evaluations
 * of the array fail. */
MLX_C_API int mlx_load_mapped(mlx_array* res, const char* file);
MLX_C_API int mlx_load_gguf(mlx_io_gguf* gguf, const char* file, const mlx_stream s);
/* Not in mlx-c. The arrays are the memory that the file is in, where that can be, if `mapped`. A
 * model that is split into files is loaded as a whole, by the name of any of them. */
MLX_C_API int mlx_load_gguf_as(
    mlx_io_gguf* gguf, const char* file, mlx_gguf_form form, bool mapped);
MLX_C_API int mlx_load_safetensors_reader(
    mlx_map_string_to_array* res_0,
    mlx_map_string_to_string* res_1,
    mlx_io_reader in_stream,
    const mlx_stream s);
MLX_C_API int mlx_load_safetensors(
    mlx_map_string_to_array* res_0,
    mlx_map_string_to_string* res_1,
    const char* file,
    const mlx_stream s);
MLX_C_API int mlx_load_safetensors_mapped(
    mlx_map_string_to_array* res_0, mlx_map_string_to_string* res_1, const char* file);
MLX_C_API int mlx_save_writer(mlx_io_writer out_stream, const mlx_array a);
MLX_C_API int mlx_save(const char* file, const mlx_array a);
MLX_C_API int mlx_save_gguf(const char* file, mlx_io_gguf gguf);
MLX_C_API int mlx_save_safetensors_writer(
    mlx_io_writer in_stream,
    const mlx_map_string_to_array param,
    const mlx_map_string_to_string metadata);
MLX_C_API int mlx_save_safetensors(
    const char* file, const mlx_map_string_to_array param, const mlx_map_string_to_string metadata);

#ifdef __cplusplus
}
#endif

#endif
