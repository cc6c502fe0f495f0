#include "mlx/c/compile.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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
#include "core/recording.hpp"
#include "core/shapeless_recording.hpp"
#include "core/shared_function.hpp"
#include "core/step_recording.hpp"
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

  static uintptr_t next() {
    static std::atomic<uintptr_t> last = ~uintptr_t{0};
    return last--;
  }

 private:
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

// The mode that was set last; MLX has no function that tells it.
std::atomic<mlx::core::CompileMode> mode = mlx::core::CompileMode::disabled;

void set_mode(mlx::core::CompileMode value) {
  mlx::core::set_compile_mode(value);
  mode = value;
}

// MLX starts with its own fusion, or disabled if its environment variable says so.
void ensure_mode() {
  static const bool done = [] {
    if (!std::getenv("MLX_DISABLE_COMPILE")) {
      set_mode(fusing_mode());
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
        if (auto* other = passed_input(value)) {
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

// A function that is compiled for one shape without MLX's fusion: recorded once for each types,
// shapes and default stream of its inputs, and repeated.
//
// MLX would find the recording in a hash table per thread, and repeat it with another hash table of
// nodes; that took longer than making the nodes. Threads share recordings.
class RecordedFunction {
 public:
  explicit RecordedFunction(Function fun) : fun_(std::move(fun)) {}

  Arrays operator()(const Arrays& inputs) {
    ensure_thread();
    if (std::any_of(inputs.begin(), inputs.end(), is_tracer)) {
      return fun_(inputs);
    }
    if (auto entry = find(inputs)) {
      return entry->recording.repeat(inputs);
    }
    return record(inputs);
  }

  // From now on no recording is repeated that was made before.
  static void forget_all() {
    ++generation_;
  }

 private:
  struct Entry {
    std::vector<std::pair<mlx::core::Shape, mlx::core::Dtype>> types;
    mlx::core::Stream stream;
    uint64_t generation;
    Recording recording;
  };

  static mlx::core::Stream current_stream() {
    return mlx::core::default_stream(mlx::core::default_device());
  }

  std::shared_ptr<const Entry> find(const Arrays& inputs) {
    const auto stream = current_stream();
    const uint64_t generation = generation_;
    std::lock_guard lock(mutex_);
    for (auto& entry : entries_) {
      auto same = [](const array& a, const auto& type) {
        return a.shape() == type.first && a.dtype() == type.second;
      };
      if (entry->stream == stream && entry->generation == generation &&
          std::ranges::equal(inputs, entry->types, same)) {
        return entry;
      }
    }
    return nullptr;
  }

  // The results of the first call.
  Arrays record(const Arrays& inputs) {
    const auto stream = current_stream();
    const uint64_t generation = generation_;
    Arrays tracers, outputs;
    trace(inputs, [&](const Arrays& traced) {
      tracers = traced;
      outputs = fun_(traced);
    });
    if (!inputs.empty() && tracers[0].id() == inputs[0].id()) {
      return outputs;  // Compilation was disabled meanwhile.
    }
    std::vector<std::pair<mlx::core::Shape, mlx::core::Dtype>> types;
    for (auto& input : inputs) {
      types.emplace_back(input.shape(), input.dtype());
    }
    auto entry = [&] {
      auto lock = lock_evaluation();
      const bool simplifies = mode != mlx::core::CompileMode::no_simplify;
      return std::make_shared<const Entry>(Entry{
          std::move(types), stream, generation, Recording(tracers, outputs, inputs, simplifies)});
    }();
    add(entry);
    return entry->recording.repeat(inputs);
  }

  void add(std::shared_ptr<const Entry> added) {
    std::vector<std::shared_ptr<const Entry>> old;  // freed without the lock
    std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](auto& entry) {
      if (entry->generation >= added->generation) {
        return false;
      }
      old.push_back(std::move(entry));
      return true;
    });
    entries_.push_back(std::move(added));
  }

  // Calls `fun` with tracers of the types of `inputs`. MLX exports nothing that says that there is
  // a trace; its compiled functions do. This one returns nothing, so there is nothing to compile,
  // and is forgotten at once.
  static void trace(const Arrays& inputs, std::function<void(const Arrays&)> fun) {
    const CompiledId id;
    auto traced = [&](const Arrays& tracers) {
      fun(tracers);
      return Arrays{};
    };
    detail::compile(std::ref(traced), id.value())(inputs);
  }

  static inline std::atomic<uint64_t> generation_ = 0;

  Function fun_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<const Entry>> entries_;
};

}  // namespace

int _mlx_record_steps(
    mlx_closure* res, const mlx_closure fun, const mlx_vector_array inputs, const int* length) {
  return guard([&] {
    auto function = get_shared(fun, "fun");
    not_null(length, "length");
    std::array<StepRecording::Call, StepRecording::call_count> calls;
    for (auto& call : calls) {
      for (auto& input : get(inputs, "inputs")) {
        call.inputs.emplace_back(input.shape(), input.dtype(), nullptr, Arrays());
      }
      {
        const StepRecording::Trace trace;
        call.outputs = function(call.inputs);
      }
      if (*length < StepRecording::call_count) {
        throw std::invalid_argument("[record_steps] length must be at least 3");
      }
    }
    auto lock = lock_evaluation();
    auto recording = std::make_shared<StepRecording>(calls, *length);
    auto mutex = std::make_shared<std::mutex>();
    auto& types = calls[0].inputs;
    auto stream = mlx::core::default_stream(mlx::core::default_device());
    set(res, [recording, mutex, types = std::move(types), stream](const Arrays& given) {
      auto same = [](const array& a, const array& b) {
        return a.shape() == b.shape() && a.dtype() == b.dtype();
      };
      if (!std::ranges::equal(given, types, same)) {
        throw std::invalid_argument(
            "[record_steps] the inputs have not the shapes and types that were recorded");
      }
      if (mlx::core::default_stream(mlx::core::default_device()) != stream) {
        throw std::invalid_argument(
            "[record_steps] the default stream is not the one that steps were recorded on");
      }
      std::lock_guard lock(*mutex);
      return recording->next(given);
    });
  });
}

int mlx_compile(mlx_closure* res, const mlx_closure fun, bool shapeless) {
  return guard([&] {
    ensure_mode();
    if (!shapeless && mode != mlx::core::CompileMode::disabled &&
        fusing_mode() == mlx::core::CompileMode::no_fuse) {
      auto recorded = std::make_shared<RecordedFunction>(get_shared(fun, "fun"));
      set(res, [recorded](const Arrays& inputs) { return (*recorded)(inputs); });
      return;
    }
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
  return guard([] {
    RecordedFunction::forget_all();
    detail::compile_clear_cache(detail::compile_cache());
  });
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
    set_mode(mlx::core::CompileMode::disabled);
  });
}

int mlx_enable_compile(void) {
  return guard([] {
    ensure_mode();
    set_mode(fusing_mode());
  });
}

int mlx_set_compile_mode(mlx_compile_mode mode) {
  return guard([&] {
    ensure_mode();
    set_mode(to_cpp(mode));
  });
}
