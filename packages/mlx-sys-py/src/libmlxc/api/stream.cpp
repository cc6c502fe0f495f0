#include "mlx/c/stream.h"

#include <sstream>

#include <mlx/ops.h>

#include "core/guard.hpp"
#include "core/handle.hpp"
#include "runtime/evaluate.hpp"
#include "runtime/interruptible_wait.hpp"

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

// The stream of this thread behind a handle.
mx::Stream resolve(mlx_stream stream) {
  return mx::to_stream(get_stream(stream));
}

template <class F>
mlx_stream new_stream(mlx_device dev, F create) {
  return guard_or(mlx_stream{}, [&] {
    ensure_thread();
    return make<mlx_stream>(create(get_available(dev, "dev")));
  });
}

mlx_stream new_default(mx::Device device) {
  return guard_or(mlx_stream{}, [&] {
    ensure_thread();
    return make<mlx_stream>(mx::default_stream(device));
  });
}

}  // namespace

mlx_stream mlx_stream_new(void) {
  return {};
}

mlx_stream mlx_stream_new_device(mlx_device dev) {
  return new_stream(dev, mx::new_stream);
}

mlx_stream mlx_stream_new_thread_unsafe(mlx_device dev) {
  return new_stream(dev, mx::new_thread_unsafe_stream);
}

mlx_stream mlx_stream_new_thread_local(mlx_device dev) {
  return new_stream(dev, mx::new_thread_local_stream);
}

int mlx_stream_set(mlx_stream* stream, const mlx_stream src) {
  return guard([&] { set(stream, get(src, "src")); });
}

int mlx_stream_free(mlx_stream stream) {
  return guard([&] { release(stream); });
}

int mlx_stream_tostring(mlx_string* str, mlx_stream stream) {
  return guard([&] {
    std::ostringstream text;
    text << resolve(stream);
    set(str, text.str());
  });
}

bool mlx_stream_equal(mlx_stream lhs, mlx_stream rhs) {
  return guard_or(false, [&] { return get(lhs, "lhs") == get(rhs, "rhs"); });
}

int mlx_stream_get_device(mlx_device* dev, mlx_stream stream) {
  return guard([&] { set(dev, resolve(stream).device); });
}

int mlx_stream_get_index(int* index, mlx_stream stream) {
  return guard([&] { *not_null(index, "index") = resolve(stream).index; });
}

int mlx_synchronize(mlx_stream stream) {
  return guard([&] {
    const auto resolved = resolve(stream);
    if (resolved.device != mx::Device::cpu) {
      // Comes after everything else on the stream: unlike MLX's own, this wait can be interrupted.
      evaluate({mx::zeros({1}, mx::bool_, resolved)}, true);
      // MLX's hands over what the stream collects, which others may be adding to.
      auto lock = lock_evaluation();
      mx::synchronize(resolved);
      return;
    }
    stop_if_interrupted([&] { InterruptibleWait().wait(resolved); });
  });
}

int mlx_synchronize_all(void) {
  return guard([] {
    InterruptibleWait user;
    for (auto& stream : mx::get_streams()) {
      try {
        user.wait(stream);
      } catch (const CallbackError&) {
        throw;
      } catch (const std::exception&) {
        // The stream's thread has ended, or its work has failed: there is nothing to wait for.
      }
    }
  });
}

void mlx_stop_other_threads(void) {
  stop_other_threads();
}

int mlx_get_default_stream(mlx_stream* stream, mlx_device dev) {
  return guard([&] {
    ensure_thread();
    set(stream, mx::default_stream(get_available(dev, "dev")));
  });
}

int mlx_set_default_stream(mlx_stream stream) {
  return guard([&] { mx::set_default_stream(resolve(stream)); });
}

mlx_stream mlx_default_cpu_stream_new(void) {
  return new_default(mx::Device::cpu);
}

mlx_stream mlx_default_gpu_stream_new(void) {
  return new_default(mx::Device::gpu);
}

int mlx_clear_streams(void) {
  return guard([] {
    mx::clear_streams();
    // The thread's default streams may have been among them.
    use_shared_streams();
  });
}

void mlx_set_interrupt_check(mlx_interrupt_check_func check) {
  set_interrupt_check(check);
}
