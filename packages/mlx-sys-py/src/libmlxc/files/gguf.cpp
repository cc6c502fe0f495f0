#include "files/gguf.hpp"

#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <mlx/stream.h>

#include "core/guard.hpp"
#include "cpu/ops/blocks.hpp"
#include "files/byte_source.hpp"
#include "files/gguf_header.hpp"
#include "files/load_node.hpp"
#include "files/map_array.hpp"
#include "files/reading.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// --- Metadata ----------------------------------------------------------------------------------

template <class T>
mx::array numbers_of(const GgufEntry& entry, mx::Dtype dtype) {
  std::vector<T> numbers(entry.size);
  if (entry.size > 0) {
    std::memcpy(numbers.data(), entry.bytes.data(), entry.size * sizeof(T));
  }
  const mx::Shape shape =
      entry.is_array ? mx::Shape{static_cast<mx::ShapeElem>(entry.size)} : mx::Shape{};
  return mx::array(numbers.begin(), shape, dtype);
}

mx::array booleans_of(const GgufEntry& entry) {
  const mx::Shape shape =
      entry.is_array ? mx::Shape{static_cast<mx::ShapeElem>(entry.size)} : mx::Shape{};
  return mx::array(entry.bytes.begin(), shape, mx::bool_);
}

mx::GGUFMetaData value_of(const GgufEntry& entry) {
  switch (entry.type) {
    case MLX_GGUF_UINT8:
      return numbers_of<uint8_t>(entry, mx::uint8);
    case MLX_GGUF_INT8:
      return numbers_of<int8_t>(entry, mx::int8);
    case MLX_GGUF_UINT16:
      return numbers_of<uint16_t>(entry, mx::uint16);
    case MLX_GGUF_INT16:
      return numbers_of<int16_t>(entry, mx::int16);
    case MLX_GGUF_UINT32:
      return numbers_of<uint32_t>(entry, mx::uint32);
    case MLX_GGUF_INT32:
      return numbers_of<int32_t>(entry, mx::int32);
    case MLX_GGUF_FLOAT32:
      return numbers_of<float>(entry, mx::float32);
    case MLX_GGUF_BOOL:
      return booleans_of(entry);
    case MLX_GGUF_UINT64:
      return numbers_of<uint64_t>(entry, mx::uint64);
    case MLX_GGUF_INT64:
      return numbers_of<int64_t>(entry, mx::int64);
    case MLX_GGUF_FLOAT64:
      return numbers_of<double>(entry, mx::float64);
    default:
      break;
  }
  std::vector<std::string> strings;
  for (auto& string : entry.strings) {
    strings.emplace_back(string.data, string.size);
  }
  if (entry.is_array) {
    return strings;
  }
  return strings[0];
}

// --- Tensors -----------------------------------------------------------------------------------

// The type of the array for a tensor that is not quantized.
std::optional<mx::Dtype> plain_dtype(const mlx_gguf_type& type) {
  const std::pair<std::string_view, mx::Dtype> plain[] = {
      {"F32", mx::float32},
      {"F16", mx::float16},
      {"BF16", mx::bfloat16},
      {"F64", mx::float64},
      {"I8", mx::int8},
      {"I16", mx::int16},
      {"I32", mx::int32},
      {"I64", mx::int64},
  };
  for (const auto& [name, dtype] : plain) {
    if (name == type.name) {
      return dtype;
    }
  }
  return std::nullopt;
}

// Makes the arrays of a file.
class TensorReader {
 public:
  TensorReader(const GgufHeader& header, mlx_gguf_form form, bool mapped)
      : header_(header), form_(form), source_(std::make_shared<FileSource>(header.file)) {
    if (mapped) {
      mapped_ = map_file(*source_);
    }
  }

  void read_into(std::unordered_map<std::string, mx::array>& arrays) {
    for (auto& tensor : header_.tensors) {
      read(tensor, arrays);
    }
  }

 private:
  using Arrays = std::unordered_map<std::string, mx::array>;

  void add(Arrays& arrays, const std::string& name, mx::array array) {
    if (!arrays.emplace(name, std::move(array)).second) {
      fail("has two tensors of one name: " + name);
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw IoError(gguf_label(header_.file) + " " + what);
  }

  mx::array stored(const GgufTensor& tensor, mx::Dtype dtype, mx::Shape shape) {
    return map_array(
        source_,
        mapped_,
        {dtype, std::move(shape), tensor.offset, tensor.nbytes},
        mx::default_stream(mx::Device::cpu));
  }

  void read(const GgufTensor& tensor, Arrays& arrays) {
    auto& type = *tensor.type;
    if (const auto dtype = plain_dtype(type)) {
      return add(arrays, tensor.name, stored(tensor, *dtype, tensor.shape));
    }
    const bool is_affine = type.packed && (form_ == MLX_GGUF_AFFINE || form_ == MLX_GGUF_PACKED);
    const bool keeps_blocks = !is_affine && (form_ == MLX_GGUF_PACKED || form_ == MLX_GGUF_BLOCKS);
    if (!type.loadable && !keeps_blocks) {
      fail(
          "has a tensor of type " + std::to_string(type.id) + " (" + type.name +
          "), which cannot be loaded: " + tensor.name);
    }
    mx::Shape shape = tensor.shape;
    const uint64_t row = uint64_t{type.block_nbytes} * (shape.back() / type.block_size);
    if (row > static_cast<uint64_t>(std::numeric_limits<mx::ShapeElem>::max())) {
      fail("has a tensor that is too large: " + tensor.name);
    }
    shape.back() = static_cast<mx::ShapeElem>(row);
    const auto blocks = stored(tensor, mx::uint8, std::move(shape));
    const cpu::BlockFormat format{
        static_cast<int>(type.id),
        static_cast<int>(type.block_size),
        static_cast<int>(type.block_nbytes)};
    const auto stream = mx::default_stream(mx::Device::cpu);
    if (keeps_blocks) {
      add(arrays, tensor.name, blocks);
    } else if (is_affine) {
      const auto parts = cpu::blocks_to_affine(
          blocks, format, gguf_label(header_.file) + ": tensor " + tensor.name, stream);
      // Where MLX puts them: the name less the length of ".weight".
      auto& name = tensor.name;
      const auto prefix = name.size() < 7 ? name : name.substr(0, name.size() - 7);
      add(arrays, name, parts[0]);
      add(arrays, prefix + ".scales", parts[1]);
      add(arrays, prefix + ".biases", parts[2]);
    } else {
      add(arrays, tensor.name, cpu::dequantize_blocks(blocks, format, mx::float32, stream));
    }
  }

  const GgufHeader& header_;
  const mlx_gguf_form form_;
  std::shared_ptr<FileSource> source_;
  std::shared_ptr<cpu::MappedFile> mapped_;
};

}  // namespace

mx::GGUFLoad load_gguf(const std::string& file, mlx_gguf_form form, bool mapped) {
  mx::GGUFLoad result;
  const auto parts = read_gguf_parts(file);
  for (auto& part : parts) {
    TensorReader(part, form, mapped).read_into(result.first);
  }
  for (auto& entry : parts[0].entries) {
    result.second.emplace(entry.key, value_of(entry));
  }
  return result;
}

}  // namespace mlx_c
