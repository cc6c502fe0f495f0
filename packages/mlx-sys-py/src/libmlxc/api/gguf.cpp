#include "mlx/c/gguf.h"

#include "core/gguf_types.hpp"
#include "core/guard.hpp"
#include "core/handle.hpp"
#include "files/gguf_header.hpp"
#include "files/reading.hpp"

namespace mlx_c {
MLX_C_HANDLE(mlx_gguf_header, GgufHeader, "gguf_header")
}  // namespace mlx_c

using namespace mlx_c;

namespace {

mlx_gguf_entry to_c(const GgufEntry& entry) {
  return {entry.key.c_str(), entry.type, entry.is_array, entry.size, entry.data()};
}

mlx_gguf_tensor to_c(const GgufTensor& tensor) {
  return {
      tensor.name.c_str(),
      tensor.type,
      tensor.shape.data(),
      tensor.shape.size(),
      tensor.offset,
      tensor.nbytes};
}

template <class T>
const T& at(const std::vector<T>& items, size_t index, const char* noun) {
  if (index >= items.size()) {
    throw std::out_of_range(
        "index " + std::to_string(index) + " is out of range for " + std::to_string(items.size()) +
        " " + noun);
  }
  return items[index];
}

size_t find(
    const std::unordered_map<std::string, size_t>& places, const char* name, const char* argument) {
  auto found = places.find(to_string(name, argument));
  if (found == places.end()) {
    throw std::out_of_range("the file has no " + std::string(argument) + " \"" + name + "\"");
  }
  return found->second;
}

}  // namespace

int mlx_gguf_get_types(const mlx_gguf_type** res, size_t* num) {
  return guard([&] {
    *not_null(num, "num") = gguf_types.size();
    *not_null(res, "res") = gguf_types.data();
  });
}

mlx_gguf_header mlx_gguf_header_new(const char* file) {
  return guard_or(mlx_gguf_header{}, [&] {
    auto name = readable(file);
    return make<mlx_gguf_header>(reading(name, [&] { return read_gguf_header(name); }));
  });
}

int mlx_gguf_header_free(mlx_gguf_header header) {
  return guard([&] { release(header); });
}

int mlx_gguf_header_get_file(const char** res, const mlx_gguf_header header) {
  return guard([&] { *not_null(res, "res") = get(header, "header").file.c_str(); });
}

int mlx_gguf_header_get_version(uint32_t* res, const mlx_gguf_header header) {
  return guard([&] { *not_null(res, "res") = get(header, "header").version; });
}

int mlx_gguf_header_get_alignment(uint32_t* res, const mlx_gguf_header header) {
  return guard([&] { *not_null(res, "res") = get(header, "header").alignment; });
}

int mlx_gguf_header_get_data_offset(uint64_t* res, const mlx_gguf_header header) {
  return guard([&] { *not_null(res, "res") = get(header, "header").data_offset; });
}

int mlx_gguf_header_get_entry_count(size_t* res, const mlx_gguf_header header) {
  return guard([&] { *not_null(res, "res") = get(header, "header").entries.size(); });
}

int mlx_gguf_header_get_entry(mlx_gguf_entry* res, const mlx_gguf_header header, size_t index) {
  return guard(
      [&] { *not_null(res, "res") = to_c(at(get(header, "header").entries, index, "entries")); });
}

int mlx_gguf_header_find_entry(mlx_gguf_entry* res, const mlx_gguf_header header, const char* key) {
  return guard([&] {
    auto& parsed = get(header, "header");
    *not_null(res, "res") = to_c(parsed.entries[find(parsed.entry_index, key, "key")]);
  });
}

int mlx_gguf_header_get_tensor_count(size_t* res, const mlx_gguf_header header) {
  return guard([&] { *not_null(res, "res") = get(header, "header").tensors.size(); });
}

int mlx_gguf_header_get_tensor(mlx_gguf_tensor* res, const mlx_gguf_header header, size_t index) {
  return guard(
      [&] { *not_null(res, "res") = to_c(at(get(header, "header").tensors, index, "tensors")); });
}

int mlx_gguf_header_find_tensor(
    mlx_gguf_tensor* res, const mlx_gguf_header header, const char* name) {
  return guard([&] {
    auto& parsed = get(header, "header");
    *not_null(res, "res") = to_c(parsed.tensors[find(parsed.tensor_index, name, "name")]);
  });
}
