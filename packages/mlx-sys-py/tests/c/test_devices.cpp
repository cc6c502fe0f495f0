// What GPUs do to waits and to empty arrays, without a GPU. It is linked with the objects of the
// library, since none of this can be brought about through the C interface.
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <mlx/mlx.h>

#include "check.h"
#include "cpu/graph/rewrite.hpp"
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
  const mx::Stream gpu(7, mx::Device::gpu);
  class OnGpu : public mx::Primitive {
   public:
    using Primitive::Primitive;
    void eval_cpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {}
    void eval_gpu(const std::vector<mx::array>&, std::vector<mx::array>&) override {}
    const char* name() const override {
      return "OnGpu";
    }
  };
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
  test_data();
  test_ops();
  test_files();
  test_a_gpu_gives_a_buffer();
  return 0;
}
