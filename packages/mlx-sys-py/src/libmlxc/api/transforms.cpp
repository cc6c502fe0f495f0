#include "mlx/c/transforms.h"

#include <atomic>
#include <memory>
#include <numeric>

#include <mlx/transforms.h>

#include "core/convert.hpp"
#include "core/gradients.hpp"
#include "core/guard.hpp"
#include "core/input_shapes.hpp"
#include "core/shared_function.hpp"
#include "mlx/c/transforms_impl.h"
#include "runtime/evaluate.hpp"

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

void check_count(size_t count, size_t expected, const char* what, const char* per) {
  if (count != expected) {
    throw std::invalid_argument(
        std::string(what) + " returned " + std::to_string(count) + " arrays, where " +
        std::to_string(expected) + " are needed, one for each " + per);
  }
}

// The outputs of a function to differentiate.
Arrays some_outputs(Arrays outputs) {
  if (outputs.empty()) {
    throw std::invalid_argument("fun returned no arrays: there is nothing to differentiate");
  }
  return outputs;
}

// Wraps the functions of a custom function in checks of how many results they return: MLX indexes
// the results by the numbers of inputs and outputs, unchecked.
class CheckedCustom {
 public:
  Function fun(Function f) {
    return [f = std::move(f), outputs = outputs_](const Arrays& inputs) {
      auto results = f(inputs);
      *outputs = results.size();
      return results;
    };
  }

  std::optional<VjpFunction> vjp(std::optional<VjpFunction> f) {
    if (!f) {
      return f;
    }
    return
        [f = std::move(*f)](const Arrays& primals, const Arrays& cotangents, const Arrays& outs) {
          auto results = f(primals, cotangents, outs);
          check_count(results.size(), primals.size(), "fun_vjp", "primal");
          return results;
        };
  }

  std::optional<JvpFunction> jvp(std::optional<JvpFunction> f) {
    if (!f) {
      return f;
    }
    return [f = std::move(*f), outputs = outputs_](
               const Arrays& primals, const Arrays& tangents, const std::vector<int>& argnums) {
      auto results = f(primals, tangents, argnums);
      check_count(results.size(), *outputs, "fun_jvp", "output");
      return results;
    };
  }

  std::optional<VmapFunction> vmap(std::optional<VmapFunction> f) {
    if (!f) {
      return f;
    }
    return [f = std::move(*f), outputs = outputs_](
               const Arrays& inputs, const std::vector<int>& axes) {
      auto results = f(inputs, axes);
      check_count(results.first.size(), *outputs, "fun_vmap", "output");
      check_count(results.second.size(), *outputs, "fun_vmap's axes", "output");
      return results;
    };
  }

 private:
  std::shared_ptr<std::atomic<size_t>> outputs_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace

int mlx_eval(const mlx_vector_array outputs) {
  return guard([&] { evaluate(get(outputs, "outputs"), true); });
}

int mlx_async_eval(const mlx_vector_array outputs) {
  return guard([&] { evaluate(get(outputs, "outputs"), false); });
}

int mlx_checkpoint(mlx_closure* res, const mlx_closure fun) {
  return guard([&] { set(res, mx::checkpoint(get_shared(fun, "fun"))); });
}

int mlx_custom_function(
    mlx_closure* res,
    const mlx_closure fun,
    const mlx_closure_custom fun_vjp,
    const mlx_closure_custom_jvp fun_jvp,
    const mlx_closure_custom_vmap fun_vmap) {
  return guard([&] {
    CheckedCustom checked;
    set(res,
        mx::custom_function(
            checked.fun(get_shared(fun, "fun")),
            checked.vjp(get_optional(fun_vjp)),
            checked.jvp(get_optional(fun_jvp)),
            checked.vmap(get_optional(fun_vmap))));
  });
}

int mlx_custom_vjp(mlx_closure* res, const mlx_closure fun, const mlx_closure_custom fun_vjp) {
  return guard([&] {
    CheckedCustom checked;
    set(res, mx::custom_vjp(get_shared(fun, "fun"), *checked.vjp(get(fun_vjp, "fun_vjp"))));
  });
}

int mlx_jvp(
    mlx_vector_array* res_0,
    mlx_vector_array* res_1,
    const mlx_closure fun,
    const mlx_vector_array primals,
    const mlx_vector_array tangents) {
  return guard([&] {
    ensure_thread();
    set(res_0, res_1, mlx_c::jvp(get(fun, "fun"), get(primals, "primals"), get(tangents, "tangents")));
  });
}

int mlx_vjp(
    mlx_vector_array* res_0,
    mlx_vector_array* res_1,
    const mlx_closure fun,
    const mlx_vector_array primals,
    const mlx_vector_array cotangents) {
  return guard([&] {
    ensure_thread();
    has_taken_gradients = true;
    set(res_0,
        res_1,
        mlx_c::vjp(get(fun, "fun"), get(primals, "primals"), get(cotangents, "cotangents")));
  });
}

int mlx_detail_value_and_grad(
    mlx_vector_array* res_0,
    mlx_vector_array* res_1,
    const mlx_closure fun,
    const mlx_vector_array inputs) {
  return guard([&] {
    ensure_thread();
    auto& function = get(fun, "fun");
    auto& values = get(inputs, "inputs");
    std::vector<int> argnums(values.size());
    std::iota(argnums.begin(), argnums.end(), 0);
    has_taken_gradients = true;
    Function checked = [&function](const Arrays& traced) {
      check_stack();
      return some_outputs(function(traced));
    };
    set(res_0, res_1, mlx_c::value_and_grad(checked, values, argnums));
  });
}

int mlx_value_and_grad(
    mlx_closure_value_and_grad* res,
    const mlx_closure fun,
    const int* argnums,
    size_t argnums_num) {
  return guard([&] {
    Function checked = [f = get_shared(fun, "fun")](const Arrays& inputs) {
      return some_outputs(f(inputs));
    };
    auto numbers = to_ints(argnums, argnums_num, "argnums");
    if (numbers.empty()) {
      throw std::invalid_argument("[grad] Must specify at least one argument.");
    }
    set(res, [checked = std::move(checked), numbers = std::move(numbers)](const Arrays& inputs) {
      ensure_thread();
      has_taken_gradients = true;
      return mlx_c::value_and_grad(checked, inputs, numbers);
    });
  });
}
