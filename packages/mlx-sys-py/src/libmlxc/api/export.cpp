#include "mlx/c/export.h"

#include <functional>
#include <memory>
#include <optional>
#include <unordered_set>

#include <mlx/export.h>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/payload.hpp"
#include "core/shapeless_recording.hpp"
#include "core/thread_state.hpp"
#include "cpu/nodes/fused.hpp"
#include "export/imported_function.hpp"
#include "export/values.hpp"
#include "files/atomic_file.hpp"
#include "files/reading.hpp"
#include "runtime/evaluate.hpp"

namespace mlx_c {

namespace {

using Traced =
    std::function<std::vector<mlx::core::array>(const mlx::core::Args&, const mlx::core::Kwargs&)>;

// The constants that `outputs` are computed from and that are not available yet, or whose primitive
// is not MLX's.
std::vector<mlx::core::array> pending_constants(const std::vector<mlx::core::array>& outputs) {
  std::vector<mlx::core::array> stack = outputs, result;
  std::unordered_set<std::uintptr_t> seen;
  while (!stack.empty()) {
    auto array = std::move(stack.back());
    stack.pop_back();
    if (!seen.insert(array.id()).second) {
      continue;
    }
    if (cpu::is_fused(array)) {
      result.push_back(std::move(array));
    } else if (array.has_primitive()) {
      stack.insert(stack.end(), array.inputs().begin(), array.inputs().end());
    } else if (
        // Arguments of a differentiated function are no longer tracers.
        array.status() != mlx::core::array::Status::unscheduled && !is_available(array)) {
      result.push_back(std::move(array));
    }
  }
  return result;
}

// `fun`, made of MLX's primitives, with all constants available: MLX would wait for them without
// the lock of evaluations.
Traced with_ready_constants(Traced fun, bool shapeless) {
  return [fun = std::move(fun), shapeless](
             const mlx::core::Args& args, const mlx::core::Kwargs& kwargs) {
    const cpu::Unfused unfused;
    const ShapelessRecording recording(shapeless);
    auto outputs = fun(args, kwargs);
    if (auto constants = pending_constants(outputs); !constants.empty()) {
      evaluate(std::move(constants), true);
    }
    return outputs;
  };
}

}  // namespace

// An exporter, and the file that it writes, atomically, unless it has a callback.
class FunctionExporter {
 public:
  FunctionExporter(const char* file, Traced fun, bool shapeless, const char* metadata) {
    auto name = to_string(file, "file");
    target_ = std::make_unique<AtomicFile>(name, ".mlxfn");
    ensure_thread();
    exporter_.emplace(
        mlx::core::exporter(
            target_->path(),
            with_ready_constants(std::move(fun), shapeless),
            shapeless,
            metadata ? metadata : ""));
  }

  FunctionExporter(const mlx::core::ExportCallback& callback, Traced fun, bool shapeless)
      : exporter_(
            mlx::core::exporter(
                callback, with_ready_constants(std::move(fun), shapeless), shapeless)) {}

  FunctionExporter(FunctionExporter&&) = default;

  ~FunctionExporter() {
    guard([this] { close(); });
  }

  void apply(const mlx::core::Args& args, const mlx::core::Kwargs& kwargs) {
    if (!exporter_) {
      throw std::runtime_error("xfunc is closed");
    }
    ensure_thread();
    try {
      (*exporter_)(args, kwargs);
    } catch (...) {
      if (target_) {
        // After a trace that failed, the exporter cannot trace again.
        exporter_.reset();
        target_.reset();
      }
      throw;
    }
  }

  void close() {
    exporter_.reset();
    if (auto target = std::move(target_)) {
      target->commit();
    }
  }

 private:
  std::unique_ptr<AtomicFile> target_;
  std::optional<mlx::core::FunctionExporter> exporter_;
};

MLX_C_HANDLE(mlx_function_exporter, FunctionExporter, "FunctionExporter")
MLX_C_HANDLE(mlx_imported_function, ImportedFunction, "ImportedFunction")

}  // namespace mlx_c

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

// Adapts a closure, which takes no named arguments.
Traced without_names(const mlx_closure& fun) {
  return [f = get(fun, "fun")](const mx::Args& args, const mx::Kwargs&) { return f(args); };
}

void export_once(
    const char* file, Traced fun, bool shapeless, const mx::Args& args, const mx::Kwargs& kwargs) {
  FunctionExporter exporter(file, std::move(fun), shapeless, nullptr);
  exporter.apply(args, kwargs);
  exporter.close();
}

}  // namespace

int mlx_export_function(
    const char* file, const mlx_closure fun, const mlx_vector_array args, bool shapeless) {
  return guard([&] { export_once(file, without_names(fun), shapeless, get(args, "args"), {}); });
}

int mlx_export_function_kwargs(
    const char* file,
    const mlx_closure_kwargs fun,
    const mlx_vector_array args,
    const mlx_map_string_to_array kwargs,
    bool shapeless) {
  return guard([&] {
    export_once(file, get(fun, "fun"), shapeless, get(args, "args"), get(kwargs, "kwargs"));
  });
}

mlx_function_exporter mlx_function_exporter_new(
    const char* file, const mlx_closure fun, bool shapeless) {
  return guard_or(mlx_function_exporter{}, [&] {
    return make<mlx_function_exporter>(
        FunctionExporter(file, without_names(fun), shapeless, nullptr));
  });
}

mlx_function_exporter mlx_function_exporter_new_kwargs(
    const char* file, const mlx_closure_kwargs fun, bool shapeless, const char* metadata) {
  return guard_or(mlx_function_exporter{}, [&] {
    return make<mlx_function_exporter>(
        FunctionExporter(file, get(fun, "fun"), shapeless, metadata));
  });
}

mlx_function_exporter mlx_function_exporter_new_callback(
    int (*callback)(const mlx_export_value, void*),
    void* payload,
    void (*dtor)(void*),
    const mlx_closure_kwargs fun,
    bool shapeless) {
  return guard_or(mlx_function_exporter{}, [&] {
    not_null(callback, "callback");
    ensure_thread();
    auto owned = std::make_shared<mlx_c::Payload>(payload);
    auto tell = [callback, owned](const mx::ExportCallbackInput& input) {
      auto value = to_export_value(input);
      CallbackScope scope;
      if (callback(borrow<mlx_export_value>(value), owned->data) != 0) {
        throw CallbackError("FunctionExporter: the callback returned a non-zero value");
      }
    };
    auto handle = make<mlx_function_exporter>(FunctionExporter(tell, get(fun, "fun"), shapeless));
    owned->dtor = dtor;
    return handle;
  });
}

int mlx_function_exporter_free(mlx_function_exporter xfunc) {
  return guard([&] { release(xfunc); });
}

int mlx_function_exporter_apply(const mlx_function_exporter xfunc, const mlx_vector_array args) {
  return guard([&] { get(xfunc, "xfunc").apply(get(args, "args"), {}); });
}

int mlx_function_exporter_apply_kwargs(
    const mlx_function_exporter xfunc,
    const mlx_vector_array args,
    const mlx_map_string_to_array kwargs) {
  return guard([&] { get(xfunc, "xfunc").apply(get(args, "args"), get(kwargs, "kwargs")); });
}

int mlx_function_exporter_close(const mlx_function_exporter xfunc) {
  return guard([&] { get(xfunc, "xfunc").close(); });
}

mlx_imported_function mlx_imported_function_new(const char* file) {
  return guard_or(mlx_imported_function{}, [&] {
    ensure_thread();
    auto name = readable(file);
    return reading(name, [&] { return make<mlx_imported_function>(ImportedFunction(name)); });
  });
}

int mlx_imported_function_free(mlx_imported_function xfunc) {
  return guard([&] { release(xfunc); });
}

int mlx_imported_function_apply(
    mlx_vector_array* res, const mlx_imported_function xfunc, const mlx_vector_array args) {
  return guard([&] {
    ensure_thread();
    set(res, get(xfunc, "xfunc")(get(args, "args"), {}));
  });
}

int mlx_imported_function_apply_kwargs(
    mlx_vector_array* res,
    const mlx_imported_function xfunc,
    const mlx_vector_array args,
    const mlx_map_string_to_array kwargs) {
  return guard([&] {
    ensure_thread();
    set(res, get(xfunc, "xfunc")(get(args, "args"), get(kwargs, "kwargs")));
  });
}

int mlx_imported_function_get_metadata(mlx_string* res, const mlx_imported_function xfunc) {
  return guard([&] { set(res, get(xfunc, "xfunc").metadata()); });
}
