#include "mlx/c/vector.h"

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/node_pool.hpp"

using namespace mlx_c;

namespace {

// Converts an element from how C passes it.
template <class Handle>
ValueOf<Handle> element(Handle handle) {
  return get(handle, "an element");
}

int element(int value) {
  return value;
}

std::string element(const char* text) {
  return to_string(text, "an element");
}

template <class Vector, class Element>
ValueOf<Vector> elements(Element* data, size_t size) {
  if (size > 0) {
    not_null(data, "data");
  }
  ValueOf<Vector> result;
  result.reserve(size);
  for (size_t i = 0; i < size; ++i) {
    result.push_back(element(data[i]));
  }
  return result;
}

// All elements are converted before any is added, so that an error changes nothing.
template <class Vector, class Element>
int append(Vector vec, Element* data, size_t size) {
  return guard([&] {
    auto& target = get(vec, "vec");
    auto added = elements<Vector>(data, size);
    target.insert(target.end(), added.begin(), added.end());
  });
}

template <class Vector>
auto& at(Vector vec, size_t idx) {
  auto& elements = get(vec, "vec");
  if (idx >= elements.size()) {
    throw std::out_of_range(
        "idx " + std::to_string(idx) + " is out of range for a vector of " +
        std::to_string(elements.size()) + " elements");
  }
  return elements[idx];
}

void free_elements(void*) {}

void free_elements(Arrays* arrays) {
  if (arrays) {
    free_graphs(std::move(*arrays));
  }
}

}  // namespace

// Defines the functions of a vector type; `data_type` is how C passes its elements.
#define MLX_C_VECTOR(vector, data_type, element_type)                                      \
  vector vector##_new(void) {                                                              \
    return guard_or(vector{}, [&] { return make<vector>({}); });                           \
  }                                                                                        \
  int vector##_set(vector* vec, const vector src) {                                        \
    return guard([&] { set(vec, get(src, "src")); });                                      \
  }                                                                                        \
  int vector##_free(vector vec) {                                                          \
    return guard([&] {                                                                     \
      free_elements(static_cast<ValueOf<vector>*>(vec.ctx));                               \
      release(vec);                                                                        \
    });                                                                                    \
  }                                                                                        \
  vector vector##_new_data(data_type* data, size_t size) {                                 \
    return guard_or(vector{}, [&] { return make<vector>(elements<vector>(data, size)); }); \
  }                                                                                        \
  vector vector##_new_value(element_type val) {                                            \
    return guard_or(vector{}, [&] { return make<vector>(elements<vector>(&val, 1)); });    \
  }                                                                                        \
  int vector##_set_data(vector* vec, data_type* data, size_t size) {                       \
    return guard([&] { set(vec, elements<vector>(data, size)); });                         \
  }                                                                                        \
  int vector##_set_value(vector* vec, element_type val) {                                  \
    return guard([&] { set(vec, elements<vector>(&val, 1)); });                            \
  }                                                                                        \
  int vector##_append_data(vector vec, data_type* data, size_t size) {                     \
    return append(vec, data, size);                                                        \
  }                                                                                        \
  int vector##_append_value(vector vec, element_type val) {                                \
    return append(vec, &val, 1);                                                           \
  }                                                                                        \
  size_t vector##_size(vector vec) {                                                       \
    return guard_or<size_t>(0, [&] { return get(vec, "vec").size(); });                    \
  }

MLX_C_VECTOR(mlx_vector_array, const mlx_array, const mlx_array)
MLX_C_VECTOR(mlx_vector_vector_array, const mlx_vector_array, const mlx_vector_array)
MLX_C_VECTOR(mlx_vector_int, int, int)
MLX_C_VECTOR(mlx_vector_string, const char*, const char*)

int mlx_vector_array_get(mlx_array* res, const mlx_vector_array vec, size_t idx) {
  return guard([&] { set(res, at(vec, idx)); });
}

int mlx_vector_vector_array_get(
    mlx_vector_array* res, const mlx_vector_vector_array vec, size_t idx) {
  return guard([&] { set(res, at(vec, idx)); });
}

int mlx_vector_int_get(int* res, const mlx_vector_int vec, size_t idx) {
  return guard([&] { *not_null(res, "res") = at(vec, idx); });
}

int mlx_vector_string_get(char** res, const mlx_vector_string vec, size_t idx) {
  return guard([&] { *not_null(res, "res") = at(vec, idx).data(); });
}
