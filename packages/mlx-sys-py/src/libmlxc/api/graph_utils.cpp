#include "mlx/c/graph_utils.h"

#include <cerrno>
#include <cstring>
#include <sstream>
#include <unordered_set>

#include <mlx/graph_utils.h>

#include "core/guard.hpp"
#include "core/handle.hpp"

namespace mlx_c {

MLX_C_HANDLE(mlx_node_namer, mlx::core::NodeNamer, "node_namer")

}  // namespace mlx_c

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

// MLX recurses once for each step from an array to its inputs. So deep a recursion fits in the
// smallest usual stack, that of a thread on macOS.
constexpr size_t deepest = 1000;

// Throws invalid_argument if MLX's depth-first walk would recurse deeper.
void check_depth(const Arrays& outputs) {
  struct Place {
    const Arrays* inputs;
    size_t next;
  };
  std::unordered_set<std::uintptr_t> seen;
  std::vector<Place> path{{&outputs, 0}};
  while (!path.empty()) {
    auto& [inputs, next] = path.back();
    if (next == inputs->size()) {
      path.pop_back();
      continue;
    }
    auto& array = (*inputs)[next++];
    if (seen.insert(array.id()).second) {
      path.push_back({&array.inputs(), 0});
      if (path.size() > deepest) {
        throw std::invalid_argument(
            "outputs depend on a chain of more than " + std::to_string(deepest) +
            " operations, which is too deep to write: evaluate some of them first");
      }
    }
  }
}

void write(FILE* os, const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), os) != text.size()) {
    throw IoError(std::string("os cannot be written to: ") + std::strerror(errno));
  }
}

int write_graph(
    FILE* os,
    mlx_node_namer namer,
    mlx_vector_array outputs,
    void (*f)(std::ostream&, mx::NodeNamer, const Arrays&)) {
  return guard([&] {
    not_null(os, "os");
    auto& values = get(outputs, "outputs");
    check_depth(values);
    std::ostringstream text;
    f(text, get_optional(namer).value_or(mx::NodeNamer{}), values);
    write(os, text.str());
  });
}

}  // namespace

mlx_node_namer mlx_node_namer_new(void) {
  return guard_or(mlx_node_namer{}, [] { return make<mlx_node_namer>({}); });
}

int mlx_node_namer_free(mlx_node_namer namer) {
  return guard([&] { release(namer); });
}

int mlx_node_namer_set_name(mlx_node_namer namer, const mlx_array arr, const char* name) {
  return guard([&] { get(namer, "namer").set_name(get(arr, "arr"), not_null(name, "name")); });
}

int mlx_node_namer_get_name(const char** name, mlx_node_namer namer, const mlx_array arr) {
  return guard(
      [&] { *not_null(name, "name") = get(namer, "namer").get_name(get(arr, "arr")).c_str(); });
}

int mlx_export_to_dot(FILE* os, const mlx_node_namer namer, const mlx_vector_array outputs) {
  return write_graph(os, namer, outputs, mx::export_to_dot);
}

int mlx_print_graph(FILE* os, const mlx_node_namer namer, const mlx_vector_array outputs) {
  return write_graph(os, namer, outputs, mx::print_graph);
}
