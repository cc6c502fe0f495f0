// Parts of an array at given places: `take`, embeddings, indexing with arrays.
#include <cstring>
#include <optional>
#include <string>

#include "copy.hpp"
#include "delegate.hpp"
#include "failure.hpp"
#include "memory.hpp"
#include "mlx/backend/common/utils.h"
#include "places.hpp"
#include "pool.hpp"
#include "steps.hpp"
#include "view.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;

// Bytes that one task copies.
constexpr std::size_t task_size = 1 << 16;
// Places that are known at a time.
constexpr std::size_t block_size = 512;

struct Taking {
  const char* source;
  char* target;
  std::size_t item;
  std::vector<PlacesOfAxis> indices;
  std::size_t count;  // of places
  mx::Shape slice;    // of the source, taken at each place
  mx::Strides strides;
  bool in_order;  // whether a slice is one run of memory
  FailureReport report;

  void operator()() const {
    std::size_t size = 1;
    for (int extent : slice) size *= static_cast<std::size_t>(extent);
    const std::size_t step = std::max<std::size_t>(1, task_size / (size * item));
    const auto wrong = run_tasks((count + step - 1) / step, [&](std::size_t task) {
      const std::size_t begin = task * step;
      return take(begin, std::min(step, count - begin), size);
    });
    if (!wrong) return;
    std::memset(target, 0, count * size * item);
    report(*wrong);
  }

 private:
  // The slices at some of the places.
  std::optional<std::string> take(std::size_t begin, std::size_t some, std::size_t size) const {
    std::optional<std::string> wrong;
    for (std::size_t done = 0; done < some && !wrong; done += block_size) {
      std::int64_t offsets[block_size];
      const std::size_t block = std::min(block_size, some - done);
      wrong = read_offsets("gather", indices, begin + done, block, offsets);
      char* to = target + (begin + done) * size * item;
      if (size == 1 && !wrong) {
        take_elements(offsets, block, to);
      } else if (!wrong) {
        for (std::size_t i = 0; i < block; i++) take_slice(offsets[i], to + i * size * item, size);
      }
    }
    return wrong;
  }

  void take_elements(const std::int64_t* offsets, std::size_t block, char* to) const {
    with_bytes(item, [&]<class T>(T) {
      for (std::size_t i = 0; i < block; i++)
        std::memcpy(to + i * sizeof(T), source + offsets[i] * sizeof(T), sizeof(T));
    });
  }

  void take_slice(std::int64_t offset, char* to, std::size_t size) const {
    const char* from = source + offset * static_cast<std::int64_t>(item);
    if (in_order) {
      std::memcpy(to, from, size * item);
    } else {
      Copy{from, strides, to, mx::make_contiguous_strides(slice), slice, item}();
    }
  }
};

class Gather : public Delegate {
 public:
  Gather(std::shared_ptr<mx::Primitive> original, std::vector<int> axes, mx::Shape slice)
      : Delegate(std::move(original)), axes_(std::move(axes)), slice_(std::move(slice)) {}

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    const array& x = inputs[0];
    array& y = outputs[0];
    y.set_data(allocate(y.nbytes()));
    if (y.size() == 0) return;
    const std::size_t count = axes_.empty() ? 1 : inputs[1].size();
    const bool in_order = std::get<1>(mx::check_contiguity(slice_, x.strides()));
    dispatch(
        stream(),
        Taking{
            x.data<char>(),
            y.data<char>(),
            x.itemsize(),
            places_of_axes(inputs, axes_, slice_, x.strides()),
            count,
            slice_,
            x.strides(),
            in_order,
            FailureReport(y)});
  }

 private:
  const std::vector<int> axes_;
  const mx::Shape slice_;
};

}  // namespace

std::shared_ptr<Delegate> gather(array& node) {
  if (!kernels()) return checked_gather(node);
  const auto [axes, slice] = static_cast<const mx::Gather&>(node.primitive()).state();
  for (std::size_t i = 1; i < node.inputs().size(); i++)
    if (!holds_places(node.inputs()[i])) return checked_gather(node);
  return std::make_shared<Gather>(node.primitive_ptr(), axes, slice);
}

}  // namespace mlx_c::cpu
