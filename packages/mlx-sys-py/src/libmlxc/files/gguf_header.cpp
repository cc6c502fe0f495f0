#include "files/gguf_header.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <string_view>

#include "core/gguf_types.hpp"
#include "files/cursor.hpp"
#include "files/utf8.hpp"

namespace mlx_c {
namespace {

constexpr uint64_t int_max = std::numeric_limits<int>::max();

// Real headers have some 20 MB. Whatever a file says, no more than a few times this is allocated.
constexpr uint64_t max_header_bytes = 256 << 20;

// That of the format for keys.
constexpr uint64_t max_name_bytes = 65535;

// MLX's own.
constexpr uint32_t max_dimensions = 8;

// Of a model; more is damage.
constexpr uint64_t max_parts = 99999;

// Bytes that an item takes in a file, by value type: of a string, those of its length.
constexpr std::array<uint32_t, 13> value_sizes{1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8};
static_assert(value_sizes.size() == MLX_GGUF_FLOAT64 + 1);

class HeaderParser : FileCursor {
 public:
  explicit HeaderParser(const std::string& file) : FileCursor(file, gguf_label(file)) {
    header_.file = file;
  }

  GgufHeader run() {
    read_magic();
    auto tensors = read<uint64_t>();
    auto entries = read<uint64_t>();
    // Less than any entry takes, so that a count that is too large ends here.
    if (tensors > size() / 24 || entries > size() / 13) {
      fail("counts more entries than it can hold");
    }
    for (uint64_t i = 0; i < entries; ++i) {
      read_entry();
    }
    for (uint64_t i = 0; i < tensors; ++i) {
      read_tensor();
    }
    place_tensors();
    return std::move(header_);
  }

 private:
  void read_magic() {
    if (size() < 24 || read<std::array<char, 4>>() != std::array{'G', 'G', 'U', 'F'}) {
      fail("is not a GGUF file");
    }
    header_.version = read<uint32_t>();
    if (header_.version == 2 << 24 || header_.version == 3 << 24) {
      fail("is big-endian, where little-endian is needed");
    }
    if (header_.version != 2 && header_.version != 3) {
      fail("has version " + std::to_string(header_.version) + ", where 2 or 3 is needed");
    }
  }

  // A number of items of so many bytes each, or more.
  uint64_t read_length(uint64_t bytes) {
    auto length = read<uint64_t>();
    if (length > left() / bytes) {
      fail("is truncated, or has a length that is too large");
    }
    if (position() + length * bytes > max_header_bytes) {
      fail("has a header of more than 256 MiB");
    }
    return length;
  }

  // A name is given to C as a text that a null character ends.
  std::string read_name() {
    std::string name(read_length(1), '\0');
    read(name.data(), name.size());
    if (name.empty() || name.size() > max_name_bytes) {
      fail("has a name of " + std::to_string(name.size()) + " bytes, where 1 to 65535 are allowed");
    }
    if (name.find('\0') != std::string::npos) {
      fail("has a name with a null character in it");
    }
    if (!is_utf8(name)) {
      fail("has a name that is no UTF-8");
    }
    return name;
  }

  void read_entry() {
    GgufEntry entry;
    entry.key = read_name();
    auto type = read<uint32_t>();
    entry.is_array = type == MLX_GGUF_ARRAY;
    if (entry.is_array) {
      type = read<uint32_t>();
    }
    // The format has them, its own reader and writer have not.
    if (entry.is_array && type == MLX_GGUF_ARRAY) {
      fail("has an array of arrays in " + entry.key + ", which cannot be read");
    }
    if (type >= value_sizes.size()) {
      fail("has a value of unknown type " + std::to_string(type) + " in " + entry.key);
    }
    entry.type = static_cast<mlx_gguf_value_type>(type);
    if (entry.is_array) {
      entry.size = read_length(value_sizes[type]);
    }
    if (entry.type == MLX_GGUF_STRING) {
      read_strings(entry);
    } else {
      read_numbers(entry);
    }
    if (entry.key == "general.alignment") {
      set_alignment(entry);
    }
    if (!header_.entry_index.emplace(entry.key, header_.entries.size()).second) {
      fail("has two values of one key: " + entry.key);
    }
    header_.entries.push_back(std::move(entry));
  }

  void read_numbers(GgufEntry& entry) {
    auto& bytes = entry.bytes;
    bytes.resize(entry.size * value_sizes[entry.type]);
    read(bytes.data(), bytes.size());
    // C and C++ read no other as a bool.
    if (entry.type == MLX_GGUF_BOOL &&
        std::ranges::any_of(bytes, [](char byte) { return byte != 0 && byte != 1; })) {
      fail("has a boolean that is neither 0 nor 1 in " + entry.key);
    }
  }

  void read_strings(GgufEntry& entry) {
    auto& bytes = entry.bytes;
    entry.strings.reserve(entry.size);
    for (size_t i = 0; i < entry.size; ++i) {
      auto start = bytes.size();
      auto length = read_length(1);
      bytes.resize(start + length + 1);
      read(bytes.data() + start, length);
      entry.strings.push_back({nullptr, length});
    }
    const char* data = bytes.data();
    for (auto& string : entry.strings) {
      string.data = data;
      data += string.size + 1;
    }
  }

  void set_alignment(const GgufEntry& entry) {
    uint32_t alignment = 0;
    if (entry.type == MLX_GGUF_UINT32 && !entry.is_array) {
      std::ranges::copy(entry.bytes, reinterpret_cast<char*>(&alignment));
    }
    if (!std::has_single_bit(alignment)) {
      fail("has a general.alignment that is no power of two in 32 bits");
    }
    header_.alignment = alignment;
  }

  void read_tensor() {
    GgufTensor tensor;
    tensor.name = read_name();
    auto dimensions = read<uint32_t>();
    if (dimensions > max_dimensions) {
      fail("has a tensor of too many dimensions: " + tensor.name);
    }
    // From the innermost to the outermost: the reverse of MLX's order.
    tensor.shape.resize(dimensions);
    uint64_t items = 1;
    for (auto axis = dimensions; axis-- > 0;) {
      auto extent = read<uint64_t>();
      if (extent > int_max || __builtin_mul_overflow(items, extent, &items)) {
        fail("has a tensor that is too large: " + tensor.name);
      }
      tensor.shape[axis] = static_cast<int>(extent);
    }
    auto type = read<uint32_t>();
    tensor.type = find_gguf_type(type);
    if (!tensor.type) {
      fail("has a tensor of unknown type " + std::to_string(type) + ": " + tensor.name);
    }
    tensor.nbytes = count_bytes(tensor, items);
    tensor.offset = read<uint64_t>();
    if (!header_.tensor_index.emplace(tensor.name, header_.tensors.size()).second) {
      fail("has two tensors of one name: " + tensor.name);
    }
    header_.tensors.push_back(std::move(tensor));
  }

  uint64_t count_bytes(const GgufTensor& tensor, uint64_t items) const {
    auto& type = *tensor.type;
    auto& shape = tensor.shape;
    if (type.block_size > 1 && (shape.empty() || shape.back() % type.block_size != 0)) {
      fail(
          "has a tensor of type " + std::string(type.name) +
          " whose rows are no whole blocks: " + tensor.name);
    }
    uint64_t bytes;
    if (__builtin_mul_overflow(items / type.block_size, type.block_nbytes, &bytes)) {
      fail("has a tensor that is too large: " + tensor.name);
    }
    return bytes;
  }

  // Makes offsets those in the file, and checks that each tensor has bytes of its own.
  void place_tensors() {
    auto& tensors = header_.tensors;
    uint64_t alignment = header_.alignment;
    uint64_t padding = -position() % alignment;
    header_.data_offset = position() + padding;
    for (auto& tensor : tensors) {
      if (tensor.offset % alignment != 0) {
        fail("has a tensor that is not aligned: " + tensor.name);
      }
      if (padding > left() || tensor.offset > left() - padding ||
          tensor.nbytes > left() - padding - tensor.offset) {
        fail("is truncated: it ends within tensor " + tensor.name);
      }
      tensor.offset += header_.data_offset;
    }
    std::vector<const GgufTensor*> sorted;
    for (auto& tensor : tensors) {
      if (tensor.nbytes > 0) {
        sorted.push_back(&tensor);
      }
    }
    std::ranges::sort(sorted, {}, &GgufTensor::offset);
    auto overlap = std::ranges::adjacent_find(sorted, [](auto* first, auto* second) {
      return first->offset + first->nbytes > second->offset;
    });
    if (overlap != sorted.end()) {
      fail("has tensors that overlap: " + overlap[0]->name + " and " + overlap[1]->name);
    }
  }

  GgufHeader header_;
};

// Whole numbers of the metadata, of whatever type the writer has chosen; 0 if there is none.
uint64_t find_number(const GgufHeader& header, const std::string& key) {
  const auto found = header.entry_index.find(key);
  if (found == header.entry_index.end()) {
    return 0;
  }
  const GgufEntry& entry = header.entries[found->second];
  const bool is_signed = entry.type == MLX_GGUF_INT8 || entry.type == MLX_GGUF_INT16 ||
      entry.type == MLX_GGUF_INT32 || entry.type == MLX_GGUF_INT64;
  const bool is_unsigned = entry.type == MLX_GGUF_UINT8 || entry.type == MLX_GGUF_UINT16 ||
      entry.type == MLX_GGUF_UINT32 || entry.type == MLX_GGUF_UINT64;
  if (entry.is_array || !(is_signed || is_unsigned)) {
    throw IoError(gguf_label(header.file) + " has no whole number in " + key);
  }
  uint64_t number = 0;
  std::ranges::copy(entry.bytes, reinterpret_cast<char*>(&number));
  if (is_signed && (entry.bytes.back() & 0x80) != 0) {
    throw IoError(gguf_label(header.file) + " has a negative number in " + key);
  }
  return number;
}

// As split models count their files: "-00001-of-00003.gguf" ends the name of the first of three.
std::string part_suffix(uint64_t number, uint64_t count) {
  char text[64];
  std::snprintf(
      text,
      sizeof(text),
      "-%05llu-of-%05llu.gguf",
      static_cast<unsigned long long>(number + 1),
      static_cast<unsigned long long>(count));
  return text;
}

}  // namespace

GgufHeader read_gguf_header(const std::string& file) {
  return HeaderParser(file).run();
}

std::vector<GgufHeader> read_gguf_parts(const std::string& file) {
  std::vector<GgufHeader> parts;
  parts.push_back(read_gguf_header(file));
  const uint64_t count = find_number(parts[0], "split.count");
  if (count <= 1) {
    return parts;
  }
  const uint64_t number = find_number(parts[0], "split.no");
  const std::string suffix = part_suffix(number, count);
  if (count > max_parts || number >= count || !file.ends_with(suffix)) {
    throw IoError(
        gguf_label(file) + " is part " + std::to_string(number) + " of " + std::to_string(count) +
        ", so its name should end in " + suffix);
  }
  const std::string stem = file.substr(0, file.size() - suffix.size());
  parts.clear();
  for (uint64_t i = 0; i < count; ++i) {
    const std::string part = stem + part_suffix(i, count);
    if (!std::filesystem::exists(part)) {
      throw FileNotFound(
          "there is no file " + part + ", which is part of the model that " + file + " is in");
    }
    parts.push_back(read_gguf_header(part));
    if (find_number(parts[i], "split.count") != count || find_number(parts[i], "split.no") != i) {
      throw IoError(
          gguf_label(part) + " is not part " + std::to_string(i) + " of " + std::to_string(count));
    }
  }
  return parts;
}

}  // namespace mlx_c
