#include "holders.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// MLX keeps it to itself. Explicit instantiations may name what is private.
template <auto descriptor>
struct Holders {
  friend long descriptor_holders(const array& a) {
    return (a.*descriptor).use_count();
  }
};
long descriptor_holders(const array& a);
template struct Holders<&array::array_desc_>;

}  // namespace

long holders(const array& a) {
  return descriptor_holders(a);
}

}  // namespace mlx_c::cpu
