#include "mlx/c/map.h"

#include "core/convert.hpp"
#include "core/guard.hpp"

using namespace mlx_c;

namespace {

// The status of an iterator at its end.
constexpr int end_of_map = 2;

mlx::core::array& element(mlx_array value) {
  return get(value, "value");
}

std::string element(const char* value) {
  return to_string(value, "value");
}

void store(mlx_array* res, const mlx::core::array& value) {
  set(res, value);
}

void store(const char** res, const std::string& value) {
  *not_null(res, "value") = value.c_str();
}

template <class Map>
auto& at(Map map, const char* key) {
  auto& entries = get(map, "map");
  auto found = entries.find(not_null(key, "key"));
  if (found == entries.end()) {
    throw std::out_of_range("map has no key \"" + std::string(key) + "\"");
  }
  return found->second;
}

template <class Map>
using Position = typename ValueOf<Map>::iterator;

template <class Map, class Iterator>
Iterator new_iterator(Map map) {
  return guard_or(
      Iterator{}, [&] { return Iterator{new Position<Map>(get(map, "map").begin()), map.ctx}; });
}

template <class Map, class Value, class Iterator>
int next(const char** key, Value* value, Iterator it) {
  return guard_or(1, [&] {
    auto& entries = get(Map{it.map_ctx}, "it");
    auto& position = *static_cast<::Position<Map>*>(it.ctx);
    if (position == entries.end()) {
      return end_of_map;
    }
    store(value, position->second);
    *not_null(key, "key") = position->first.c_str();
    ++position;
    return 0;
  });
}

}  // namespace

#define MLX_C_MAP(map_type, value_type, result_type)                                           \
  map_type map_type##_new(void) {                                                              \
    return guard_or(map_type{}, [&] { return make<map_type>({}); });                           \
  }                                                                                            \
  int map_type##_set(map_type* map, const map_type src) {                                      \
    return guard([&] { set(map, get(src, "src")); });                                          \
  }                                                                                            \
  int map_type##_free(map_type map) {                                                          \
    return guard([&] { release(map); });                                                       \
  }                                                                                            \
  int map_type##_insert(map_type map, const char* key, value_type value) {                     \
    return guard(                                                                              \
        [&] { get(map, "map").insert_or_assign(to_string(key, "key"), element(value)); });     \
  }                                                                                            \
  int map_type##_get(result_type* value, const map_type map, const char* key) {                \
    return guard([&] { store(value, at(map, key)); });                                         \
  }                                                                                            \
  map_type##_iterator map_type##_iterator_new(map_type map) {                                  \
    return new_iterator<map_type, map_type##_iterator>(map);                                   \
  }                                                                                            \
  int map_type##_iterator_free(map_type##_iterator it) {                                       \
    return guard([&] { delete static_cast<Position<map_type>*>(it.ctx); });                    \
  }                                                                                            \
  int map_type##_iterator_next(const char** key, result_type* value, map_type##_iterator it) { \
    return next<map_type>(key, value, it);                                                     \
  }

MLX_C_MAP(mlx_map_string_to_array, const mlx_array, mlx_array)
MLX_C_MAP(mlx_map_string_to_string, const char*, const char*)
