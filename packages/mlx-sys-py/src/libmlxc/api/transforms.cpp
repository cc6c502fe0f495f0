#include "mlx/c/transforms.h"

#include <atomic>
#include <memory>
#include <numeric>

#include <mlx/ops.h>
#include <mlx/transforms.h>
#include <mlx/transforms_impl.h>

#include "core/convert.hpp"
#include "core/gradients.hpp"
#include "core/guard.hpp"
#include "core/input_shapes.hpp"
#include "core/shared_function.hpp"
#include "core/vmap.hpp"
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

// The functions of a custom function. Those of the user are checked: MLX indexes their results by
// the numbers of inputs and outputs, unchecked. Those that the user does not give are the
// transformations of the function itself, and ours: MLX's vmap writes into primitives, which other
// nodes may share.
class CustomRules {
 public:
  explicit CustomRules(Function fun) : fun_(std::move(fun)) {}

  Function fun() const {
    return [f = fun_, outputs = outputs_](const Arrays& inputs) {
      auto results = f(inputs);
      *outputs = results.size();
      return results;
    };
  }

  VjpFunction vjp(std::optional<VjpFunction> f) const {
    if (!f) {
      return [fun = fun_](const Arrays& primals, const Arrays& cotangents, const Arrays&) {
        return mlx_c::vjp(fun, primals, cotangents).second;
      };
    }
    return
        [f = std::move(*f)](const Arrays& primals, const Arrays& cotangents, const Arrays& outs) {
          auto results = f(primals, cotangents, outs);
          check_count(results.size(), primals.size(), "fun_vjp", "primal");
          return results;
        };
  }

  JvpFunction jvp(std::optional<JvpFunction> f) const {
    if (!f) {
      return [fun = fun_](
                 const Arrays& primals, const Arrays& tangents, const std::vector<int>& argnums) {
        Arrays traced;
        for (int argnum : argnums) {
          traced.push_back(primals[argnum]);
        }
        auto partial = [&](const Arrays& inputs) {
          auto arguments = primals;
          for (size_t i = 0; i < argnums.size(); ++i) {
            arguments[argnums[i]] = inputs[i];
          }
          return fun(arguments);
        };
        return mlx_c::jvp(partial, traced, tangents).second;
      };
    }
    return [f = std::move(*f), outputs = outputs_](
               const Arrays& primals, const Arrays& tangents, const std::vector<int>& argnums) {
      auto results = f(primals, tangents, argnums);
      check_count(results.size(), *outputs, "fun_jvp", "output");
      return results;
    };
  }

  VmapFunction vmap(std::optional<VmapFunction> f) const {
    if (!f) {
      return [fun = fun_](const Arrays& inputs, const std::vector<int>& axes) {
        auto [traced_inputs, traced_outputs] = mx::detail::vmap_trace(fun, inputs, axes);
        std::vector<int> out_axes(traced_outputs.size(), 0);
        auto results = vmap_replace(inputs, traced_inputs, traced_outputs, axes, out_axes);
        return std::pair(std::move(results), std::move(out_axes));
      };
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
  Function fun_;
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
  return guard([&] {
    CustomRules rules(get_shared(fun, "fun"));
    // Computes the function again, once there are cotangents.
    auto again = [f = get_shared(fun, "fun")](
                     const Arrays& primals, const Arrays& cotangents, const Arrays&) {
      return mlx_c::vjp(f, mx::depends(primals, cotangents), cotangents).second;
    };
    set(res,
        mx::custom_function(rules.fun(), again, rules.jvp(std::nullopt), rules.vmap(std::nullopt)));
  });
}

int mlx_custom_function(
    mlx_closure* res,
    const mlx_closure fun,
    const mlx_closure_custom fun_vjp,
    const mlx_closure_custom_jvp fun_jvp,
    const mlx_closure_custom_vmap fun_vmap) {
  return guard([&] {
    CustomRules rules(get_shared(fun, "fun"));
    set(res,
        mx::custom_function(
            rules.fun(),
            rules.vjp(get_optional(fun_vjp)),
            rules.jvp(get_optional(fun_jvp)),
            rules.vmap(get_optional(fun_vmap))));
  });
}

int mlx_custom_vjp(mlx_closure* res, const mlx_closure fun, const mlx_closure_custom fun_vjp) {
  return guard([&] {
    CustomRules rules(get_shared(fun, "fun"));
    set(res,
        mx::custom_function(
            rules.fun(),
            rules.vjp(get(fun_vjp, "fun_vjp")),
            rules.jvp(std::nullopt),
            rules.vmap(std::nullopt)));
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
    set(res_0,
        res_1,
        mlx_c::jvp(get(fun, "fun"), get(primals, "primals"), get(tangents, "tangents")));
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
