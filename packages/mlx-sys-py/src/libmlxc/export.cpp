#include "mlx/c/export.h"

#include <memory>

#include <mlx/export.h>

#include "private/convert.hpp"
#include "private/export_value.hpp"
#include "private/files.hpp"
#include "private/guard.hpp"
#include "private/payload.hpp"

namespace mlx_c {

MLX_C_HANDLE(mlx_function_exporter, mlx::core::FunctionExporter, "function_exporter")
MLX_C_HANDLE(mlx_imported_function, mlx::core::ImportedFunction, "imported_function")

}  // namespace mlx_c

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

// Runs `f`, which writes a file: what it cannot write is an io_error.
template <class F>
auto writing(const char* file, F f) {
  auto name = to_string(file, "file");
  auto folder = std::filesystem::absolute(name).parent_path();
  if (!std::filesystem::is_directory(folder)) {
    throw file_not_found("there is no folder " + folder.string());
  }
  if (std::filesystem::is_directory(name)) {
    throw io_error(name + " is a folder");
  }
  ensure_thread();
  return f(name);
}

template <class Function>
mlx_function_exporter new_exporter(
    const char* file, const Function& fun, bool shapeless, const char* metadata) {
  return writing(file, [&](const std::string& name) {
    return make<mlx_function_exporter>(
        mx::exporter(name, fun, shapeless, metadata ? metadata : ""));
  });
}

}  // namespace

int mlx_export_function(
    const char* file, const mlx_closure fun, const mlx_vector_array args, bool shapeless) {
  return guard([&] {
    auto& f = get(fun, "fun");
    auto& values = get(args, "args");
    writing(
        file, [&](const std::string& name) { mx::export_function(name, f, values, shapeless); });
  });
}

int mlx_export_function_kwargs(
    const char* file,
    const mlx_closure_kwargs fun,
    const mlx_vector_array args,
    const mlx_map_string_to_array kwargs,
    bool shapeless) {
  return guard([&] {
    auto& f = get(fun, "fun");
    auto& values = get(args, "args");
    auto& named = get(kwargs, "kwargs");
    writing(file, [&](const std::string& name) {
      mx::export_function(name, f, values, named, shapeless);
    });
  });
}

mlx_function_exporter mlx_function_exporter_new(
    const char* file, const mlx_closure fun, bool shapeless) {
  return guard_or(mlx_function_exporter{}, [&] {
    return new_exporter(file, get(fun, "fun"), shapeless, nullptr);
  });
}

mlx_function_exporter mlx_function_exporter_new_kwargs(
    const char* file, const mlx_closure_kwargs fun, bool shapeless, const char* metadata) {
  return guard_or(mlx_function_exporter{}, [&] {
    return new_exporter(file, get(fun, "fun"), shapeless, metadata);
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
    auto owned = std::make_shared<mlx_c::payload>(payload);
    auto tell = [callback, owned](const mx::ExportCallbackInput& input) {
      auto value = to_export_value(input);
      callback_scope scope;
      if (callback(borrow<mlx_export_value>(value), owned->data) != 0) {
        throw callback_error("function_exporter: the callback returned a non-zero value");
      }
    };
    auto handle = make<mlx_function_exporter>(mx::exporter(tell, get(fun, "fun"), shapeless));
    owned->dtor = dtor;
    return handle;
  });
}

int mlx_function_exporter_free(mlx_function_exporter xfunc) {
  return guard([&] { release(xfunc); });
}

int mlx_function_exporter_apply(const mlx_function_exporter xfunc, const mlx_vector_array args) {
  return guard([&] {
    ensure_thread();
    get(xfunc, "xfunc")(get(args, "args"));
  });
}

int mlx_function_exporter_apply_kwargs(
    const mlx_function_exporter xfunc,
    const mlx_vector_array args,
    const mlx_map_string_to_array kwargs) {
  return guard([&] {
    ensure_thread();
    get(xfunc, "xfunc")(get(args, "args"), get(kwargs, "kwargs"));
  });
}

int mlx_function_exporter_close(const mlx_function_exporter xfunc) {
  return guard([&] { get(xfunc, "xfunc").close(); });
}

mlx_imported_function mlx_imported_function_new(const char* file) {
  return guard_or(mlx_imported_function{}, [&] {
    ensure_thread();
    auto name = readable(file);
    try {
      return make<mlx_imported_function>(reading(name, [&] { return mx::import_function(name); }));
    } catch (const std::bad_alloc&) {
      // MLX makes room for as much as the file says that there is.
      throw io_error(name + " holds no function, or one too large for the memory");
    }
  });
}

int mlx_imported_function_free(mlx_imported_function xfunc) {
  return guard([&] { release(xfunc); });
}

int mlx_imported_function_apply(
    mlx_vector_array* res, const mlx_imported_function xfunc, const mlx_vector_array args) {
  return guard([&] {
    ensure_thread();
    set(res, get(xfunc, "xfunc")(get(args, "args")));
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
