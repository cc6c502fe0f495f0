#include "cpu/nodes/use_count.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// An explicit instantiation may name a private member.
template <auto descriptor>
struct NodeAccess {
  friend long shared_count(const array& a) {
    return (a.*descriptor).use_count();
  }
};
long shared_count(const array& a);
template struct NodeAccess<&array::array_desc_>;

}  // namespace

long use_count(const array& a) {
  return shared_count(a);
}

}  // namespace mlx_c::cpu
