#include "mlx/c/device.h"

#include <sstream>

#include "core/convert.hpp"
#include "core/guard.hpp"

using namespace mlx_c;

namespace {

mlx::core::Device::DeviceType to_cpp(mlx_device_type type) {
  switch (type) {
    case MLX_CPU:
      return mlx::core::Device::cpu;
    case MLX_GPU:
      return mlx::core::Device::gpu;
  }
  throw std::invalid_argument("type is not an mlx_device_type");
}

// The property `key`, of type T.
template <class T>
const T& property(mlx_device_info info, const char* key) {
  auto& properties = get(info, "info");
  auto found = properties.find(not_null(key, "key"));
  if (found == properties.end()) {
    throw std::invalid_argument("the device has no property \"" + std::string(key) + "\"");
  }
  if (auto* value = std::get_if<T>(&found->second)) {
    return *value;
  }
  throw std::invalid_argument(
      "property \"" + std::string(key) + "\" is a " +
      (std::is_same_v<T, std::string> ? "size" : "string"));
}

}  // namespace

mlx_device mlx_device_new(void) {
  return {};
}

mlx_device mlx_device_new_type(mlx_device_type type, int index) {
  return guard_or(
      mlx_device{}, [&] { return make<mlx_device>(mlx::core::Device(to_cpp(type), index)); });
}

int mlx_device_free(mlx_device dev) {
  return guard([&] { release(dev); });
}

int mlx_device_set(mlx_device* dev, const mlx_device src) {
  return guard([&] { set(dev, get(src, "src")); });
}

int mlx_device_tostring(mlx_string* str, mlx_device dev) {
  return guard([&] {
    std::ostringstream text;
    text << get(dev, "dev");
    set(str, text.str());
  });
}

bool mlx_device_equal(mlx_device lhs, mlx_device rhs) {
  return guard_or(false, [&] { return get(lhs, "lhs") == get(rhs, "rhs"); });
}

int mlx_device_get_index(int* index, mlx_device dev) {
  return guard([&] { *not_null(index, "index") = get(dev, "dev").index; });
}

int mlx_device_get_type(mlx_device_type* type, mlx_device dev) {
  return guard([&] {
    *not_null(type, "type") = get(dev, "dev") == mlx::core::Device::cpu ? MLX_CPU : MLX_GPU;
  });
}

int mlx_get_default_device(mlx_device* dev) {
  return guard([&] { set(dev, mlx::core::default_device()); });
}

int mlx_set_default_device(mlx_device dev) {
  return guard([&] { mlx::core::set_default_device(get_available(dev, "dev")); });
}

int mlx_device_is_available(bool* avail, mlx_device dev) {
  return guard([&] { *not_null(avail, "avail") = is_available(get(dev, "dev")); });
}

int mlx_device_count(int* count, mlx_device_type type) {
  return guard([&] { *not_null(count, "count") = mlx::core::device_count(to_cpp(type)); });
}

mlx_device_info mlx_device_info_new(void) {
  return {};
}

int mlx_device_info_get(mlx_device_info* info, mlx_device dev) {
  return guard([&] { set(info, mlx::core::device_info(get_available(dev, "dev"))); });
}

int mlx_device_info_free(mlx_device_info info) {
  return guard([&] { release(info); });
}

int mlx_device_info_has_key(bool* exists, mlx_device_info info, const char* key) {
  return guard(
      [&] { *not_null(exists, "exists") = get(info, "info").contains(not_null(key, "key")); });
}

int mlx_device_info_is_string(bool* is_string, mlx_device_info info, const char* key) {
  return guard([&] {
    auto& properties = get(info, "info");
    auto found = properties.find(not_null(key, "key"));
    *not_null(is_string, "is_string") =
        found != properties.end() && std::holds_alternative<std::string>(found->second);
  });
}

int mlx_device_info_get_string(const char** value, mlx_device_info info, const char* key) {
  return guard([&] { *not_null(value, "value") = property<std::string>(info, key).c_str(); });
}

int mlx_device_info_get_size(size_t* value, mlx_device_info info, const char* key) {
  return guard([&] { *not_null(value, "value") = property<size_t>(info, key); });
}

int mlx_device_info_get_keys(mlx_vector_string* keys, mlx_device_info info) {
  return guard([&] {
    std::vector<std::string> names;
    for (auto& [key, value] : get(info, "info")) {
      names.push_back(key);
    }
    set(keys, std::move(names));
  });
}
