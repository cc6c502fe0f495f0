#include "mlx/c/string.h"

#include "core/convert.hpp"
#include "core/guard.hpp"

using namespace mlx_c;

mlx_string mlx_string_new(void) {
  return {};
}

mlx_string mlx_string_new_data(const char* str) {
  return guard_or(mlx_string{}, [&] { return make<mlx_string>(to_string(str, "str")); });
}

int mlx_string_set(mlx_string* str, const mlx_string src) {
  return guard([&] { set(str, get(src, "src")); });
}

const char* mlx_string_data(mlx_string str) {
  return guard_or<const char*>(nullptr, [&] { return get(str, "str").c_str(); });
}

int mlx_string_free(mlx_string str) {
  return guard([&] { release(str); });
}
