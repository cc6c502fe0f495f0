#include "export/import_ops.hpp"

#include <stdexcept>

#include <mlx/ops.h>
#include <mlx/random.h>

#include "export/import_table.hpp"

namespace mlx_c {

namespace {

void add_sources(ImportTable& table) {
  table.add("Arange", 0, 0, [](const Operands& in, double start, double stop, double step) {
    return mlx::core::arange(start, stop, step, in.outputs.at(0).dtype, in.s);
  });
  table.add("RandomBits", 1, 1, [](const Operands& in, mlx::core::Shape shape, int width) {
    return mlx::core::random::bits(shape, width, in[0], in.s);
  });
}

const ImportTable& table() {
  static const auto& table = *new ImportTable([] {
    ImportTable result;
    add_elementwise(result);
    add_fused_ops(result);
    add_indexing(result);
    add_layout(result);
    add_linear_algebra(result);
    add_reductions(result);
    add_sources(result);
    return result;
  }());
  return table;
}

}  // namespace

Operation ImportTable::read(FunctionReader& from, const std::string& name) const {
  auto found = entries_.find(name);
  if (found == entries_.end()) {
    from.fail("has the operation " + name.substr(0, 100) + ", which cannot be loaded");
  }
  auto& [least, most, read] = found->second;
  return [least, most, f = read(from)](const Operands& in) {
    if (in.inputs.size() < least || in.inputs.size() > most) {
      throw std::invalid_argument(
          "an operation does not take " + std::to_string(in.inputs.size()) + " inputs");
    }
    return f(in);
  };
}

Operation read_operation(FunctionReader& from, const std::string& name) {
  return table().read(from, name);
}

}  // namespace mlx_c
