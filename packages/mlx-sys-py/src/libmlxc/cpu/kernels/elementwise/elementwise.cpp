#include "cpu/kernels/elementwise/elementwise.hpp"

#include "cpu/kernels/elementwise/functions.hpp"

namespace {

using mlx_c::cpu::Elementwise;

// F of n elements at a time, for a signature of element types.
template <class F, int n, class Signature>
struct Loop;

template <class F, int n, class Out, class... In>
struct Loop<F, n, Out(In...)> {
  static void run(const void* const* operands, void* result, std::size_t size) {
    over(size, static_cast<char*>(result), operands, std::index_sequence_for<In...>());
  }

 private:
  template <std::size_t... k>
  static void over(
      std::size_t size, char* out, const void* const* operands, std::index_sequence<k...>) {
    loop(size, out, static_cast<const char*>(operands[k])...);
  }

  template <class... Pointers>
  static void loop(std::size_t size, char* out, Pointers... in) {
    std::size_t i = 0;
    for (; i + n <= size; i += n) {
      store<Out, n>(out + i * sizeof(Out), F{}(load<In, n>(in + i * sizeof(In))...));
    }
    if (i == size) {
      return;
    }
    const int rest = (int)(size - i);
    store_some<Out, n>(
        out + i * sizeof(Out), F{}(load_some<In, n>(in + i * sizeof(In), rest)...), rest);
  }
};

template <class Out, class... In>
constexpr int operand_count(Out (*)(In...)) {
  return sizeof...(In);
}

template <class F, class T>
using SignatureOf = typename F::template Signature<T>;

// Whether a function takes elements of a type. (GCC 12 takes a type requirement for false here.)
template <class F, class T>
concept Takes = requires { static_cast<SignatureOf<F, T>*>(nullptr); };

template <Op op, int operands, class T>
constexpr Elementwise kernel_of() {
  using F = Function<op, class_of<T>>;
  if constexpr (Takes<F, T>) {
    using Signature = SignatureOf<F, T>;
    static_assert(operand_count(static_cast<Signature*>(nullptr)) == operands);
    return Loop<F, lanes_of<T>, Signature>::run;
  } else {
    return nullptr;
  }
}

template <class T>
constexpr Elementwise kernels_of[] = {
#define MLX_C_OP(name, primitive, operands, cost) kernel_of<Op::name, operands, T>(),
#include "cpu/kernels/elementwise/ops.def"
#undef MLX_C_OP
};

template <class From, class To>
constexpr Elementwise conversion = Loop<Cast<From, To>, common_lanes<From, To>, To(From)>::run;

}  // namespace

namespace mlx_c::cpu::MLX_C_ISA {

Elementwise find_elementwise(Op op, ElementType operands, ElementType result) {
  return with_type(operands, [&]<class T>(T) -> Elementwise {
    if (op == Op::cast) {
      return with_type(result, [&]<class To>(To) { return conversion<T, To>; });
    }
    return kernels_of<T>[(int)op];
  });
}

}  // namespace mlx_c::cpu::MLX_C_ISA
