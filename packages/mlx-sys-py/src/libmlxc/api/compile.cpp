#include "mlx/c/compile.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <mlx/compile.h>
#include <mlx/compile_impl.h>
#include <mlx/device.h>
#include <mlx/primitives.h>

#include "core/convert.hpp"
#include "core/equal_nodes.hpp"
#include "core/guard.hpp"
#include "core/input_shapes.hpp"
#include "core/shapeless_recording.hpp"
#include "core/shared_function.hpp"
#include "core/tape.hpp"
#include "cpu/kernels/table.hpp"
#include "runtime/evaluate.hpp"

using namespace mlx_c;
namespace detail = mlx::core::detail;
using mlx::core::array;

namespace {

// The key of a compiled function in MLX's caches, of which every thread has one.
//
// MLX uses an address as the key. The next function may get the same address after this one is
// freed, and the cache of another thread would then answer with the old function. These keys are
// never used again, and lie where no address is, apart from the ids that callers choose for
// themselves.
class CompiledId {
 public:
  ~CompiledId() {
    // The caches have no lock, so only the owner erases; those of other threads go with the
    // threads.
    if (std::this_thread::get_id() == owner_) {
      detail::compile_erase(cache_, value_);
    }
  }

  uintptr_t value() const {
    return value_;
  }

 private:
  static uintptr_t next() {
    static std::atomic<uintptr_t> last = ~uintptr_t{0};
    return last--;
  }

  uintptr_t value_ = next();
  std::thread::id owner_ = std::this_thread::get_id();
  detail::CompileCacheWeakPtr cache_ = detail::compile_cache();
};

// The compile mode that fuses chains of operations. On the CPU, MLX would generate C++ and call a
// compiler at run time; `cpu::rewrite_graph` fuses them without one.
mlx::core::CompileMode fusing_mode() {
  const bool own = !mlx::core::is_available(mlx::core::Device::gpu) && !cpu::is_stock();
  return own ? mlx::core::CompileMode::no_fuse : mlx::core::CompileMode::enabled;
}

// MLX starts with its own fusion, or disabled if its environment variable says so.
void ensure_mode() {
  static const bool done = [] {
    if (!std::getenv("MLX_DISABLE_COMPILE")) {
      mlx::core::set_compile_mode(fusing_mode());
    }
    return true;
  }();
  (void)done;
}

mlx::core::CompileMode to_cpp(mlx_compile_mode mode) {
  switch (mode) {
    case MLX_COMPILE_MODE_DISABLED:
      return mlx::core::CompileMode::disabled;
    case MLX_COMPILE_MODE_NO_SIMPLIFY:
      return mlx::core::CompileMode::no_simplify;
    case MLX_COMPILE_MODE_NO_FUSE:
      return mlx::core::CompileMode::no_fuse;
    case MLX_COMPILE_MODE_ENABLED:
      return fusing_mode();
  }
  throw std::invalid_argument("mode is not an mlx_compile_mode");
}

// The input that a node only passes on; null for other nodes.
const array* stood_for(const array& value) {
  auto name = std::string_view(value.primitive().name());
  auto& inputs = value.inputs();
  if (name == "StopGradient") {
    return &inputs[0];
  }
  if (name == "CustomTransforms") {
    // The inputs end with the outputs.
    auto outputs = inputs.end() - (value.siblings().size() + 1);
    return &outputs[value.sibling_position()];
  }
  return nullptr;
}

// Replaces the nodes of custom functions and stop_gradient in a recording by their inputs, and
// nodes by those that compute the same. A recording is repeated, and never differentiated or
// vectorized: there MLX calls the function itself. The nodes of custom functions hold functions of
// the user, which would live as long as the recording is in the cache, and those may hold the
// compiled function; and MLX fails to merge equal outputs whose gradients are stopped.
void simplify(const Arrays& inputs, Arrays& outputs) {
  // Freed without the lock: they may hold the last reference to something of the user.
  std::optional<Tape> tape;
  std::optional<EqualNodes> equal;
  Arrays removed;
  // Nodes that do not depend on the inputs may be part of graphs that other threads evaluate.
  auto lock = lock_evaluation();
  tape.emplace(inputs, outputs, Tape::Stop::never);
  equal.emplace();
  auto replace = [&](Arrays& values) {
    for (auto& value : values) {
      if (value.has_primitive() && tape->slot(value) != Tape::no_slot) {
        if (auto* other = stood_for(value)) {
          removed.push_back(std::exchange(value, *other));
        }
      }
      if (const array& other = equal->first(value); other.id() != value.id()) {
        removed.push_back(std::exchange(value, other));
      }
    }
  };
  // The inputs of a node come before it, and have theirs replaced already.
  for (auto& node : tape->nodes()) {
    auto result = node.array;
    replace(result.inputs());
    for (auto& sibling : result.siblings()) {
      replace(sibling.inputs());
    }
  }
  replace(outputs);
}

bool is_tracer(const array& value) {
  return value.is_tracer();
}

// Whether a compiled function is called outside of any transformation: if it then calls the
// function behind it, it does so to record it.
thread_local bool outermost = false;

// Whether a compiled function has called the function behind it, and returns what that returned: so
// it does inside of a transformation, and where compilation is disabled.
thread_local bool passed_on = false;

// `recorded` is of a function for all shapes, else null.
Function recording(Function fun, std::shared_ptr<RecordedShapes> recorded) {
  return [fun = std::move(fun), recorded = std::move(recorded)](const Arrays& inputs) {
    bool records =
        std::exchange(outermost, false) && std::all_of(inputs.begin(), inputs.end(), is_tracer);
    Arrays outputs;
    {
      ShapelessRecording scope(records && recorded);
      if (records) {
        has_taken_gradients = false;
      }
      outputs = fun(inputs);
    }
    if (records) {
      simplify(inputs, outputs);
      if (recorded) {
        auto lock = lock_evaluation();
        recorded->learn(inputs, outputs, has_taken_gradients);
      }
    }
    passed_on = !records;
    return outputs;
  };
}

// `fun` compiled by MLX, and made callable from any thread.
Function compiled(Function fun, uintptr_t id, bool shapeless, std::vector<uint64_t> constants) {
  auto recorded = shapeless ? std::make_shared<RecordedShapes>() : nullptr;
  auto repeat =
      detail::compile(recording(std::move(fun), recorded), id, shapeless, std::move(constants));
  return [repeat = std::move(repeat), recorded = std::move(recorded)](const Arrays& inputs) {
    ensure_thread();
    outermost = std::none_of(inputs.begin(), inputs.end(), is_tracer);
    passed_on = !outermost;
    auto outputs = repeat(inputs);
    if (recorded && !inputs.empty() && !passed_on) {
      check_input_shapes(inputs, outputs, *recorded);
    }
    return outputs;
  };
}

}  // namespace

int mlx_compile(mlx_closure* res, const mlx_closure fun, bool shapeless) {
  return guard([&] {
    ensure_mode();
    auto id = std::make_shared<CompiledId>();
    auto function = compiled(get_shared(fun, "fun"), id->value(), shapeless, {});
    set(res,
        [id, function = std::move(function)](const Arrays& inputs) { return function(inputs); });
  });
}

int mlx_detail_compile(
    mlx_closure* res,
    const mlx_closure fun,
    uintptr_t fun_id,
    bool shapeless,
    const uint64_t* constants,
    size_t constants_num) {
  return guard([&] {
    ensure_mode();
    auto values = to_container<std::vector<uint64_t>>(constants, constants_num, "constants");
    set(res, compiled(get_shared(fun, "fun"), fun_id, shapeless, std::move(values)));
  });
}

int mlx_detail_compile_clear_cache(void) {
  return guard([] { detail::compile_clear_cache(detail::compile_cache()); });
}

int mlx_detail_compile_erase(uintptr_t fun_id) {
  return guard([&] { detail::compile_erase(detail::compile_cache(), fun_id); });
}

int _mlx_compile_get_checked_primitives(mlx_vector_string* res) {
  return guard([&] { set(res, primitives_with_checked_shapes()); });
}

int mlx_disable_compile(void) {
  return guard([] {
    ensure_mode();
    mlx::core::disable_compile();
  });
}

int mlx_enable_compile(void) {
  return guard([] {
    ensure_mode();
    mlx::core::set_compile_mode(fusing_mode());
  });
}

int mlx_set_compile_mode(mlx_compile_mode mode) {
  return guard([&] {
    ensure_mode();
    mlx::core::set_compile_mode(to_cpp(mode));
  });
}
