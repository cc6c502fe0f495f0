// Values that are put, in their order, where a mask is true.
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cpu/arrays/copy.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/indexing/scatter.hpp"
#include "cpu/parallel/scratch.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// An input whose elements are read in order.
struct InOrder {
  explicit InOrder(const array& a)
      : copy(copy_in_order(a)), size(a.size()), lies_in_order(a.flags().row_contiguous) {}

  // The elements; `memory` holds them where they lie otherwise.
  const void* read(std::optional<Buffer<char>>& memory) const {
    if (lies_in_order) {
      return copy.source;
    }
    Copy made = copy;
    made.target = memory.emplace(size * copy.item).data();
    made();
    return made.target;
  }

  Copy copy;
  std::size_t size;
  bool lies_in_order;
};

struct Putting {
  void* target;
  std::size_t rows;
  InOrder mask, values;
  ErrorReport report;

  void operator()() const {
    std::optional<Buffer<char>> mask_memory, values_memory;
    auto* chosen = static_cast<const std::uint8_t*>(mask.read(mask_memory));
    const void* from = values.read(values_memory);
    with_bytes(values.copy.item, [&]<class T>(T) {
      for (std::size_t row = 0; row < rows; row++) {
        put(chosen + row * (mask.size / rows),
            static_cast<const T*>(from) + row * (values.size / rows),
            static_cast<T*>(target) + row * (mask.size / rows));
      }
    });
  }

  template <class T>
  void put(const std::uint8_t* chosen, const T* next, T* to) const {
    const std::size_t size = mask.size / rows, count = values.size / rows;
    std::size_t needed = 0;
    for (std::size_t i = 0; i < size; i++) {
      needed += chosen[i];
    }
    if (needed > count) {
      return report(
          std::make_exception_ptr(
              std::invalid_argument(
                  "[masked_scatter] " + std::to_string(count) + " values for the " +
                  std::to_string(needed) + " elements that the mask selects")));
    }
    // No branch, which random masks would let be mispredicted: all bits of one or of the other.
    const T* end = next + needed;
    for (std::size_t i = 0; next != end; i++) {
      const T all = static_cast<T>(-static_cast<T>(chosen[i]));
      to[i] = static_cast<T>((*next & all) | (to[i] & static_cast<T>(~all)));
      next += chosen[i];
    }
  }
};

class MaskedScatter : public KernelOverride {
 public:
  using KernelOverride::KernelOverride;

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array &x = inputs[0], &mask = inputs[1], &values = inputs[2];
    array& y = outputs[0];
    start_update(x, y, stream());
    if (y.size() > 0) {
      // A batch has values for each of its rows.
      const std::size_t rows = values.shape(0);
      dispatch(
          stream(), Putting{y.data<void>(), rows, InOrder(mask), InOrder(values), ErrorReport(y)});
    }
  }
};

}  // namespace

Override masked_scatter(array& node) {
  const auto& inputs = node.inputs();
  const bool fits = inputs[1].dtype() == mx::bool_ && inputs[2].dtype() == node.dtype() &&
      inputs[1].size() == node.size() && inputs[2].ndim() > 0 && inputs[2].shape(0) > 0 &&
      node.size() % inputs[2].shape(0) == 0;
  if (!fits) {
    return keep_mlx("no kernel for a mask of another shape or values of another type");
  }
  return std::make_shared<MaskedScatter>(node.primitive_ptr());
}

}  // namespace mlx_c::cpu
