#include "files/load_node.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include <mlx/stream.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/nodes/evaluation_errors.hpp"
#include "cpu/nodes/kernel_override.hpp"
#include "cpu/nodes/task_queue.hpp"

namespace mlx_c {

namespace mx = mlx::core;
using mx::array;

namespace {

// As NumPy's.
constexpr size_t max_dimensions = 64;

void reverse_bytes(char* data, size_t bytes, int width) {
  for (char* number = data; number < data + bytes; number += width) {
    std::reverse(number, number + width);
  }
}

// A byte that is neither 0 nor 1 is true in NumPy; kernels expect 0 and 1.
void make_boolean(char* data, size_t bytes) {
  std::transform(data, data + bytes, data, [](char byte) { return byte != 0; });
}

// MLX's own primitive of that name does not notice that a file has become shorter, and swaps the
// two halves of a complex number.
class Load : public cpu::KernelPrimitive {
 public:
  Load(mx::Stream stream, std::shared_ptr<ByteSource> source, uint64_t offset, int swapped)
      : KernelPrimitive(stream), source_(std::move(source)), offset_(offset), swapped_(swapped) {}

  // A function of the user needs a stack and locks that a caller's thread may not have.
  bool may_run_inline() const override {
    return !source_->is_user();
  }

  void eval_cpu(const std::vector<array>&, std::vector<array>& outputs) override {
    array& out = outputs[0];
    cpu::allocate_for(out);
    cpu::dispatch(
        stream(),
        [source = source_,
         offset = offset_,
         swapped = swapped_,
         data = out.data<char>(),
         bytes = out.nbytes(),
         is_bool = out.dtype() == mx::bool_,
         report = cpu::ErrorReport(out)] {
          try {
            if (bytes > 0) {
              source->read(data, bytes, offset);
            }
          } catch (...) {
            report(std::current_exception());
            return;
          }
          if (swapped > 1) {
            reverse_bytes(data, bytes, swapped);
          }
          if (is_bool) {
            make_boolean(data, bytes);
          }
        });
  }

  const char* name() const override {
    return "Load";
  }

 private:
  const std::shared_ptr<ByteSource> source_;
  const uint64_t offset_;
  const int swapped_;
};

}  // namespace

array load_lazily(
    std::shared_ptr<ByteSource> source, const StoredArray& stored, mx::Stream stream) {
  // The CPU reads files, whatever computes with what is in them.
  if (stream.device != mx::Device::cpu) {
    stream = mx::default_stream(mx::Device::cpu);
  }
  return array(
      stored.shape,
      stored.dtype,
      std::make_shared<Load>(stream, std::move(source), stored.offset, stored.swapped),
      {});
}

uint64_t count_bytes(
    const ByteSource& source,
    const std::string& what,
    const std::vector<uint64_t>& shape,
    mx::Dtype dtype) {
  constexpr uint64_t most = std::numeric_limits<mx::ShapeElem>::max();
  if (shape.size() > max_dimensions) {
    source.fail(
        "has " + what + " of " + std::to_string(shape.size()) +
        " dimensions, where an array has at most " + std::to_string(max_dimensions));
  }
  uint64_t bytes = dtype.size();
  for (const uint64_t extent : shape) {
    if (extent > most) {
      source.fail(
          "has " + what + " of shape " + shape_text(shape) +
          ", where an array has at most 2147483647 elements along an axis");
    }
    if (__builtin_mul_overflow(bytes, extent, &bytes)) {
      source.fail("has " + what + " of an impossible shape: " + shape_text(shape));
    }
  }
  return bytes;
}

mx::Shape to_shape(const std::vector<uint64_t>& shape) {
  return mx::Shape(shape.begin(), shape.end());
}

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "(";
  for (const uint64_t extent : shape) {
    text += std::to_string(extent) + (shape.size() == 1 ? "," : ", ");
  }
  if (shape.size() > 1) {
    text.resize(text.size() - 2);
  }
  return text + ")";
}

}  // namespace mlx_c
