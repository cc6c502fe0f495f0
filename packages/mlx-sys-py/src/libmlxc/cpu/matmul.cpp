// Products of matrices of floats, alone and added to a third.
#include <algorithm>
#include <optional>

#include "batch.hpp"
#include "blas.hpp"
#include "delegate.hpp"
#include "kernels.hpp"
#include "mlx/allocator.h"
#include "pool.hpp"
#include "steps.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Multiplications below which other threads would cost more than they bring.
constexpr double worth_threads = 1 << 17;
// The least rows or columns that are worth a call of BLAS of their own.
constexpr int min_slice = 32;

int pieces(int size, int piece) {
  return (size + piece - 1) / piece;
}

struct Product {
  int batch, m, n, k;
  float alpha, beta;
};

bool has_vector(const Product& p) {
  return p.m == 1 || p.n == 1;
}

// One item of the batch with one row or one column, which `range` is a part of.
void multiply_vector(
    const Kernels& kernels, const Product& p, Matrix a, Matrix b, Range range, float* y) {
  Matrix vector = a, matrix = b;
  if (p.m != 1) {
    vector = {b.data, b.column, b.row};
    matrix = {a.data, a.column, a.row};
  }
  std::optional<Buffer<float>> memory;
  const float* x = vector.data;
  if (vector.column != 1 && p.k > 1) {
    memory.emplace(p.k);
    for (int i = 0; i < p.k; i++) memory->data()[i] = x[i * vector.column];
    x = memory->data();
  }
  kernels.row_times_matrix(x, matrix, p.k, range, p.alpha, p.beta, y);
}

// Rows, or columns, `range` of one item.
void multiply_slice(const Product& p, Matrix a, Matrix b, bool by_rows, Range range, float* y) {
  int m = p.m, n = p.n;
  if (by_rows) {
    m = range.end - range.begin;
    a.data += range.begin * a.row;
    y += static_cast<std::ptrdiff_t>(range.begin) * p.n;
  } else {
    n = range.end - range.begin;
    b.data += range.begin * b.column;
    y += range.begin;
  }
  gemm(a, b, m, n, p.k, p.alpha, p.beta, y, p.n);
}

void multiply(const Kernels& kernels, const Product& p, const Batch& a, const Batch& b, float* y) {
  const bool by_rows = p.m >= p.n;
  const int extent = std::max(p.m, p.n);
  const double work = static_cast<double>(p.batch) * p.m * p.n * p.k;
  const int wanted = work < worth_threads ? 1 : pieces(4 * thread_count(), p.batch);
  const int slice = std::max(min_slice, pieces(pieces(extent, wanted), min_slice) * min_slice);
  const int slices = pieces(extent, slice);
  auto task = [&](int index) {
    const int item = index / slices, begin = index % slices * slice;
    const Range range{begin, std::min(begin + slice, extent)};
    float* target = y + static_cast<std::ptrdiff_t>(item) * p.m * p.n;
    if (has_vector(p)) {
      multiply_vector(kernels, p, a[item], b[item], range, target);
    } else {
      multiply_slice(p, a[item], b[item], by_rows, range, target);
    }
  };
  const int tasks = p.batch * slices;
  if (work < worth_threads) {
    for (int i = 0; i < tasks; i++) task(i);
  } else {
    parallel_for(tasks, task);
  }
}

void run(
    const Kernels& kernels,
    const Product& p,
    const View& a,
    const View& b,
    const std::optional<View>& c,
    void* y,
    Float y_type) {
  const std::size_t size = static_cast<std::size_t>(p.batch) * p.m * p.n;
  Buffer<float> memory(y_type == Float::f32 ? 0 : size);
  float* result = y_type == Float::f32 ? static_cast<float*>(y) : memory.data();
  if (c) c->copy_to(kernels, result);
  multiply(kernels, p, Batch(kernels, a), Batch(kernels, b), result);
  if (y_type != Float::f32) kernels.narrow(result, y, y_type, size);
}

class Gemm : public Delegate {
 public:
  Gemm(std::shared_ptr<mlx::core::Primitive> original, float alpha, float beta)
      : Delegate(std::move(original)), alpha_(alpha), beta_(beta) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    array& y = outputs[0];
    const array &a = inputs[0], &b = inputs[1];
    Product p{};
    p.m = a.shape(-2);
    p.n = b.shape(-1);
    p.k = a.shape(-1);
    p.alpha = alpha_;
    p.beta = beta_;
    if (y.size() == 0 || p.k == 0 || (!has_vector(p) && !has_blas()))
      return original_->eval_cpu(inputs, outputs);
    p.batch = static_cast<int>(y.size() / p.m / p.n);
    y.set_data(mlx::core::allocator::malloc(y.nbytes()));
    std::optional<View> c;
    if (inputs.size() == 3) c.emplace(inputs[2]);
    dispatch(
        stream(),
        [table = kernels(),
         p,
         a = View(a),
         b = View(b),
         c = std::move(c),
         data = y.data<void>(),
         type = *float_type(y.dtype())] { run(*table, p, a, b, c, data, type); });
  }

 private:
  const float alpha_, beta_;
};

bool has_kernel(const array& node) {
  const auto& inputs = node.inputs();
  return kernels() && float_type(node.dtype()) &&
      std::all_of(inputs.begin(), inputs.end(), [](auto& input) {
           return float_type(input.dtype()).has_value();
         });
}

}  // namespace

std::shared_ptr<Delegate> matmul(array& node) {
  if (!has_kernel(node)) return nullptr;
  return std::make_shared<Gemm>(node.primitive_ptr(), 1.0f, 0.0f);
}

std::shared_ptr<Delegate> addmm(array& node) {
  if (!has_kernel(node)) return nullptr;
  const auto [alpha, beta] = static_cast<mlx::core::AddMM&>(node.primitive()).state();
  return std::make_shared<Gemm>(node.primitive_ptr(), alpha, beta);
}

}  // namespace mlx_c::cpu
