#include "files/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_set>

#include "core/guard.hpp"
#include "files/json.hpp"
#include "files/utf8.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

// That of the format.
constexpr uint64_t max_header_bytes = 100'000'000;

constexpr std::string_view metadata_name = "__metadata__";

struct TypeName {
  std::string_view name;
  mx::Dtype dtype;
};

// The first eight-bit floating-point types are the bytes that MLX's quantized operations take.
constexpr auto types = std::to_array<TypeName>({
    {"BOOL", mx::bool_},
    {"U8", mx::uint8},
    {"U16", mx::uint16},
    {"U32", mx::uint32},
    {"U64", mx::uint64},
    {"I8", mx::int8},
    {"I16", mx::int16},
    {"I32", mx::int32},
    {"I64", mx::int64},
    {"F16", mx::float16},
    {"F32", mx::float32},
    {"F64", mx::float64},
    {"BF16", mx::bfloat16},
    {"C64", mx::complex64},
    {"F8_E4M3", mx::uint8},
    {"F8_E8M0", mx::uint8},
});

std::string_view name_of(mx::Dtype dtype) {
  return std::ranges::find(types, dtype, &TypeName::dtype)->name;
}

class HeaderParser {
 public:
  explicit HeaderParser(ByteSource& source)
      : source_(source), text_(read_text()), json_(text_, source, "safetensors header") {}

  SafetensorsHeader run() {
    json_.read_object([this](std::string name) {
      if (!seen_.insert(name).second) {
        source_.fail("has two entries of one name: " + quoted(name));
      }
      if (name == metadata_name) {
        read_metadata();
      } else {
        read_tensor(std::move(name));
      }
    });
    json_.expect_end();
    place_tensors();
    return std::move(header_);
  }

 private:
  std::string read_text() {
    if (source_.size() < 8) {
      source_.fail("is not a safetensors file: it is truncated");
    }
    uint64_t length = 0;
    source_.read(reinterpret_cast<char*>(&length), sizeof(length), 0);
    if (length > max_header_bytes) {
      source_.fail(
          "is not a safetensors file: its header would have " + std::to_string(length) +
          " bytes, more than " + std::to_string(max_header_bytes));
    }
    data_offset_ = sizeof(length) + length;
    std::string text = source_.ByteSource::read(length, sizeof(length));
    if (!text.starts_with('{')) {
      source_.fail("is not a safetensors file: its header does not begin with '{'");
    }
    if (!is_utf8(text)) {
      source_.fail("has a safetensors header that is not UTF-8");
    }
    return text;
  }

  static std::string quoted(const std::string& name) {
    return "\"" + name.substr(0, name.find('\0')) + "\"";
  }

  // Texts are given to C, where a null character ends them.
  void check_no_null(const std::string& text, const char* what) {
    if (text.find('\0') != std::string::npos) {
      source_.fail(std::string("has a ") + what + " with a null character: " + quoted(text));
    }
  }

  void read_metadata() {
    if (json_.accept_null()) {
      return;
    }
    json_.read_object([this](std::string name) {
      std::string value = json_.read_text();
      check_no_null(name, "name in its metadata");
      check_no_null(value, "text in its metadata");
      if (!header_.metadata.emplace(name, std::move(value)).second) {
        source_.fail("has two texts of one name in its metadata: " + quoted(name));
      }
    });
  }

  void read_tensor(std::string name) {
    check_no_null(name, "name");
    std::optional<std::string> type;
    std::optional<std::vector<uint64_t>> shape, offsets;
    auto once = [&](auto& field, auto value) {
      if (field) {
        source_.fail("has two fields of one name in tensor " + quoted(name));
      }
      field = std::move(value);
    };
    json_.read_object([&](const std::string& field) {
      if (field == "dtype") {
        once(type, json_.read_text());
      } else if (field == "shape") {
        once(shape, read_numbers());
      } else if (field == "data_offsets") {
        once(offsets, read_numbers());
      } else {
        json_.skip_value();
      }
    });
    if (!type || !shape || !offsets) {
      source_.fail(
          "has a tensor without " +
          std::string(
              !type        ? "dtype"
                  : !shape ? "shape"
                           : "data_offsets") +
          ": " + quoted(name));
    }
    add_tensor(std::move(name), *type, *shape, *offsets);
  }

  std::vector<uint64_t> read_numbers() {
    std::vector<uint64_t> numbers;
    json_.read_list([&] { numbers.push_back(json_.read_unsigned()); });
    return numbers;
  }

  void add_tensor(
      std::string name,
      const std::string& type,
      const std::vector<uint64_t>& shape,
      const std::vector<uint64_t>& offsets) {
    const std::string what = "tensor " + quoted(name);
    const auto found = std::ranges::find(types, type, &TypeName::name);
    if (found == types.end()) {
      source_.fail("has " + what + " of dtype \"" + type + "\", which no array has");
    }
    const uint64_t bytes = count_bytes(source_, what, shape, found->dtype);
    const uint64_t size = source_.size() - data_offset_;
    if (offsets.size() != 2 || offsets[0] > offsets[1]) {
      source_.fail("has " + what + " whose data_offsets are no beginning and end");
    }
    if (offsets[1] > size) {
      source_.fail(
          "is truncated: " + what + " ends at byte " + std::to_string(offsets[1]) +
          " of the data, which are " + std::to_string(size));
    }
    if (offsets[1] - offsets[0] != bytes) {
      source_.fail(
          "has " + what + " with " + std::to_string(offsets[1] - offsets[0]) +
          " bytes, where shape " + shape_text(shape) + " and dtype " + type + " need " +
          std::to_string(bytes));
    }
    header_.tensors.push_back(
        {std::move(name),
         {.dtype = found->dtype,
          .shape = to_shape(shape),
          .offset = data_offset_ + offsets[0],
          .nbytes = bytes}});
  }

  // The format forbids holes, as well as bytes that two tensors share.
  void place_tensors() const {
    std::vector<const SafetensorsTensor*> sorted;
    for (const auto& tensor : header_.tensors) {
      sorted.push_back(&tensor);
    }
    std::ranges::sort(sorted, {}, [](const SafetensorsTensor* tensor) {
      return std::tuple(tensor->array.offset, tensor->array.nbytes);
    });
    uint64_t end = data_offset_;
    for (const auto* tensor : sorted) {
      if (tensor->array.offset != end) {
        source_.fail(
            std::string(
                tensor->array.offset < end ? "has tensors that overlap"
                                           : "has a hole in its data") +
            ": tensor " + quoted(tensor->name) + " begins at byte " +
            std::to_string(tensor->array.offset - data_offset_) + ", those before it end at " +
            std::to_string(end - data_offset_));
      }
      end += tensor->array.nbytes;
    }
    if (end != source_.size()) {
      source_.fail(
          "has " + std::to_string(source_.size() - end) + " bytes that belong to no tensor");
    }
  }

  ByteSource& source_;
  uint64_t data_offset_ = 0;
  const std::string text_;
  JsonCursor json_;
  std::unordered_set<std::string> seen_;
  SafetensorsHeader header_;
};

void append_text(std::string& json, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  json += '"';
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (code < ' ') {
      json += "\\u00";
      json += hex[code >> 4];
      json += hex[code & 15];
    } else {
      json += c;
    }
  }
  json += '"';
}

template <class Items, class F>
void append_joined(std::string& json, const Items& items, F append) {
  bool first = true;
  for (const auto& item : items) {
    if (!std::exchange(first, false)) {
      json += ',';
    }
    append(item);
  }
}

void check_text(const std::string& text) {
  if (!is_utf8(text)) {
    throw std::invalid_argument("safetensors: a name or text is not UTF-8");
  }
}

}  // namespace

SafetensorsHeader read_safetensors_header(ByteSource& source) {
  return HeaderParser(source).run();
}

void write_safetensors(
    mx::io::Writer& out,
    const std::unordered_map<std::string, mx::array>& arrays,
    const std::unordered_map<std::string, std::string>& metadata) {
  // The largest elements come first, so that all are aligned; then by name, so that one model
  // always gives one file.
  std::vector<const std::pair<const std::string, mx::array>*> sorted;
  for (const auto& entry : arrays) {
    if (entry.first == metadata_name) {
      throw std::invalid_argument("safetensors: \"__metadata__\" cannot be the name of an array");
    }
    check_text(entry.first);
    sorted.push_back(&entry);
  }
  std::ranges::sort(sorted, [](const auto* a, const auto* b) {
    return std::tuple(-static_cast<int>(a->second.itemsize()), std::string_view(a->first)) <
        std::tuple(-static_cast<int>(b->second.itemsize()), std::string_view(b->first));
  });

  std::string json = "{";
  if (!metadata.empty()) {
    append_text(json, metadata_name);
    json += ":{";
    append_joined(json, std::map(metadata.begin(), metadata.end()), [&](const auto& entry) {
      check_text(entry.first);
      check_text(entry.second);
      append_text(json, entry.first);
      json += ':';
      append_text(json, entry.second);
    });
    json += arrays.empty() ? "}" : "},";
  }
  uint64_t offset = 0;
  append_joined(json, sorted, [&](const auto* entry) {
    const auto& [name, array] = *entry;
    append_text(json, name);
    json += ":{\"dtype\":";
    append_text(json, name_of(array.dtype()));
    json += ",\"shape\":[";
    append_joined(json, array.shape(), [&](auto extent) { json += std::to_string(extent); });
    json += "],\"data_offsets\":[" + std::to_string(offset) + ",";
    offset += array.nbytes();
    json += std::to_string(offset) + "]}";
  });
  json += '}';
  json.append(-json.size() % 8, ' ');
  if (json.size() > max_header_bytes) {
    throw std::invalid_argument("safetensors: the names and metadata are more than 100 MB");
  }
  const uint64_t length = json.size();
  out.write(reinterpret_cast<const char*>(&length), sizeof(length));
  out.write(json.data(), json.size());
  for (const auto* entry : sorted) {
    const auto& array = entry->second;
    if (array.nbytes() > 0) {
      out.write(array.data<char>(), array.nbytes());
    }
  }
}

}  // namespace mlx_c
