#include "files/gguf_validate.hpp"

#include <array>
#include <bit>
#include <limits>
#include <map>
#include <unordered_set>

#include "files/cursor.hpp"

namespace mlx_c {
namespace {

constexpr uint64_t int_max = std::numeric_limits<int>::max();

// MLX's reader asserts this.
constexpr uint32_t max_dimensions = 8;

enum ValueType : uint32_t {
  value_uint32 = 4,
  value_string = 8,
  value_array = 9,
  value_float64 = 12,
};

// Bytes of a scalar, by value type; 0 for what is no scalar.
constexpr std::array<uint32_t, 13> value_sizes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct TensorType {
  uint32_t items;  // in a block
  uint32_t bytes;  // of a block
  bool affine;     // becomes weights, scales and biases in MLX
};

constexpr uint32_t tensor_bfloat16 = 30;

// The tensor types that MLX loads.
const std::map<uint32_t, TensorType> tensor_types{
    {0, {1, 4, false}},       // F32
    {1, {1, 2, false}},       // F16
    {2, {32, 18, true}},      // Q4_0
    {3, {32, 20, true}},      // Q4_1
    {8, {32, 34, true}},      // Q8_0
    {10, {256, 84, false}},   // Q2_K
    {12, {256, 144, false}},  // Q4_K
    {14, {256, 210, false}},  // Q6_K
    {24, {1, 1, false}},      // I8
    {25, {1, 2, false}},      // I16
    {26, {1, 4, false}},      // I32
    {tensor_bfloat16, {1, 2, false}},
};

class Checker : FileCursor {
 public:
  explicit Checker(const std::string& file) : FileCursor(file, "GGUF file " + file) {}

  std::vector<GgufTensor> run() {
    check_magic();
    auto tensors = read<uint64_t>();
    auto entries = read<uint64_t>();
    // Less than any entry takes, so that a count that is too large ends here.
    if (tensors > size() / 24 || entries > size() / 13) {
      fail("counts more entries than it can hold");
    }
    for (uint64_t i = 0; i < entries; ++i) {
      check_entry();
    }
    for (uint64_t i = 0; i < tensors; ++i) {
      check_tensor();
    }
    check_extents();
    return std::move(bfloat16_);
  }

 private:
  struct Extent {
    std::string name;
    uint64_t offset;
    uint64_t bytes;
  };

  uint64_t read_length() {
    auto length = read<uint64_t>();
    if (length > left() || length > int_max) {
      fail("is truncated, or has a length that is too large");
    }
    return length;
  }

  std::string read_string() {
    std::string text(read_length(), '\0');
    read(text.data(), text.size());
    return text;
  }

  // A name is given to C as a text that a null character ends.
  std::string read_name() {
    auto name = read_string();
    if (name.find('\0') != std::string::npos) {
      fail("has a name with a null character in it");
    }
    return name;
  }

  void check_magic() {
    if (size() < 24 || read<std::array<char, 4>>() != std::array{'G', 'G', 'U', 'F'}) {
      fail("is not a GGUF file");
    }
    if (auto version = read<uint32_t>(); version != 2 && version != 3) {
      fail("has version " + std::to_string(version) + ", where 2 or 3 is needed");
    }
  }

  void check_scalar_type(const std::string& key, uint32_t type) {
    if (type == value_float64) {
      fail("has a float64 value in " + key + ", which cannot be loaded");
    }
    if (type >= value_sizes.size()) {
      fail("has a value of unknown type " + std::to_string(type) + " in " + key);
    }
  }

  void check_entry() {
    auto key = read_name();
    auto type = read<uint32_t>();
    check_scalar_type(key, type);
    if (key == "general.alignment") {
      check_alignment(type);
    } else if (type == value_array) {
      check_array(key);
    } else if (type == value_string) {
      skip(read_length());
    } else {
      skip(value_sizes[type]);
    }
  }

  void check_alignment(uint32_t type) {
    alignment_ = type == value_uint32 ? read<uint32_t>() : 0;
    if (!std::has_single_bit(alignment_)) {
      fail("has a general.alignment that is no power of two");
    }
  }

  void check_array(const std::string& key) {
    auto type = read<uint32_t>();
    auto length = read_length();
    check_scalar_type(key, type);
    if (type == value_array) {
      fail("has an array of arrays in " + key + ", which cannot be loaded");
    }
    if (type != value_string) {
      skip(length * value_sizes[type]);
      return;
    }
    std::string text;
    for (uint64_t i = 0; i < length; ++i) {
      // Read, as seeking past a few bytes would drop the buffer.
      text.resize(read_length());
      read(text.data(), text.size());
    }
  }

  void check_tensor() {
    auto name = read_name();
    auto dimensions = read<uint32_t>();
    if (dimensions > max_dimensions) {
      fail("has a tensor of too many dimensions: " + name);
    }
    // From the innermost to the outermost: the reverse of MLX's order.
    mlx::core::Shape shape(dimensions, 0);
    uint64_t items = 1;
    for (auto axis = dimensions; axis-- > 0;) {
      auto extent = read<uint64_t>();
      if (extent > int_max || __builtin_mul_overflow(items, extent, &items)) {
        fail("has a tensor that is too large: " + name);
      }
      shape[axis] = static_cast<int>(extent);
    }
    auto type = read<uint32_t>();
    auto offset = read<uint64_t>();
    extents_.push_back({name, offset, check_type(name, type, shape, items)});
    if (type == tensor_bfloat16) {
      bfloat16_.push_back({name, std::move(shape), offset});
    }
  }

  // The bytes of a tensor.
  uint64_t check_type(
      const std::string& name, uint32_t type, const mlx::core::Shape& shape, uint64_t items) {
    auto found = tensor_types.find(type);
    if (found == tensor_types.end()) {
      fail("has a tensor of type " + std::to_string(type) + ", which cannot be loaded: " + name);
    }
    auto& layout = found->second;
    if (layout.items > 1 && (shape.empty() || shape.back() % layout.items != 0)) {
      fail("has a quantized tensor whose rows are no whole blocks: " + name);
    }
    check_name(name);
    if (layout.affine) {
      // Where MLX puts them: the name less the length of ".weight".
      auto prefix = name.size() < 7 ? name : name.substr(0, name.size() - 7);
      check_name(prefix + ".scales");
      check_name(prefix + ".biases");
    }
    uint64_t bytes;
    if (__builtin_mul_overflow(items / layout.items, layout.bytes, &bytes)) {
      fail("has a tensor that is too large: " + name);
    }
    return bytes;
  }

  void check_name(const std::string& name) {
    if (!names_.insert(name).second) {
      fail("has two tensors of one name: " + name);
    }
  }

  void check_extents() {
    uint64_t position = size() - left();
    uint64_t padding = -position % alignment_;
    for (auto& tensor : extents_) {
      if (tensor.offset % alignment_ != 0) {
        fail("has a tensor that is not aligned: " + tensor.name);
      }
      if (padding > left() || tensor.offset > left() - padding ||
          tensor.bytes > left() - padding - tensor.offset) {
        fail("is truncated: it ends within tensor " + tensor.name);
      }
    }
    for (auto& tensor : bfloat16_) {
      tensor.offset += position + padding;
    }
  }

  uint32_t alignment_ = 32;
  std::unordered_set<std::string> names_;
  std::vector<Extent> extents_;
  std::vector<GgufTensor> bfloat16_;
};

}  // namespace

std::vector<GgufTensor> check_gguf(const std::string& file) {
  return Checker(file).run();
}

}  // namespace mlx_c
