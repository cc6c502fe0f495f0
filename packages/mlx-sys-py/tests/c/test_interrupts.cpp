// What an interrupt leaves: the work stops, and what was not done is done when it is asked for.
//
// The interrupt check says to stop when it is polled for the first time, long before the work that
// each test waits for could be done.
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <mlx/mlx.h>

#include "check.h"
#include "core/thread_state.hpp"
#include "runtime/evaluate.hpp"

namespace mx = mlx::core;
using mx::array;
using Arrays = std::vector<array>;

static std::thread::id interrupted_thread;
static std::atomic<int> polls_left = 0;

// Interrupts one thread, once.
static int interrupt() {
  return std::this_thread::get_id() == interrupted_thread && --polls_left == 0;
}

static bool is_interrupted(const std::function<void()>& wait, int polls = 1) {
  interrupted_thread = std::this_thread::get_id();
  polls_left = polls;
  bool result = false;
  try {
    wait();
  } catch (const mlx_c::CallbackError&) {
    result = true;
  }
  polls_left = 0;
  return result;
}

static bool is_interrupted(const Arrays& outputs, int polls = 1) {
  return is_interrupted([&] { mlx_c::evaluate(outputs, true); }, polls);
}

// Lets everything end that goes on.
static void finish_work() {
  CHECK_OK(mlx_synchronize(default_stream));
}

static bool is_unfinished(const Arrays& outputs) {
  for (const array& output : outputs) {
    if (!mlx_c::is_available(output)) {
      return true;
    }
  }
  return false;
}

static void check_same(const Arrays& some, const Arrays& expected) {
  CHECK(some.size() == expected.size());
  for (size_t i = 0; i < some.size(); ++i) {
    array same = mx::array_equal(some[i], expected[i], true);
    mlx_c::evaluate({same}, true);
    CHECK(*same.data<bool>());
  }
}

struct Kind {
  const char* name;
  Arrays inputs;
  std::function<Arrays(const Arrays&)> function;
};

static array normal(const mx::Shape& shape, mx::Dtype dtype = mx::float32) {
  return mx::random::normal(shape, dtype, 0, 1, mx::random::key(7));
}

static array repeated(array x, int count, const std::function<array(const array&)>& f) {
  for (int i = 0; i < count; ++i) {
    x = f(x);
  }
  return x;
}

static std::vector<Kind> kinds() {
  const mx::Dtype half = mx::bfloat16;
  const auto attend = [](const Arrays& x) {
    return Arrays{mx::fast::scaled_dot_product_attention(x[0], x[0], x[0], 0.1f)};
  };
  const auto product = [](const Arrays& x) { return Arrays{mx::matmul(x[0], x[1])}; };
  const auto quantized = [](const Arrays& x) {
    return Arrays{mx::quantized_matmul(x[0], x[1], x[2], x[3])};
  };
  const auto with_weights = [](const array& x, const array& w) {
    Arrays result{x};
    for (const array& part : mx::quantize(w)) {
      result.push_back(part);
    }
    return result;
  };
  return {
      {"one product", {normal({4000, 4000}), normal({4000, 4000})}, product},
      {"one product of halves", {normal({4000, 4000}, half), normal({4000, 4000}, half)}, product},
      {"a batch of products", {normal({400, 400, 400}), normal({400, 400, 400})}, product},
      {"products in turn",
       {mx::divide(normal({700, 700}), array(30.0f))},
       [](const Arrays& x) {
         return Arrays{repeated(x[0], 300, [&](const array& y) { return mx::matmul(y, x[0]); })};
       }},
      {"a convolution",
       {normal({8, 96, 96, 96}), normal({96, 3, 3, 96})},
       [](const Arrays& x) { return Arrays{mx::conv2d(x[0], x[1], {1, 1}, {1, 1})}; }},
      {"a convolution with weights in another order",
       {normal({8, 96, 96, 96}), mx::transpose(normal({3, 3, 96, 96}), {2, 0, 1, 3})},
       [](const Arrays& x) { return Arrays{mx::conv2d(x[0], x[1], {1, 1}, {1, 1})}; }},
      {"attention", {normal({1, 8, 8000, 64})}, attend},
      {"attention of halves", {normal({1, 8, 8000, 64}, half)}, attend},
      {"the gradient of attention",
       {normal({1, 8, 3000, 64})},
       [](const Arrays& x) {
         const auto f = [](const array& q) {
           return mx::sum(mx::fast::scaled_dot_product_attention(q, q, q, 0.1f));
         };
         return Arrays{mx::grad(f)(x[0])};
       }},
      {"a quantized product", with_weights(normal({1500, 4096}), normal({4096, 4096})), quantized},
      {"a quantized product of halves",
       with_weights(normal({3000, 4096}, half), normal({4096, 4096}, half)),
       quantized},
      {"quantized products that share an input",
       with_weights(normal({2000, 2048}, half), normal({2048, 2048}, half)),
       [&](const Arrays& x) {
         Arrays result;
         for (int i = 0; i < 6; ++i) {
           result.push_back(mx::quantized_matmul(x[0], x[1], x[2], x[3]));
         }
         return result;
       }},
      {"sorts",
       {normal({12'000'000})},
       [](const Arrays& x) {
         return Arrays{mx::sort(mx::negative(mx::sort(x[0]))), mx::argsort(x[0])};
       }},
      {"sorts of rows",
       {normal({4000, 2000})},
       [](const Arrays& x) {
         return Arrays{mx::sort(x[0], 0), mx::argsort(x[0], 0), mx::partition(x[0], 900, 1)};
       }},
      {"scans",
       {normal({40'000'000})},
       [](const Arrays& x) {
         return Arrays{mx::cumsum(mx::logcumsumexp(mx::cummax(mx::cumsum(x[0], 0), 0), 0), 0)};
       }},
      {"steps that overwrite their inputs",
       {normal({30'000'000})},
       [](const Arrays& x) {
         const array y = repeated(mx::sin(x[0]), 70, [](const array& y) {
           return mx::sin(mx::multiply(y, array(1.5f)));
         });
         return Arrays{y, mx::sum(y)};
       }},
      {"a long chain of small steps",
       {normal({50})},
       [](const Arrays& x) {
         return Arrays{repeated(x[0], 100'000, [&](const array& y) {
           return mx::cumsum(mx::multiply(y, array(0.1f)), 0);
         })};
       }},
      {"scatter",
       {normal({1000}),
        mx::random::randint(array(0), array(1000), {20'000'000}, mx::int32, mx::random::key(3)),
        normal({20'000'000, 1})},
       [](const Arrays& x) {
         const array y = mx::scatter_add(x[0], x[1], x[2], 0);
         // In place, behind a copy.
         return Arrays{mx::scatter_add(y, x[1], x[2], 0), y};
       }},
      {"updates of slices",
       {normal({30'000'000})},
       [](const Arrays& x) {
         return Arrays{repeated(mx::exp(x[0]), 40, [](const array& y) {
           const array part = mx::sin(mx::slice(y, {0}, {20'000'000}));
           return mx::slice_update(y, part, mx::Shape{5'000'000}, mx::Shape{25'000'000});
         })};
       }},
      {"views of what is not done",
       {normal({3000, 3000})},
       [](const Arrays& x) {
         const array y = mx::matmul(x[0], x[0]);
         const auto parts = mx::split(y, 2, 1);
         return Arrays{
             mx::transpose(y),
             mx::slice(y, {1, 1}, {5, 9}),
             mx::reshape(y, {9'000'000}),
             parts[1],
             mx::add(parts[0], parts[1])};
       }},
      {"several results of a node",
       {mx::random::randint(array(1), array(99), {30'000'000}, mx::int32, mx::random::key(3))},
       [](const Arrays& x) {
         Arrays result = mx::divmod(mx::sort(x[0]), array(7));
         return Arrays{repeated(result[0], 10, [&](const array& y) {
           return mx::divmod(mx::add(y, array(50)), array(3))[1];
         })};
       }},
      {"random numbers",
       {array(1)},
       [](const Arrays&) {
         return Arrays{mx::sum(normal({60'000'000})), mx::sum(normal({50'000'000}))};
       }},
      {"a kernel of MLX behind long work",
       {normal({3500, 3500})},
       [](const Arrays& x) {
         const array y = mx::matmul(x[0], x[0]);
         return Arrays{mx::linalg::svd(mx::slice(y, {0, 0}, {30, 30}), false, mx::Device::cpu)[0]};
       }},
  };
}

static void test_kinds() {
  for (const Kind& kind : kinds()) {
    fprintf(stderr, "%s\n", kind.name);
    mlx_c::evaluate(kind.inputs, true);
    const Arrays results = kind.function(kind.inputs);
    CHECK(is_interrupted(results));
    // Without an interrupt all would be available then.
    finish_work();
    CHECK(is_unfinished(results));
    // And once more in the middle of what is left.
    is_interrupted(results, 3);
    mlx_c::evaluate(results, true);
    check_same(results, kind.function(kind.inputs));
    mx::clear_cache();
  }
}

static array long_work() {
  return repeated(normal({1500, 1500}), 40, [](const array& x) {
    return mx::multiply(mx::matmul(x, x), array(1e-3f));
  });
}

static void test_interrupted_again_and_again() {
  const array x = long_work();
  int interrupts = 0;
  while (is_interrupted({x}, 4)) {
    ++interrupts;
  }
  CHECK(interrupts > 1);
  check_same({x}, {long_work()});
}

static void test_scheduled_before() {
  const array x = long_work(), y = mx::sum(x), z = mx::transpose(x);
  mlx_c::evaluate({x, z}, false);
  CHECK(is_interrupted({y}));
  finish_work();
  CHECK(is_unfinished({x}) && is_unfinished({y}) && is_unfinished({z}));
  const array fresh = long_work();
  check_same({mx::sum(z)}, {mx::sum(mx::transpose(fresh))});
  check_same({y, x}, {mx::sum(fresh), fresh});
}

static void test_synchronize() {
  const array x = long_work();
  mlx_c::evaluate({x}, false);
  interrupted_thread = std::this_thread::get_id();
  polls_left = 1;
  CHECK_FAILS(mlx_synchronize(default_stream), MLX_ERROR_CALLBACK, "interrupted");
  finish_work();
  CHECK(is_unfinished({x}));
  check_same({x}, {long_work()});
}

static void test_writing_a_file() {
  const char* name = "interrupted.npy";
  const array x = mx::full({300'000'000}, 1.0f);
  mlx_c::evaluate({x}, true);
  mlx_array handle = {new array(x)};
  remove(name);
  interrupted_thread = std::this_thread::get_id();
  polls_left = 1;
  CHECK_FAILS(mlx_save(name, handle), MLX_ERROR_CALLBACK, "interrupted");
  FILE* file = fopen(name, "r");
  CHECK(!file);
  mlx_array_free(handle);
}

static void test_memory_is_freed() {
  finish_work();
  const size_t before = mx::get_active_memory();
  {
    const array x = long_work();
    CHECK(is_interrupted({x}));
    finish_work();
  }
  CHECK(mx::get_active_memory() == before);
}

static void test_other_threads_go_on() {
  const array shared = long_work();
  mlx_c::evaluate({shared}, false);
  const array mine = mx::add(shared, array(1.0f)), theirs = mx::subtract(shared, array(1.0f));
  const array own = mx::add(long_work(), array(2.0f));
  std::atomic<int> begun = 0;
  const auto wait = [&](const array& x) {
    mlx_c::ensure_thread();
    ++begun;
    mlx_c::evaluate({x}, true);
    CHECK(!is_unfinished({x}));
  };
  std::thread dependent(wait, theirs), independent(wait, own);
  while (begun < 2) {
    std::this_thread::yield();
  }
  CHECK(is_interrupted({mine}));
  dependent.join();
  independent.join();
  const array fresh = long_work();
  check_same(
      {theirs, own, mine},
      {mx::subtract(fresh, array(1.0f)), mx::add(fresh, array(2.0f)), mx::add(fresh, array(1.0f))});
}

static void test_errors_come_out_later() {
  const array x = mx::add(long_work(), array(0.0f));
  const array index = mx::astype(mx::add(mx::sum(mx::isnan(x)), array(5000)), mx::int32);
  const array wrong = mx::take(x, index, 0), right = mx::add(x, array(1.0f));
  CHECK(is_interrupted({right, wrong}));
  finish_work();
  for (int i = 0; i < 2; ++i) {
    bool failed = false;
    try {
      mlx_c::evaluate({wrong}, true);
    } catch (const std::out_of_range&) {
      failed = true;
    }
    CHECK(failed);
  }
  check_same({right}, {mx::add(long_work(), array(1.0f))});
}

int main() {
  mlx_c::ensure_thread();
  mlx_set_interrupt_check(interrupt);
  test_synchronize();
  test_writing_a_file();
  test_scheduled_before();
  test_interrupted_again_and_again();
  test_memory_is_freed();
  test_other_threads_go_on();
  test_errors_come_out_later();
  test_kinds();
  return 0;
}
