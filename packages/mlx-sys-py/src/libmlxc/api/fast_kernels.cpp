#include "mlx/c/fast_kernels.h"

#include <mlx/fast.h>

#include "core/convert.hpp"
#include "core/guard.hpp"

using namespace mlx_c;
namespace fast = mlx::core::fast;

namespace {

using Grid = std::tuple<int, int, int>;

// The launch configuration of a kernel, for either backend.
struct Config {
  std::vector<mlx::core::Shape> shapes;
  std::vector<mlx::core::Dtype> dtypes;
  Grid threads{1, 1, 1};
  Grid group{1, 1, 1};
  std::vector<std::pair<std::string, fast::TemplateArg>> template_args;
  std::vector<fast::ScalarArg> scalars;
  std::optional<float> init_value;
  bool verbose = false;
};

// A kernel, with the numbers of inputs and outputs, which MLX does not check.
struct Kernel {
  size_t inputs;
  size_t outputs;
  fast::CustomKernelFunction call;
};

}  // namespace

namespace mlx_c {

MLX_C_HANDLE(mlx_fast_metal_kernel_config, Config, "fast_metal_kernel_config")
MLX_C_HANDLE(mlx_fast_cuda_kernel_config, Config, "fast_cuda_kernel_config")
MLX_C_HANDLE(mlx_fast_metal_kernel, Kernel, "fast_metal_kernel")
MLX_C_HANDLE(mlx_fast_cuda_kernel, Kernel, "fast_cuda_kernel")

}  // namespace mlx_c

namespace {

mlx::core::MathMode to_cpp(mlx_metal_math_mode mode) {
  switch (mode) {
    case MLX_METAL_MATH_MODE_SAFE:
      return mlx::core::MathMode::Safe;
    case MLX_METAL_MATH_MODE_RELAXED:
      return mlx::core::MathMode::Relaxed;
    case MLX_METAL_MATH_MODE_FAST:
      return mlx::core::MathMode::Fast;
  }
  throw std::invalid_argument("math_mode is not an mlx_metal_math_mode");
}

Grid positive(int x, int y, int z, const char* argument) {
  if (x <= 0 || y <= 0 || z <= 0) {
    throw std::invalid_argument(std::string(argument) + " must be of positive numbers");
  }
  return {x, y, z};
}

void add_output(Config& config, const int* shape, size_t size, mlx_dtype dtype) {
  auto extents = to_shape(shape, size);
  for (auto extent : extents) {
    if (extent < 0) {
      throw std::invalid_argument("shape has a negative extent");
    }
  }
  auto type = mlx_c::to_cpp(dtype);
  config.shapes.push_back(std::move(extents));
  config.dtypes.push_back(type);
}

void add_template_arg(Config& config, const char* name, fast::TemplateArg value) {
  config.template_args.emplace_back(to_string(name, "name"), value);
}

void check_count(size_t count, size_t expected, const char* what) {
  if (count != expected) {
    throw std::invalid_argument(
        "the kernel has " + std::to_string(expected) + " " + what + ", not " +
        std::to_string(count));
  }
}

// Makes a kernel by `backend`, a function of MLX, whose last parameters are `rest`.
template <class Handle, class Backend, class... Rest>
Handle new_kernel(
    Backend backend,
    const char* name,
    mlx_vector_string input_names,
    mlx_vector_string output_names,
    const char* source,
    const char* header,
    bool ensure_row_contiguous,
    Rest... rest) {
  auto& inputs = get(input_names, "input_names");
  auto& outputs = get(output_names, "output_names");
  return make<Handle>(
      {inputs.size(),
       outputs.size(),
       backend(
           to_string(name, "name"),
           inputs,
           outputs,
           to_string(source, "source"),
           to_string(header, "header"),
           ensure_row_contiguous,
           rest...)});
}

template <class Kernel, class Config>
int apply(
    mlx_vector_array* outputs,
    Kernel cls,
    mlx_vector_array inputs,
    Config config,
    mlx_stream stream) {
  return guard([&] {
    auto& kernel = get(cls, "cls");
    auto& values = get(inputs, "inputs");
    auto& how = get(config, "config");
    check_count(values.size(), kernel.inputs, "inputs");
    check_count(how.shapes.size(), kernel.outputs, "outputs");
    set(outputs,
        kernel.call(
            values,
            how.shapes,
            how.dtypes,
            how.threads,
            how.group,
            how.template_args,
            how.init_value,
            how.verbose,
            get_stream(stream)));
  });
}

}  // namespace

// What is the same for both backends: the config, and freeing and applying a kernel.
#define MLX_C_KERNEL(prefix)                                                                     \
  prefix##_config prefix##_config_new(void) {                                                    \
    return guard_or(prefix##_config{}, [] { return make<prefix##_config>({}); });                \
  }                                                                                              \
  void prefix##_config_free(prefix##_config cls) {                                               \
    guard([&] { release(cls); });                                                                \
  }                                                                                              \
  int prefix##_config_add_output_arg(                                                            \
      prefix##_config cls, const int* shape, size_t size, mlx_dtype dtype) {                     \
    return guard([&] { add_output(get(cls, "cls"), shape, size, dtype); });                      \
  }                                                                                              \
  int prefix##_config_set_grid(prefix##_config cls, int grid1, int grid2, int grid3) {           \
    return guard([&] { get(cls, "cls").threads = positive(grid1, grid2, grid3, "grid"); });      \
  }                                                                                              \
  int prefix##_config_set_thread_group(                                                          \
      prefix##_config cls, int thread1, int thread2, int thread3) {                              \
    return guard(                                                                                \
        [&] { get(cls, "cls").group = positive(thread1, thread2, thread3, "thread_group"); });   \
  }                                                                                              \
  int prefix##_config_set_init_value(prefix##_config cls, float value) {                         \
    return guard([&] { get(cls, "cls").init_value = value; });                                   \
  }                                                                                              \
  int prefix##_config_set_verbose(prefix##_config cls, bool verbose) {                           \
    return guard([&] { get(cls, "cls").verbose = verbose; });                                    \
  }                                                                                              \
  int prefix##_config_add_template_arg_dtype(                                                    \
      prefix##_config cls, const char* name, mlx_dtype dtype) {                                  \
    return guard([&] { add_template_arg(get(cls, "cls"), name, mlx_c::to_cpp(dtype)); });        \
  }                                                                                              \
  int prefix##_config_add_template_arg_int(prefix##_config cls, const char* name, int value) {   \
    return guard([&] { add_template_arg(get(cls, "cls"), name, value); });                       \
  }                                                                                              \
  int prefix##_config_add_template_arg_bool(prefix##_config cls, const char* name, bool value) { \
    return guard([&] { add_template_arg(get(cls, "cls"), name, value); });                       \
  }                                                                                              \
  void prefix##_free(prefix cls) {                                                               \
    guard([&] { release(cls); });                                                                \
  }                                                                                              \
  int prefix##_apply(                                                                            \
      mlx_vector_array* outputs,                                                                 \
      prefix cls,                                                                                \
      const mlx_vector_array inputs,                                                             \
      const prefix##_config config,                                                              \
      const mlx_stream stream) {                                                                 \
    return apply(outputs, cls, inputs, config, stream);                                          \
  }

MLX_C_KERNEL(mlx_fast_metal_kernel)
MLX_C_KERNEL(mlx_fast_cuda_kernel)

mlx_fast_metal_kernel mlx_fast_metal_kernel_new(
    const char* name,
    const mlx_vector_string input_names,
    const mlx_vector_string output_names,
    const char* source,
    const char* header,
    bool ensure_row_contiguous,
    bool atomic_outputs) {
  return mlx_fast_metal_kernel_new_math_mode(
      name,
      input_names,
      output_names,
      source,
      header,
      ensure_row_contiguous,
      atomic_outputs,
      MLX_METAL_MATH_MODE_SAFE);
}

mlx_fast_metal_kernel mlx_fast_metal_kernel_new_math_mode(
    const char* name,
    const mlx_vector_string input_names,
    const mlx_vector_string output_names,
    const char* source,
    const char* header,
    bool ensure_row_contiguous,
    bool atomic_outputs,
    mlx_metal_math_mode math_mode) {
  return guard_or(mlx_fast_metal_kernel{}, [&] {
    mlx::core::CompileOptions options;
    options.math_mode = to_cpp(math_mode);
    return new_kernel<mlx_fast_metal_kernel>(
        fast::metal_kernel,
        name,
        input_names,
        output_names,
        source,
        header,
        ensure_row_contiguous,
        atomic_outputs,
        options);
  });
}

mlx_fast_cuda_kernel mlx_fast_cuda_kernel_new(
    const char* name,
    const mlx_vector_string input_names,
    const mlx_vector_string output_names,
    const char* source,
    const char* header,
    bool ensure_row_contiguous,
    int shared_memory) {
  return guard_or(mlx_fast_cuda_kernel{}, [&] {
    return new_kernel<mlx_fast_cuda_kernel>(
        fast::cuda_kernel,
        name,
        input_names,
        output_names,
        source,
        header,
        ensure_row_contiguous,
        shared_memory);
  });
}

int mlx_fast_cuda_kernel_config_add_scalar_bool(mlx_fast_cuda_kernel_config cls, bool value) {
  return guard([&] { get(cls, "cls").scalars.emplace_back(value); });
}

int mlx_fast_cuda_kernel_config_add_scalar_int(mlx_fast_cuda_kernel_config cls, int value) {
  return guard([&] { get(cls, "cls").scalars.emplace_back(value); });
}

int mlx_fast_cuda_kernel_config_add_scalar_float(mlx_fast_cuda_kernel_config cls, float value) {
  return guard([&] { get(cls, "cls").scalars.emplace_back(value); });
}

int mlx_fast_precompiled_cuda_kernel(
    mlx_vector_array* outputs,
    const char* name,
    const char* compiled_source,
    size_t compiled_source_num,
    const mlx_vector_array inputs,
    const mlx_fast_cuda_kernel_config config,
    int shared_memory,
    bool ensure_row_contiguous,
    const mlx_stream stream) {
  return guard([&] {
    auto& how = get(config, "config");
    set(outputs,
        fast::precompiled_cuda_kernel(
            to_string(name, "name"),
            to_container<std::string>(compiled_source, compiled_source_num, "compiled_source"),
            get(inputs, "inputs"),
            how.shapes,
            how.dtypes,
            how.scalars,
            how.threads,
            how.group,
            shared_memory,
            how.init_value,
            ensure_row_contiguous,
            get_stream(stream)));
  });
}
