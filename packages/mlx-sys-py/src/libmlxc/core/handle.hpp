// From handles to the C++ objects they own, and back.
#pragma once

#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <mlx/array.h>
#include <mlx/device.h>
#include <mlx/stream.h>
#include <mlx/utils.h>

#include "core/node_pool.hpp"
#include "core/thread_state.hpp"
#include "mlx/c/array.h"
#include "mlx/c/closure.h"
#include "mlx/c/device.h"
#include "mlx/c/map.h"
#include "mlx/c/stream.h"
#include "mlx/c/string.h"
#include "mlx/c/vector.h"

namespace mlx_c {

using Arrays = std::vector<mlx::core::array>;
using ArrayMap = std::unordered_map<std::string, mlx::core::array>;
using StringMap = std::unordered_map<std::string, std::string>;
using DeviceProperties = std::unordered_map<std::string, std::variant<std::string, size_t>>;
// A thread-local stream is resolved each time it is used, in the thread that uses it.
using AnyStream = std::variant<mlx::core::Stream, mlx::core::ThreadLocalStream>;

using Function = std::function<Arrays(const Arrays&)>;
using KwargsFunction = std::function<Arrays(const Arrays&, const ArrayMap&)>;
using ValueAndGradFunction = std::function<std::pair<Arrays, Arrays>(const Arrays&)>;
using VjpFunction = std::function<Arrays(const Arrays&, const Arrays&, const Arrays&)>;
using JvpFunction = std::function<Arrays(const Arrays&, const Arrays&, const std::vector<int>&)>;
using VmapFunction =
    std::function<std::pair<Arrays, std::vector<int>>(const Arrays&, const std::vector<int>&)>;

// The C++ type that a handle owns, and the word for it in messages.
template <class Handle>
struct HandleTraits;

#define MLX_C_HANDLE(handle, type, noun)      \
  template <>                                 \
  struct HandleTraits<handle> {               \
    using value_type = type;                  \
    static constexpr const char* name = noun; \
  };
MLX_C_HANDLE(mlx_array, mlx::core::array, "array")
MLX_C_HANDLE(mlx_vector_array, Arrays, "vector_array")
MLX_C_HANDLE(mlx_vector_vector_array, std::vector<Arrays>, "vector_vector_array")
MLX_C_HANDLE(mlx_vector_int, std::vector<int>, "vector_int")
MLX_C_HANDLE(mlx_vector_string, std::vector<std::string>, "vector_string")
MLX_C_HANDLE(mlx_map_string_to_array, ArrayMap, "map_string_to_array")
MLX_C_HANDLE(mlx_map_string_to_string, StringMap, "map_string_to_string")
MLX_C_HANDLE(mlx_string, std::string, "string")
MLX_C_HANDLE(mlx_device, mlx::core::Device, "device")
MLX_C_HANDLE(mlx_device_info, DeviceProperties, "device_info")
MLX_C_HANDLE(mlx_stream, AnyStream, "stream")
MLX_C_HANDLE(mlx_closure, Function, "closure")
MLX_C_HANDLE(mlx_closure_kwargs, KwargsFunction, "closure_kwargs")
MLX_C_HANDLE(mlx_closure_value_and_grad, ValueAndGradFunction, "closure_value_and_grad")
MLX_C_HANDLE(mlx_closure_custom, VjpFunction, "closure_custom")
MLX_C_HANDLE(mlx_closure_custom_jvp, JvpFunction, "closure_custom_jvp")
MLX_C_HANDLE(mlx_closure_custom_vmap, VmapFunction, "closure_custom_vmap")

template <class Handle>
using ValueOf = typename HandleTraits<Handle>::value_type;

[[noreturn]] inline void throw_empty(const char* argument, const char* noun) {
  throw std::invalid_argument(std::string(argument) + " is an empty " + noun + " handle");
}

// A pointer argument that must not be NULL.
template <class T>
T* not_null(T* pointer, const char* argument) {
  if (!pointer) [[unlikely]] {
    throw std::invalid_argument(std::string(argument) + " is NULL");
  }
  return pointer;
}

// The object behind a handle; throws invalid_argument naming the argument if the handle is empty.
template <class Handle>
ValueOf<Handle>& get(Handle handle, const char* argument) {
  if (!handle.ctx) [[unlikely]] {
    throw_empty(argument, HandleTraits<Handle>::name);
  }
  return *static_cast<ValueOf<Handle>*>(handle.ctx);
}

// The object behind a handle that may be empty.
template <class Handle>
std::optional<ValueOf<Handle>> get_optional(Handle handle) {
  if (!handle.ctx) {
    return std::nullopt;
  }
  return *static_cast<ValueOf<Handle>*>(handle.ctx);
}

// A new handle that owns `value`.
template <class Handle>
Handle make(ValueOf<Handle> value) {
  if constexpr (std::is_same_v<Handle, mlx_array>) {
    return Handle{new (allocate_handle()) mlx::core::array(std::move(value))};
  } else {
    return Handle{new ValueOf<Handle>(std::move(value))};
  }
}

// Assigns in place where `res` has an object, so that every copy of the handle sees it.
template <class Handle>
void set(Handle* res, ValueOf<Handle> value) {
  if (not_null(res, "res")->ctx) {
    *static_cast<ValueOf<Handle>*>(res->ctx) = std::move(value);
  } else {
    *res = make<Handle>(std::move(value));
  }
}

// A pair of results.
template <class First, class Second, class A, class B>
void set(First* res_0, Second* res_1, std::pair<A, B> values) {
  not_null(res_1, "res_1");
  set(res_0, std::move(values.first));
  set(res_1, std::move(values.second));
}

template <class Handle>
void release(Handle handle) {
  delete static_cast<ValueOf<Handle>*>(handle.ctx);
}

// A handle for an object that somebody else owns, valid during a call into C.
template <class Handle>
Handle borrow(const ValueOf<Handle>& value) {
  return Handle{const_cast<ValueOf<Handle>*>(&value)};
}

// Checks that the device exists: MLX indexes by its number unchecked.
inline const mlx::core::Device& get_available(mlx_device handle, const char* argument) {
  auto& device = get(handle, argument);
  if (device.index < 0 || device.index >= mlx::core::device_count(device.type)) {
    throw std::invalid_argument(
        std::string(argument) + ": there is no " +
        (device.type == mlx::core::Device::cpu ? "CPU" : "GPU") + " device " +
        std::to_string(device.index));
  }
  return device;
}

// The default stream of the thread, as MLX's functions are given it. It is copied from here:
// whoever loads the whole of what was just built by its parts waits for these to reach the cache.
extern const mlx::core::StreamOrDevice unnamed_stream;

// The stream to record an operation on: the default one of the thread for an empty handle.
inline mlx::core::StreamOrDevice get_stream(mlx_stream handle) {
  ensure_thread();
  if (!handle.ctx) [[likely]] {
    return unnamed_stream;
  }
  auto& stream = *static_cast<AnyStream*>(handle.ctx);
  if (auto* plain = std::get_if<mlx::core::Stream>(&stream)) {
    return *plain;
  }
  return std::get<mlx::core::ThreadLocalStream>(stream);
}

}  // namespace mlx_c
