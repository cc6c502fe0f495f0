// What GPUs do to waits and to empty arrays, without a GPU. It is linked with the objects of the
// library, since none of this can be brought about through the C interface.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <mlx/mlx.h>

#include "check.h"
#include "core/guard.hpp"
#include "core/thread_state.hpp"
#include "cpu/graph/rewrite.hpp"
#include "runtime/device_graphs.hpp"
#include "runtime/evaluate.hpp"
#include "runtime/interruptible_wait.hpp"

namespace mx = mlx::core;

// --- Waits ---------------------------------------------------------------------------------------

static int go_on() {
  return 0;
}

static int interrupt() {
  return 1;
}

// As an event of CUDA does when a kernel has read out of bounds.
static void fail() {
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  throw std::runtime_error("an illegal memory access was encountered");
}

static void test_errors_end_waits() {
  for (int i = 0; i < 3; ++i) {
    bool failed = false;
    try {
      mlx_c::InterruptibleWait().wait_elsewhere(fail);
    } catch (const std::runtime_error& error) {
      failed = strstr(error.what(), "illegal memory access") != nullptr;
    }
    CHECK(failed);
  }
  int done = 0;
  mlx_c::InterruptibleWait().wait_elsewhere([&] { done = 1; });
  CHECK(done == 1);
}

static void test_an_abandoned_wait_holds_up_no_other() {
  mlx_set_interrupt_check(interrupt);
  auto ends = std::make_shared<std::atomic<bool>>(false);
  bool interrupted = false;
  try {
    mlx_c::InterruptibleWait().wait_elsewhere([ends] { ends->wait(false); });
  } catch (const std::runtime_error&) {
    interrupted = true;
  }
  CHECK(interrupted);
  mlx_set_interrupt_check(go_on);
  mlx_c::InterruptibleWait().wait_elsewhere([] {});
  *ends = true;
  ends->notify_all();
}

static void test_polling() {
  int polls = 0, checks = 0;
  mlx_c::InterruptibleWait().poll([&] { return ++polls == 5; }, [&] { checks++; });
  CHECK(polls == 5 && checks == 0);

  // An event that is never signalled, of a device that has failed.
  bool failed = false;
  try {
    mlx_c::InterruptibleWait().poll([] { return false; }, fail);
  } catch (const std::runtime_error& error) {
    failed = strstr(error.what(), "illegal memory access") != nullptr;
  }
  CHECK(failed);

  mlx_set_interrupt_check(interrupt);
  bool interrupted = false;
  try {
    mlx_c::InterruptibleWait().poll([] { return false; }, [] {});
  } catch (const mlx_c::CallbackError&) {
    interrupted = true;
  }
  CHECK(interrupted);
  mlx_set_interrupt_check(go_on);
}

// --- Graphs --------------------------------------------------------------------------------------

// A node of a GPU that is never evaluated here.
class OnGpu : public mx::Primitive {
 public:
  using Primitive::Primitive;
  void eval_cpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {}
  void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {}
  const char* name() const override {
    return "OnGpu";
  }
};

static const mx::Stream gpu(7, mx::Device::gpu);

static mx::array on_gpu(std::vector<mx::array> inputs) {
  return mx::array({2}, mx::float32, std::make_shared<OnGpu>(gpu), std::move(inputs));
}

static bool are_needed(const mx::array& output, const std::vector<mx::array>& expected) {
  const auto needed = mlx_c::needed_by_the_cpu({output});
  return needed.size() == expected.size() &&
      std::ranges::all_of(needed, [&](const mx::array& array) {
           return std::ranges::any_of(
               expected, [&](const mx::array& other) { return other.id() == array.id(); });
         });
}

static void test_what_the_cpu_needs() {
  const mx::Stream cpu = mlx_c::shared_streams().front();
  const mx::array source = mx::zeros({2}, mx::float32, cpu);
  const mx::array a = on_gpu({source}), b = on_gpu({a}), c = on_gpu({source});
  CHECK(are_needed(source, {}));
  CHECK(are_needed(b, {}));
  const mx::array on_cpu = mx::add(b, c, cpu);
  CHECK(are_needed(on_cpu, {b, c}));
  CHECK(are_needed(mx::exp(on_cpu, cpu), {b, c}));
  CHECK(are_needed(mx::add(b, b, cpu), {b}));
  // The first of those that depend on one another.
  CHECK(are_needed(mx::exp(on_gpu({on_gpu({on_cpu})}), cpu), {b, c}));
  CHECK(are_needed(mx::add(on_gpu({mx::exp(a, cpu)}), b, cpu), {a, b}));
  // What is there is not waited for.
  mx::array there = mx::array({1.0f, 2.0f});
  CHECK(are_needed(mx::exp(there, cpu), {}));
  // A plan tells whether there is anything to look for.
  CHECK(mlx_c::cpu::rewrite_graph({b}, cpu).uses_devices);
  CHECK(!mlx_c::cpu::rewrite_graph({source}, cpu).uses_devices);
  // As deep as one likes.
  mx::array deep = a;
  for (int i = 0; i < 200'000; ++i) {
    deep = mx::negative(deep, cpu);
  }
  CHECK(are_needed(deep, {a}));
}

struct Stopped {};

// The pieces are scheduled by MLX, whichever device their streams belong to.
static void test_pieces() {
  const mx::Stream streams[] = {mlx_c::shared_streams().front(), mx::new_stream(mx::Device::cpu)};
  // Three of them make the identity.
  const mx::array turn({0.0f, 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 1.0f, 0.0f, 0.0f}, {3, 3});
  auto graph = [&] {
    mx::array product = turn;
    for (int i = 0; i < 3100; ++i) {
      product = mx::matmul(product, turn, streams[i % 50 == 0]);
    }
    return product;
  };
  auto schedule = [&](const mx::array& product, int most) {
    auto lock = mlx_c::lock_evaluation();
    const std::vector<mx::array> outputs{product};
    const auto plan = mlx_c::cpu::rewrite_graph(outputs, streams[0]);
    CHECK(plan.nodes.size() >= 3100);
    int pieces = 1;
    mlx_c::schedule_in_pieces(plan, [&](std::deque<mx::Event>& events) {
      CHECK(!events.empty());
      CHECK(!mlx_c::is_backlog({}));
      while (mlx_c::is_backlog(events)) {
        mlx_c::InterruptibleWait().wait(events.front());
        events.pop_front();
      }
      if (++pieces > most) {
        throw Stopped();
      }
    });
    return pieces;
  };
  // The power of 3101, which is one less than a multiple of three.
  auto check = [&](const mx::array& product) {
    const mx::array equal = mx::array_equal(product, mx::matmul(turn, turn));
    mlx_c::evaluate({equal}, true);
    CHECK(*equal.data<bool>());
  };
  const mx::array whole = graph();
  CHECK(schedule(whole, 100) > 2);
  check(whole);
  // What is stopped in the middle goes on when it is evaluated again.
  const mx::array stopped = graph();
  bool threw = false;
  try {
    schedule(stopped, 2);
  } catch (const Stopped&) {
    threw = true;
  }
  CHECK(threw && stopped.status() == mx::array::Status::unscheduled);
  check(stopped);
}

// --- Threads -------------------------------------------------------------------------------------

static void test_threads_that_last() {
  CHECK(mlx_c::is_lasting_thread());
#ifdef __linux__
  std::thread([] {
    CHECK(!mlx_c::is_lasting_thread());
    {
      mlx_c::LastingThread lasting;
      CHECK(mlx_c::is_lasting_thread());
    }
    CHECK(!mlx_c::is_lasting_thread());
  }).join();
#endif
}

static void test_the_owner_of_the_lock() {
  mlx_c::EvaluationMutex mutex;
  CHECK(!mutex.is_mine());
  mutex.lock();
  CHECK(mutex.try_lock() && mutex.is_mine());
  std::thread([&] { CHECK(!mutex.is_mine() && !mutex.try_lock() && !mutex.is_mine()); }).join();
  mutex.unlock();
  CHECK(mutex.is_mine());
  mutex.unlock();
  CHECK(!mutex.is_mine());
}

// --- Empty arrays
// ----------------------------------------------------------------------------------

// An empty array as a kernel of a GPU leaves it: available, without a buffer.
static mlx_array without_buffer(mx::Shape shape) {
  mx::array array(std::move(shape), mx::float32, nullptr, {});
  array.set_status(mx::array::Status::available);
  CHECK(!array.data_shared_ptr());
  return {new mx::array(array)};
}

static void check_empty(mlx_array arr) {
  CHECK_OK(mlx_array_eval(arr));
  CHECK(mlx_array_size(arr) == 0);
  CHECK(mlx_array_data_float32(arr));
  mlx_array_free(arr);
}

static void test_data() {
  mlx_array arr = without_buffer({0, 3});
  CHECK(mlx_array_data_float32(arr));
  CHECK(mlx_array_data_uint8(arr));
  float value;
  CHECK_FAILS(mlx_array_item_float32(&value, arr), MLX_ERROR_INVALID_ARGUMENT, "0 items");
  mlx_string text = mlx_string_new();
  CHECK_OK(mlx_array_tostring(&text, arr));
  mlx_string_free(text);
  check_empty(arr);
  // What should have data and has none is an error.
  arr = without_buffer({2, 3});
  CHECK(!mlx_array_data_float32(arr));
  CHECK(strstr(mlx_last_error_message(), "no data"));
  mlx_array_free(arr);
}

static void test_ops() {
  const mlx_stream s = default_stream;
  mlx_array arr = without_buffer({0, 3}), res = mlx_array_new();
  CHECK_OK(mlx_exp(&res, arr, s));
  check_empty(res);
  res = mlx_array_new();
  CHECK_OK(mlx_transpose(&res, arr, s));
  check_empty(res);
  const int shape[] = {3, 0};
  res = mlx_array_new();
  CHECK_OK(mlx_reshape(&res, arr, shape, 2, s));
  check_empty(res);
  res = mlx_array_new();
  mlx_array factor = without_buffer({3, 0});
  CHECK_OK(mlx_matmul(&res, arr, factor, s));
  mlx_array_free(factor);
  check_empty(res);
  res = mlx_array_new();
  CHECK_OK(mlx_sum(&res, arr, false, s));
  CHECK_OK(mlx_array_eval(res));
  CHECK(*mlx_array_data_float32(res) == 0);
  mlx_array_free(res);
  mlx_array_free(arr);
}

static void test_files() {
  mlx_array arr = without_buffer({0, 3}), read = mlx_array_new();
  CHECK_OK(mlx_save("empty_array.npy", arr));
  CHECK_OK(mlx_load(&read, "empty_array.npy", default_stream));
  check_empty(read);
  mlx_map_string_to_array map = mlx_map_string_to_array_new();
  CHECK_OK(mlx_map_string_to_array_insert(map, "a", arr));
  mlx_map_string_to_string metadata = mlx_map_string_to_string_new();
  CHECK_OK(mlx_save_safetensors("empty_array.safetensors", map, metadata));
  mlx_map_string_to_string_free(metadata);
  mlx_map_string_to_array_free(map);
  mlx_array_free(arr);
}

// A node of a GPU is not evaluated here: its kernel is.
static void test_a_gpu_gives_a_buffer() {
  for (int count : {0, 2}) {
    mx::array node({count}, mx::float32, std::make_shared<OnGpu>(gpu), {});
    mlx_c::cpu::rewrite_graph({node}, gpu);
    std::vector<mx::array> outputs{node};
    node.primitive().eval_gpu({}, outputs);
    CHECK((node.data_shared_ptr() != nullptr) == (count == 0));
    CHECK(strcmp(node.primitive().name(), "OnGpu") == 0);
  }
}

int main() {
  mlx_set_interrupt_check(go_on);
  test_errors_end_waits();
  test_an_abandoned_wait_holds_up_no_other();
  test_polling();
  test_what_the_cpu_needs();
  test_pieces();
  test_threads_that_last();
  test_the_owner_of_the_lock();
  test_data();
  test_ops();
  test_files();
  test_a_gpu_gives_a_buffer();
  return 0;
}
