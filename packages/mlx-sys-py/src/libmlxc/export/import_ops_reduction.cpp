#include <mlx/ops.h>

#include "export/import_table.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

mx::array reduce(const Operands& in, int type, std::vector<int> axes) {
  using Function = mx::array(const mx::array&, const std::vector<int>&, bool, mx::StreamOrDevice);
  static constexpr Function* functions[] = {mx::all, mx::any, mx::sum, mx::prod, mx::min, mx::max};
  choose(type, "and", "or", "sum", "prod", "min", "max");
  return functions[type](in[0], axes, true, in.s);
}

mx::array scan(const Operands& in, int type, int axis, bool reverse, bool inclusive) {
  using Function = mx::array(const mx::array&, int, bool, bool, mx::StreamOrDevice);
  static constexpr Function* functions[] = {
      mx::cummax, mx::cummin, mx::cumsum, mx::cumprod, mx::logcumsumexp};
  choose(type, "max", "min", "sum", "prod", "logaddexp");
  return functions[type](in[0], axis, reverse, inclusive, in.s);
}

}  // namespace

void add_reductions(ImportTable& table) {
  table.add("ArgPartition", 1, 1, [](const Operands& in, int kth, int axis) {
    return mx::argpartition(in[0], kth, axis, in.s);
  });
  table.add("ArgReduce", 1, 1, [](const Operands& in, int type, int axis) {
    return choose(type, "min", "max") == "min" ? mx::argmin(in[0], axis, true, in.s)
                                               : mx::argmax(in[0], axis, true, in.s);
  });
  table.add(
      "ArgSort", 1, 1, [](const Operands& in, int axis) { return mx::argsort(in[0], axis, in.s); });
  table.add("LogSumExp", 1, 1, [](const Operands& in) {
    return mx::logsumexp(in[0], std::vector<int>{-1}, true, in.s);
  });
  table.add("Partition", 1, 1, [](const Operands& in, int kth, int axis) {
    return mx::partition(in[0], kth, axis, in.s);
  });
  table.add("Reduce", 1, 1, reduce);
  table.add("Scan", 1, 1, scan);
  table.add("Softmax", 1, 1, [](const Operands& in, bool precise) {
    return mx::softmax(in[0], std::vector<int>{-1}, precise, in.s);
  });
  table.add("Sort", 1, 1, [](const Operands& in, int axis) { return mx::sort(in[0], axis, in.s); });
}

}  // namespace mlx_c
