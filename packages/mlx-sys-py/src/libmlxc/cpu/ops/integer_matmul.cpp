#include "cpu/ops/integer_matmul.hpp"

#include <algorithm>
#include <memory>

#include <mlx/ops.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/matrix_stack.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/linear_algebra/batched.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Rows of a task: packing a panel is to cost little beside multiplying with it.
constexpr int rows_of_task = 64;

struct IntegerProducts {
  const Kernels* table;
  IntegerGemm like;
  int count;
  std::shared_ptr<Stack> a, b;
  char* y;

  void operator()() const {
    a->arrange();
    b->arrange();
    const int width = table->integer_gemm.panel_width(like.type);
    const int panels = (like.n + width - 1) / width;
    const int blocks = (like.m + rows_of_task - 1) / rows_of_task;
    const std::size_t size = static_cast<std::size_t>(item_size(like.type)) * like.m * like.n;
    parallel_for(count * panels * blocks, [&](int task) {
      const int item = task / (panels * blocks), panel = task / blocks % panels,
                block = task % blocks;
      IntegerGemm p = like;
      p.a = (*a)[item];
      p.b = (*b)[item];
      p.y = y + item * size;
      table->integer_gemm.multiply(
          p,
          {block * rows_of_task, std::min(p.m, (block + 1) * rows_of_task)},
          {panel * width, std::min(p.n, (panel + 1) * width)},
          scratch<struct Panel>(table->integer_gemm.scratch_size(p)));
    });
  }
};

class IntegerMatmul : public Batched {
 public:
  explicit IntegerMatmul(mx::Stream stream)
      : Batched(stream, [stream](const std::vector<array>& inputs) {
          return std::vector<array>{integer_matmul(inputs[0], inputs[1], stream)};
        }) {}

  // Integers do not change by little.
  std::vector<array> vjp(
      const std::vector<array>& primals,
      const std::vector<array>&,
      const std::vector<int>& argnums,
      const std::vector<array>&) override {
    std::vector<array> results;
    for (int argnum : argnums) {
      results.push_back(mx::zeros_like(primals[argnum], stream()));
    }
    return results;
  }

  std::vector<array> jvp(
      const std::vector<array>& primals,
      const std::vector<array>&,
      const std::vector<int>&) override {
    return {mx::zeros(output_shapes(primals)[0], primals[0].dtype(), stream())};
  }

  std::vector<mx::Shape> output_shapes(const std::vector<array>& inputs) override {
    const array &a = inputs[0], &b = inputs[1];
    require(
        a.ndim() == b.ndim() && batch_shape(a) == batch_shape(b) && a.shape(-1) == b.shape(-2),
        "matmul",
        inputs);
    return {with_matrix(batch_shape(a), a.shape(-2), b.shape(-1))};
  }

  bool is_equivalent(const mx::Primitive&) const override {
    return true;
  }

  const char* name() const override {
    return "IntegerMatmul";
  }

 protected:
  void compute(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    allocate_for(y);
    if (y.size() == 0) {
      return;
    }
    const int m = inputs[0].shape(-2), n = inputs[1].shape(-1), k = inputs[0].shape(-1);
    dispatch(
        stream(),
        IntegerProducts{
            kernels(),
            {element_type(y.dtype()), m, n, k, nullptr, nullptr, nullptr},
            static_cast<int>(y.size() / m / n),
            std::make_shared<Stack>(inputs[0]),
            std::make_shared<Stack>(inputs[1]),
            y.data<char>()});
  }
};

}  // namespace

}  // namespace mlx_c::cpu

namespace mlx_c {

namespace mx = mlx::core;

mx::array integer_matmul(const mx::array& a, const mx::array& b, mx::StreamOrDevice s) {
  const mx::Shape shape = cpu::with_matrix(cpu::batch_shape(a), a.shape(-2), b.shape(-1));
  if (!cpu::can_fuse(s)) {
    // MLX has no such kernel on any device.
    const auto products = mx::multiply(mx::expand_dims(a, -1, s), mx::expand_dims(b, -3, s), s);
    return mx::astype(mx::sum(products, -2, false, s), a.dtype(), s);
  }
  return mx::array(
      shape, a.dtype(), std::make_shared<cpu::IntegerMatmul>(mx::to_stream(s)), {a, b});
}

}  // namespace mlx_c
