#include "cpu/kernels/elementwise/elementwise.hpp"

#include "cpu/kernels/elementwise/functors.hpp"
#include "cpu/kernels/simd/elements.hpp"

namespace {

using mlx_c::cpu::Elementwise;
using mlx_c::cpu::Op;

template <class F, int n, class Out, class... In>
struct Loop {
  template <class... Pointers>
  static void over(std::size_t size, char* out, Pointers... in) {
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

  static void run(const void* const* operands, void* result, std::size_t size) {
    auto* const* in = reinterpret_cast<const char* const*>(operands);
    auto* out = static_cast<char*>(result);
    if constexpr (sizeof...(In) == 1) {
      over(size, out, in[0]);
    }
    if constexpr (sizeof...(In) == 2) {
      over(size, out, in[0], in[1]);
    }
    if constexpr (sizeof...(In) == 3) {
      over(size, out, in[0], in[1], in[2]);
    }
  }
};

template <class F, class T>
constexpr Elementwise unary = Loop<F, lanes_of<T>, T, T>::run;
template <class F, class T>
constexpr Elementwise binary = Loop<F, lanes_of<T>, T, T, T>::run;
template <class F, class T>
constexpr Elementwise comparison = Loop<F, lanes_of<T>, Bool, T, T>::run;

template <class T>
Elementwise of_any_type(Op op) {
  switch (op) {
    case Op::equal:
      return comparison<Equal, T>;
    case Op::nan_equal:
      return comparison<NanEqual, T>;
    case Op::not_equal:
      return comparison<NotEqual, T>;
    case Op::greater:
      return comparison<Greater, T>;
    case Op::greater_equal:
      return comparison<GreaterEqual, T>;
    case Op::less:
      return comparison<Less, T>;
    case Op::less_equal:
      return comparison<LessEqual, T>;
    case Op::select:
      return Loop<Select, lanes_of<T>, T, Bool, T, T>::run;
    default:
      return nullptr;
  }
}

template <class T>
Elementwise of_numbers(Op op) {
  switch (op) {
    case Op::abs:
      return unary<Abs, T>;
    case Op::negative:
      return unary<Negative, T>;
    case Op::sign:
      return unary<Sign, T>;
    case Op::square:
      return unary<Square, T>;
    case Op::add:
      return binary<Add, T>;
    case Op::subtract:
      return binary<Subtract, T>;
    case Op::multiply:
      return binary<Multiply, T>;
    case Op::maximum:
      return binary<Maximum, T>;
    case Op::minimum:
      return binary<Minimum, T>;
    default:
      return of_any_type<T>(op);
  }
}

template <class T>
Elementwise of_integers(Op op) {
  switch (op) {
    case Op::bitwise_and:
      return binary<BitwiseAnd, T>;
    case Op::bitwise_or:
      return binary<BitwiseOr, T>;
    case Op::bitwise_invert:
      return unary<BitwiseInvert, T>;
    case Op::bitwise_xor:
      return binary<BitwiseXor, T>;
    case Op::left_shift:
      return binary<Shift<true>, T>;
    case Op::right_shift:
      return binary<Shift<false>, T>;
    default:
      return of_numbers<T>(op);
  }
}

Elementwise of_booleans(Op op) {
  switch (op) {
    case Op::logical_not:
      return unary<LogicalNot, Bool>;
    case Op::logical_and:
    case Op::bitwise_and:
    case Op::minimum:
    case Op::multiply:
      return binary<BitwiseAnd, Bool>;
    case Op::logical_or:
    case Op::bitwise_or:
    case Op::maximum:
    case Op::add:
      return binary<BitwiseOr, Bool>;
    case Op::bitwise_xor:
      return binary<BitwiseXor, Bool>;
    default:
      return of_any_type<Bool>(op);
  }
}

Elementwise of_doubles(Op op) {
  switch (op) {
    case Op::sqrt:
      return unary<Sqrt, double>;
    case Op::rsqrt:
      return unary<Rsqrt, double>;
    case Op::divide:
      return binary<Divide, double>;
    default:
      return of_numbers<double>(op);
  }
}

template <class T>
Elementwise of_floats(Op op) {
  switch (op) {
    case Op::arccos:
      return unary<Arccos, T>;
    case Op::arccosh:
      return unary<Arccosh, T>;
    case Op::arcsin:
      return unary<Arcsin, T>;
    case Op::arcsinh:
      return unary<Arcsinh, T>;
    case Op::arctan:
      return unary<Arctan, T>;
    case Op::arctan2:
      return binary<Arctan2, T>;
    case Op::arctanh:
      return unary<Arctanh, T>;
    case Op::ceil:
      return unary<Ceil, T>;
    case Op::cos:
      return unary<Cos, T>;
    case Op::cosh:
      return unary<Cosh, T>;
    case Op::erf:
      return unary<Erf, T>;
    case Op::erfinv:
      return unary<Erfinv, T>;
    case Op::exp:
      return unary<Exp, T>;
    case Op::expm1:
      return unary<Expm1, T>;
    case Op::floor:
      return unary<Floor, T>;
    case Op::floor_divide:
      return binary<FloorDivide, T>;
    case Op::log:
      return unary<Log, T>;
    case Op::log10:
      return unary<Log10, T>;
    case Op::log1p:
      return unary<Log1p, T>;
    case Op::log2:
      return unary<Log2, T>;
    case Op::remainder:
      return binary<Remainder, T>;
    case Op::round:
      return unary<Round, T>;
    case Op::rsqrt:
      return unary<Rsqrt, T>;
    case Op::sigmoid:
      return unary<Sigmoid, T>;
    case Op::sin:
      return unary<Sin, T>;
    case Op::sinh:
      return unary<Sinh, T>;
    case Op::sqrt:
      return unary<Sqrt, T>;
    case Op::tan:
      return unary<Tan, T>;
    case Op::tanh:
      return unary<Tanh, T>;
    case Op::divide:
      return binary<Divide, T>;
    case Op::logaddexp:
      return binary<LogAddExp, T>;
    case Op::power:
      return binary<Power, T>;
    default:
      return of_numbers<T>(op);
  }
}

template <class From, class To>
constexpr Elementwise conversion = Loop<Cast<From, To>, common_lanes<From, To>, To, From>::run;

}  // namespace

namespace mlx_c::cpu::MLX_C_ISA {

Elementwise find_elementwise(Op op, ElementType operands, ElementType result) {
  return with_type(operands, [&]<class T>(T) -> Elementwise {
    if (op == Op::cast) {
      return with_type(result, [&]<class To>(To) { return conversion<T, To>; });
    }
    if constexpr (std::is_same_v<T, Bool>) {
      return of_booleans(op);
    } else if constexpr (std::is_same_v<T, double>) {
      return of_doubles(op);
    } else if constexpr (is_float<T>) {
      return of_floats<T>(op);
    } else {
      return of_integers<T>(op);
    }
  });
}

}  // namespace mlx_c::cpu::MLX_C_ISA
