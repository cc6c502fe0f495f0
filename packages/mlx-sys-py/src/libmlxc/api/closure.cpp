#include "mlx/c/closure.h"

#include <memory>
#include <tuple>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/payload.hpp"
#include "core/thread_state.hpp"

using namespace mlx_c;

namespace {

// An argument as the C function takes it, borrowed during the call.
std::tuple<mlx_vector_array> lend(const Arrays& values) {
  return {borrow<mlx_vector_array>(values)};
}

std::tuple<mlx_map_string_to_array> lend(const ArrayMap& values) {
  return {borrow<mlx_map_string_to_array>(values)};
}

std::tuple<const int*, size_t> lend(const std::vector<int>& values) {
  return {values.data(), values.size()};
}

// A result that the C function fills: one handle, or two for a pair.
template <class Handle>
class ResultHandle {
 public:
  ResultHandle() = default;
  ResultHandle(const ResultHandle&) = delete;
  ResultHandle& operator=(const ResultHandle&) = delete;
  ~ResultHandle() {
    release(handle_);
  }

  std::tuple<Handle*> pointers() {
    return {&handle_};
  }

  ValueOf<Handle> take() {
    return std::move(get(handle_, "the callback's result"));
  }

 private:
  Handle handle_{};
};

template <class T>
struct Result;

template <>
struct Result<Arrays> : ResultHandle<mlx_vector_array> {};

template <>
struct Result<std::vector<int>> : ResultHandle<mlx_vector_int> {};

template <class A, class B>
struct Result<std::pair<A, B>> {
  auto pointers() {
    return std::tuple_cat(first.pointers(), second.pointers());
  }

  std::pair<A, B> take() {
    return {first.take(), second.take()};
  }

  Result<A> first;
  Result<B> second;
};

template <class Handle, class Function>
struct Adapter;

template <class Handle, class R, class... Args>
struct Adapter<Handle, std::function<R(Args...)>> {
  template <class CFunction, class... Payload>
  static R call(CFunction fun, const std::decay_t<Args>&... args, Payload... payload) {
    Result<R> res;
    auto all = std::tuple_cat(res.pointers(), lend(args)..., std::tuple(payload...));
    CallbackScope scope;
    if (std::apply(fun, all) != 0) {
      throw CallbackError(
          std::string(HandleTraits<Handle>::name) + ": the callback returned a non-zero value");
    }
    return res.take();
  }

  template <class CFunction>
  static Handle create(CFunction fun) {
    return guard_or(Handle{}, [&] {
      not_null(fun, "fun");
      return make<Handle>([fun](Args... args) -> R { return call(fun, args...); });
    });
  }

  template <class CFunction>
  static Handle create(CFunction fun, void* data, void (*dtor)(void*)) {
    return guard_or(Handle{}, [&] {
      not_null(fun, "fun");
      auto owned = std::make_shared<Payload>(data);
      auto handle =
          make<Handle>([fun, owned](Args... args) -> R { return call(fun, args..., owned->data); });
      // Only now is the payload ours: after an error it is still the caller's.
      owned->dtor = dtor;
      return handle;
    });
  }
};

template <class Handle, class... Args>
Handle new_closure(Args... args) {
  return Adapter<Handle, ValueOf<Handle>>::create(args...);
}

}  // namespace

#define MLX_C_CLOSURE(closure)                         \
  closure closure##_new(void) {                        \
    return {};                                         \
  }                                                    \
  int closure##_free(closure cls) {                    \
    return guard([&] { release(cls); });               \
  }                                                    \
  int closure##_set(closure* cls, const closure src) { \
    return guard([&] { set(cls, get(src, "src")); });  \
  }

MLX_C_CLOSURE(mlx_closure)
MLX_C_CLOSURE(mlx_closure_kwargs)
MLX_C_CLOSURE(mlx_closure_value_and_grad)
MLX_C_CLOSURE(mlx_closure_custom)
MLX_C_CLOSURE(mlx_closure_custom_jvp)
MLX_C_CLOSURE(mlx_closure_custom_vmap)

mlx_closure mlx_closure_new_func(int (*fun)(mlx_vector_array*, const mlx_vector_array)) {
  return new_closure<mlx_closure>(fun);
}

mlx_closure mlx_closure_new_func_payload(
    int (*fun)(mlx_vector_array*, const mlx_vector_array, void*),
    void* payload,
    void (*dtor)(void*)) {
  return new_closure<mlx_closure>(fun, payload, dtor);
}

mlx_closure_kwargs mlx_closure_kwargs_new_func(
    int (*fun)(mlx_vector_array*, const mlx_vector_array, const mlx_map_string_to_array)) {
  return new_closure<mlx_closure_kwargs>(fun);
}

mlx_closure_kwargs mlx_closure_kwargs_new_func_payload(
    int (*fun)(mlx_vector_array*, const mlx_vector_array, const mlx_map_string_to_array, void*),
    void* payload,
    void (*dtor)(void*)) {
  return new_closure<mlx_closure_kwargs>(fun, payload, dtor);
}

mlx_closure_value_and_grad mlx_closure_value_and_grad_new_func(
    int (*fun)(mlx_vector_array*, mlx_vector_array*, const mlx_vector_array)) {
  return new_closure<mlx_closure_value_and_grad>(fun);
}

mlx_closure_value_and_grad mlx_closure_value_and_grad_new_func_payload(
    int (*fun)(mlx_vector_array*, mlx_vector_array*, const mlx_vector_array, void*),
    void* payload,
    void (*dtor)(void*)) {
  return new_closure<mlx_closure_value_and_grad>(fun, payload, dtor);
}

mlx_closure_custom mlx_closure_custom_new_func(
    int (*fun)(
        mlx_vector_array*,
        const mlx_vector_array,
        const mlx_vector_array,
        const mlx_vector_array)) {
  return new_closure<mlx_closure_custom>(fun);
}

mlx_closure_custom mlx_closure_custom_new_func_payload(
    int (*fun)(
        mlx_vector_array*,
        const mlx_vector_array,
        const mlx_vector_array,
        const mlx_vector_array,
        void*),
    void* payload,
    void (*dtor)(void*)) {
  return new_closure<mlx_closure_custom>(fun, payload, dtor);
}

mlx_closure_custom_jvp mlx_closure_custom_jvp_new_func(
    int (*fun)(
        mlx_vector_array*,
        const mlx_vector_array,
        const mlx_vector_array,
        const int*,
        size_t num)) {
  return new_closure<mlx_closure_custom_jvp>(fun);
}

mlx_closure_custom_jvp mlx_closure_custom_jvp_new_func_payload(
    int (*fun)(
        mlx_vector_array*,
        const mlx_vector_array,
        const mlx_vector_array,
        const int*,
        size_t num,
        void*),
    void* payload,
    void (*dtor)(void*)) {
  return new_closure<mlx_closure_custom_jvp>(fun, payload, dtor);
}

mlx_closure_custom_vmap mlx_closure_custom_vmap_new_func(
    int (*fun)(
        mlx_vector_array*, mlx_vector_int*, const mlx_vector_array, const int*, size_t num)) {
  return new_closure<mlx_closure_custom_vmap>(fun);
}

mlx_closure_custom_vmap mlx_closure_custom_vmap_new_func_payload(
    int (*fun)(
        mlx_vector_array*, mlx_vector_int*, const mlx_vector_array, const int*, size_t num, void*),
    void* payload,
    void (*dtor)(void*)) {
  return new_closure<mlx_closure_custom_vmap>(fun, payload, dtor);
}

mlx_closure mlx_closure_new_unary(int (*fun)(mlx_array*, const mlx_array)) {
  return guard_or(mlx_closure{}, [&] {
    not_null(fun, "fun");
    return make<mlx_closure>([fun](const Arrays& inputs) {
      if (inputs.size() != 1) {
        throw std::invalid_argument(
            "a unary closure takes one array, not " + std::to_string(inputs.size()));
      }
      ResultHandle<mlx_array> res;
      CallbackScope scope;
      if (fun(std::get<0>(res.pointers()), borrow<mlx_array>(inputs[0])) != 0) {
        throw CallbackError("closure: the callback returned a non-zero value");
      }
      return Arrays{res.take()};
    });
  });
}

int mlx_closure_apply(mlx_vector_array* res, mlx_closure cls, const mlx_vector_array input) {
  return guard([&] { set(res, get(cls, "cls")(get(input, "input"))); });
}

int mlx_closure_kwargs_apply(
    mlx_vector_array* res,
    mlx_closure_kwargs cls,
    const mlx_vector_array input_0,
    const mlx_map_string_to_array input_1) {
  return guard(
      [&] { set(res, get(cls, "cls")(get(input_0, "input_0"), get(input_1, "input_1"))); });
}

int mlx_closure_value_and_grad_apply(
    mlx_vector_array* res_0,
    mlx_vector_array* res_1,
    mlx_closure_value_and_grad cls,
    const mlx_vector_array input) {
  return guard([&] { set(res_0, res_1, get(cls, "cls")(get(input, "input"))); });
}

int mlx_closure_custom_apply(
    mlx_vector_array* res,
    mlx_closure_custom cls,
    const mlx_vector_array input_0,
    const mlx_vector_array input_1,
    const mlx_vector_array input_2) {
  return guard([&] {
    set(res,
        get(cls, "cls")(get(input_0, "input_0"), get(input_1, "input_1"), get(input_2, "input_2")));
  });
}

int mlx_closure_custom_jvp_apply(
    mlx_vector_array* res,
    mlx_closure_custom_jvp cls,
    const mlx_vector_array input_0,
    const mlx_vector_array input_1,
    const int* input_2,
    size_t input_2_num) {
  return guard([&] {
    set(res,
        get(cls, "cls")(
            get(input_0, "input_0"),
            get(input_1, "input_1"),
            to_ints(input_2, input_2_num, "input_2")));
  });
}

int mlx_closure_custom_vmap_apply(
    mlx_vector_array* res_0,
    mlx_vector_int* res_1,
    mlx_closure_custom_vmap cls,
    const mlx_vector_array input_0,
    const int* input_1,
    size_t input_1_num) {
  return guard([&] {
    set(res_0,
        res_1,
        get(cls, "cls")(get(input_0, "input_0"), to_ints(input_1, input_1_num, "input_1")));
  });
}
