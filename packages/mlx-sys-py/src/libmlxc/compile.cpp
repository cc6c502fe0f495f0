#include "mlx/c/compile.h"

#include <atomic>
#include <memory>
#include <thread>

#include <mlx/compile.h>
#include <mlx/compile_impl.h>

#include "private/convert.hpp"
#include "private/guard.hpp"

using namespace mlx_c;
namespace detail = mlx::core::detail;

namespace {

// The key of a compiled function in MLX's caches, of which every thread has one.
//
// MLX would take an address for it, which the next function may get after this one is freed; the
// cache of another thread would then answer with the old function. These are used once, and lie
// where no address is, out of the way of the ids that callers choose for themselves.
class compiled_id {
 public:
  ~compiled_id() {
    // The caches have no lock, so only the owner erases. What other threads hold goes with them.
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

mlx::core::CompileMode to_cpp(mlx_compile_mode mode) {
  switch (mode) {
    case MLX_COMPILE_MODE_DISABLED:
      return mlx::core::CompileMode::disabled;
    case MLX_COMPILE_MODE_NO_SIMPLIFY:
      return mlx::core::CompileMode::no_simplify;
    case MLX_COMPILE_MODE_NO_FUSE:
      return mlx::core::CompileMode::no_fuse;
    case MLX_COMPILE_MODE_ENABLED:
      return mlx::core::CompileMode::enabled;
  }
  throw std::invalid_argument("mode is not an mlx_compile_mode");
}

// `compiled` for whichever thread calls it.
function in_any_thread(function compiled) {
  return [compiled = std::move(compiled)](const arrays& inputs) {
    ensure_thread();
    return compiled(inputs);
  };
}

}  // namespace

int mlx_compile(mlx_closure* res, const mlx_closure fun, bool shapeless) {
  return guard([&] {
    auto id = std::make_shared<compiled_id>();
    auto compiled = detail::compile(get(fun, "fun"), id->value(), shapeless);
    set(res, in_any_thread([id, compiled = std::move(compiled)](const arrays& inputs) {
          return compiled(inputs);
        }));
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
    auto values = to_container<std::vector<uint64_t>>(constants, constants_num, "constants");
    set(res, in_any_thread(detail::compile(get(fun, "fun"), fun_id, shapeless, std::move(values))));
  });
}

int mlx_detail_compile_clear_cache(void) {
  return guard([] { detail::compile_clear_cache(detail::compile_cache()); });
}

int mlx_detail_compile_erase(uintptr_t fun_id) {
  return guard([&] { detail::compile_erase(detail::compile_cache(), fun_id); });
}

int mlx_disable_compile(void) {
  return guard([] { mlx::core::disable_compile(); });
}

int mlx_enable_compile(void) {
  return guard([] { mlx::core::enable_compile(); });
}

int mlx_set_compile_mode(mlx_compile_mode mode) {
  return guard([&] { mlx::core::set_compile_mode(to_cpp(mode)); });
}
