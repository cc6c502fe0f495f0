// The operations of bench_dispatch.py as calls of MLX's own C++: what is left without Python.

#include <chrono>
#include <iterator>

#include <mlx/mlx.h>

namespace mx = mlx::core;

namespace {

// What the statements of the Python side call by the same names.
struct Operands {
  mx::array a = mx::ones({4, 4});
  mx::array b = mx::ones({4, 4});
  mx::array c = mx::ones({4, 4});
  mx::array row = mx::ones({4});
  mx::array mask = mx::less(a, b);
  mx::array index = mx::array({0, 2});
  mx::array number = mx::array(1.0f);

  Operands() {
    mx::eval(a, b, c, row, mask, index, number);
  }
};

struct Entry {
  const char* name;
  double (*seconds)(int calls);
};

template <class F>
Entry entry(const char* name, F) {
  return {name, [](int calls) {
            Operands o;
            auto start = std::chrono::steady_clock::now();
            for (int i = 0; i < calls; ++i) {
              auto result = F{}(o);
              asm volatile("" : : "r"(&result) : "memory");
            }
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
          }};
}

const Entry entries[] = {
    entry("a + b", [](Operands& o) { return mx::add(o.a, o.b); }),
    entry("a * 2.0", [](Operands& o) { return mx::multiply(o.a, mx::array(2.0f)); }),
    entry("1.0 - a", [](Operands& o) { return mx::subtract(mx::array(1.0f), o.a); }),
    entry("a < b", [](Operands& o) { return mx::less(o.a, o.b); }),
    entry("abs(a)", [](Operands& o) { return mx::abs(o.a); }),
    entry("mx.exp(a)", [](Operands& o) { return mx::exp(o.a); }),
    entry("a @ b", [](Operands& o) { return mx::matmul(o.a, o.b); }),
    entry("mx.reshape(a, (2, 8))", [](Operands& o) { return mx::reshape(o.a, {2, 8}); }),
    entry("a.T", [](Operands& o) { return mx::transpose(o.a); }),
    entry("a[0]", [](Operands& o) { return mx::squeeze(mx::slice(o.a, {0, 0}, {1, 4}), 0); }),
    entry("a[1:3]", [](Operands& o) { return mx::slice(o.a, {1, 0}, {3, 4}); }),
    entry("a[..., None]", [](Operands& o) { return mx::expand_dims(o.a, -1); }),
    entry("a[None]", [](Operands& o) { return mx::expand_dims(o.a, 0); }),
    entry(
        "a[i, j]",
        [](Operands& o) {
          return mx::squeeze(mx::slice(o.a, {1, 2}, {2, 3}), std::vector<int>{0, 1});
        }),
    entry("a[index]", [](Operands& o) { return mx::take(o.a, o.index, 0); }),
    entry(
        "c[0] = row",
        [](Operands& o) { return o.c = mx::slice_update(o.c, o.row, {0, 0}, mx::Shape{1, 4}); }),
    entry("mx.sum(a)", [](Operands& o) { return mx::sum(o.a); }),
    entry("a.sum(axis=-1)", [](Operands& o) { return mx::sum(o.a, -1); }),
    entry("a.astype(mx.float16)", [](Operands& o) { return mx::astype(o.a, mx::float16); }),
    entry("a.astype(mx.float32)", [](Operands& o) { return mx::astype(o.a, mx::float32); }),
    entry("mx.where(mask, a, b)", [](Operands& o) { return mx::where(o.mask, o.a, o.b); }),
    entry("mx.concatenate([a, b])", [](Operands& o) { return mx::concatenate({o.a, o.b}, 0); }),
    entry("mx.zeros((4, 4))", [](Operands&) { return mx::zeros({4, 4}); }),
    entry("mx.arange(4)", [](Operands&) { return mx::arange(4); }),
    entry("mx.arange(0.0, 4.0, 0.5)", [](Operands&) { return mx::arange(0.0, 4.0, 0.5); }),
    entry("mx.array(1.0)", [](Operands&) { return mx::array(1.0f); }),
    entry("mx.array([1, 2, 3])", [](Operands&) { return mx::array({1, 2, 3}); }),
    entry("a.shape", [](Operands& o) { return mx::Shape(o.a.shape()); }),
    entry("number.item()", [](Operands& o) { return o.number.item<float>(); }),
    entry(
        "mx.eval(a + b)",
        [](Operands& o) {
          auto sum = mx::add(o.a, o.b);
          mx::eval(sum);
          return sum;
        }),
};

}  // namespace

extern "C" {

int operation_count() {
  return std::size(entries);
}

const char* operation_name(int index) {
  return entries[index].name;
}

double operation_seconds(int index, int calls) {
  return entries[index].seconds(calls);
}
}
