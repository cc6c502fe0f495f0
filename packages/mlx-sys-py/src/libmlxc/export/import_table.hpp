// The operations of exported functions by their names: how their state is read, and what they call.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "export/import_ops.hpp"

namespace mlx_c {

using Arrays = std::vector<mlx::core::array>;

using Unary = mlx::core::array(const mlx::core::array&, mlx::core::StreamOrDevice);
using Binary =
    mlx::core::array(const mlx::core::array&, const mlx::core::array&, mlx::core::StreamOrDevice);

inline Arrays listed(mlx::core::array result) {
  return {std::move(result)};
}

inline Arrays listed(Arrays results) {
  return results;
}

inline Arrays listed(std::pair<mlx::core::array, mlx::core::array> results) {
  return {std::move(results.first), std::move(results.second)};
}

class ImportTable {
 public:
  // The operation `name` of `least` to `most` inputs. `f` is called with its operands and its
  // state, whose types are those of the other parameters.
  template <class F>
  void add(const char* name, size_t least, size_t most, F f) {
    insert(name, least, most, +f);
  }

  template <Unary* f>
  void add_unary(const char* name) {
    add(name, 1, 1, [](const Operands& in) { return f(in[0], in.s); });
  }

  template <Binary* f>
  void add_binary(const char* name) {
    add(name, 2, 2, [](const Operands& in) { return f(in[0], in[1], in.s); });
  }

  Operation read(FunctionReader& from, const std::string& name) const;

 private:
  struct Entry {
    size_t least, most;
    std::function<Operation(FunctionReader&)> read;
  };

  template <class Result, class... State>
  void insert(const char* name, size_t least, size_t most, Result (*f)(const Operands&, State...)) {
    auto read = [f](FunctionReader& from) -> Operation {
      // In braces, so that the values are read from left to right.
      std::tuple<State...> state{from.get<State>()...};
      return [f, state](const Operands& in) {
        return listed(std::apply([&](auto&... values) { return f(in, values...); }, state));
      };
    };
    entries_.emplace(name, Entry{least, most, std::move(read)});
  }

  std::unordered_map<std::string, Entry> entries_;
};

// The one of `names` that a number in the file stands for.
template <class... Names>
std::string choose(int index, Names... names) {
  const std::string choices[] = {names...};
  if (index < 0 || static_cast<size_t>(index) >= sizeof...(names)) {
    throw std::invalid_argument("there is no choice " + std::to_string(index));
  }
  return choices[index];
}

// Each is defined in the source of its group.
void add_elementwise(ImportTable& table);
void add_fused_ops(ImportTable& table);
void add_indexing(ImportTable& table);
void add_layout(ImportTable& table);
void add_linear_algebra(ImportTable& table);
void add_reductions(ImportTable& table);

}  // namespace mlx_c
