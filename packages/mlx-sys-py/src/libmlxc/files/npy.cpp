#include "files/npy.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>
#include <vector>

#include <mlx/ops.h>

namespace mlx_c {

namespace mx = mlx::core;

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::string_view magic = "\x93NUMPY";

// Headers of plain types have some hundred bytes.
constexpr uint64_t max_header_bytes = 1 << 20;

struct TypeName {
  std::string_view name;
  mx::Dtype dtype;
};

// What may follow the byte order. The letters are C's types, as they are on Linux and macOS.
constexpr auto type_codes = std::to_array<TypeName>({
    {"b1", mx::bool_},     {"i1", mx::int8},     {"i2", mx::int16},   {"i4", mx::int32},
    {"i8", mx::int64},     {"u1", mx::uint8},    {"u2", mx::uint16},  {"u4", mx::uint32},
    {"u8", mx::uint64},    {"f2", mx::float16},  {"f4", mx::float32}, {"f8", mx::float64},
    {"c8", mx::complex64}, {"V2", mx::bfloat16}, {"?", mx::bool_},    {"b", mx::int8},
    {"h", mx::int16},      {"i", mx::int32},     {"l", mx::int64},    {"q", mx::int64},
    {"p", mx::int64},      {"n", mx::int64},     {"B", mx::uint8},    {"H", mx::uint16},
    {"I", mx::uint32},     {"L", mx::uint64},    {"Q", mx::uint64},   {"P", mx::uint64},
    {"N", mx::uint64},     {"e", mx::float16},   {"f", mx::float32},  {"d", mx::float64},
    {"F", mx::complex64},
});

// What may stand alone.
constexpr auto type_names = std::to_array<TypeName>({
    {"bool", mx::bool_},      {"bool_", mx::bool_},         {"int8", mx::int8},
    {"int16", mx::int16},     {"int32", mx::int32},         {"int64", mx::int64},
    {"uint8", mx::uint8},     {"uint16", mx::uint16},       {"uint32", mx::uint32},
    {"uint64", mx::uint64},   {"float16", mx::float16},     {"float32", mx::float32},
    {"float64", mx::float64}, {"complex64", mx::complex64}, {"byte", mx::int8},
    {"ubyte", mx::uint8},     {"short", mx::int16},         {"ushort", mx::uint16},
    {"intc", mx::int32},      {"uintc", mx::uint32},        {"int", mx::int64},
    {"uint", mx::uint64},     {"long", mx::int64},          {"ulong", mx::uint64},
    {"longlong", mx::int64},  {"ulonglong", mx::uint64},    {"intp", mx::int64},
    {"uintp", mx::uint64},    {"half", mx::float16},        {"single", mx::float32},
    {"float", mx::float64},   {"double", mx::float64},      {"csingle", mx::complex64},
});

template <size_t N>
std::optional<mx::Dtype> find(const std::array<TypeName, N>& types, std::string_view name) {
  const auto found = std::ranges::find(types, name, &TypeName::name);
  return found == types.end() ? std::nullopt : std::optional(found->dtype);
}

bool is_complex128(std::string_view code, bool has_order) {
  return code == "c16" || code == "D" ||
      (!has_order && (code == "complex128" || code == "complex" || code == "cdouble"));
}

// A dictionary as Python writes it: three names with a text, a truth value, and a tuple of numbers.
class HeaderParser {
 public:
  HeaderParser(const ByteSource& source, std::string_view text) : source_(source), text_(text) {}

  void run() {
    skip_space();
    expect('{');
    while (skip_space(), peek() != '}') {
      read_entry();
      skip_space();
      if (peek() != '}') {
        expect(',');
      }
    }
    expect('}');
    skip_space();
    if (at_ != text_.size()) {
      fail("something follows the dictionary");
    }
    if (!type || !fortran_order || !shape) {
      fail("it needs the keys 'descr', 'fortran_order' and 'shape'");
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    std::string shown(text_.substr(0, 100));
    std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
    source_.fail("has an npy header that cannot be read: " + what + "; the header is " + shown);
  }

  std::optional<std::string> type;
  std::optional<bool> fortran_order;
  std::optional<std::vector<uint64_t>> shape;

 private:
  void read_entry() {
    const std::string key = read_text();
    skip_space();
    expect(':');
    skip_space();
    if (key == "descr") {
      if (peek() == '[') {
        fail("a structured type, which no array has");
      }
      type = read_text();
    } else if (key == "fortran_order") {
      fortran_order = read_bool();
    } else if (key == "shape") {
      shape = read_tuple();
    } else {
      fail("'" + key + "' is none of its keys");
    }
  }

  // The character after the end is none.
  char peek() const {
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  void expect(char c) {
    if (at_ == text_.size() || text_[at_] != c) {
      fail(std::string("'") + c + "' is expected at byte " + std::to_string(at_));
    }
    at_++;
  }

  void skip_space() {
    at_ = std::min(text_.find_first_not_of(" \t\n\r\f", at_), text_.size());
  }

  bool accept(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  std::string read_text() {
    if (peek() == 'u' || peek() == 'U') {
      at_++;
    }
    const char quote = peek();
    if (quote != '\'' && quote != '"') {
      fail("a text is expected at byte " + std::to_string(at_));
    }
    const size_t start = ++at_;
    for (; peek() != quote; at_++) {
      if (at_ == text_.size() || peek() == '\n' || peek() == '\r') {
        fail("a text has no end");
      }
      if (peek() == '\\') {
        fail("a text has a backslash, which none of the format has");
      }
    }
    return std::string(text_.substr(start, at_++ - start));
  }

  bool read_bool() {
    const bool value = accept("True");
    if (!value && !accept("False")) {
      fail("fortran_order is neither True nor False");
    }
    return value;
  }

  std::vector<uint64_t> read_tuple() {
    std::vector<uint64_t> items;
    if (peek() != '(') {
      fail("shape is not a tuple");
    }
    at_++;
    bool has_comma = true;
    while (skip_space(), peek() != ')') {
      if (!has_comma) {
        fail("shape is not a tuple");
      }
      items.push_back(read_number());
      skip_space();
      has_comma = accept(",");
    }
    // A number in parentheses is that number.
    if (items.size() == 1 && !has_comma) {
      fail("shape is not a tuple");
    }
    at_++;
    return items;
  }

  static bool is_digit(char c) {
    return c >= '0' && c <= '9';
  }

  uint64_t read_number() {
    const size_t start = at_;
    uint64_t value = 0;
    while (is_digit(peek())) {
      if (__builtin_mul_overflow(value, uint64_t{10}, &value) ||
          __builtin_add_overflow(value, static_cast<uint64_t>(peek() - '0'), &value)) {
        fail("a number of the shape is too large");
      }
      at_++;
      if (peek() == '_' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])) {
        at_++;
      }
    }
    if (at_ == start) {
      fail(
          peek() == '-' ? "a number of the shape is negative"
                        : "a number is expected at byte " + std::to_string(at_));
    }
    if (text_[start] == '0' && value != 0) {
      fail("a number begins with 0");
    }
    // Python 2 wrote long numbers so.
    accept("L");
    return value;
  }

  const ByteSource& source_;
  const std::string_view text_;
  size_t at_ = 0;
};

std::string header_text(ByteSource& source, uint64_t& data_offset) {
  if (source.size() < 10 || source.read(magic.size(), 0) != magic) {
    source.fail("is not an npy file: it is too short or has another beginning");
  }
  const std::string start = source.read(4, magic.size());
  const int major = static_cast<unsigned char>(start[0]);
  const int minor = static_cast<unsigned char>(start[1]);
  if (major < 1 || major > 3 || minor != 0) {
    source.fail(
        "is an npy file of version " + std::to_string(major) + "." + std::to_string(minor) +
        ", where 1.0, 2.0 or 3.0 is needed");
  }
  const uint64_t prefix = major == 1 ? 10 : 12;
  const std::string length_bytes = source.read(prefix - 8, 8);
  uint32_t length = 0;
  std::memcpy(&length, length_bytes.data(), length_bytes.size());
  if (length > max_header_bytes) {
    source.fail("has an npy header of " + std::to_string(length) + " bytes: more than 1 MiB");
  }
  data_offset = prefix + length;
  return source.read(length, prefix);
}

const char* kind_of(char code) {
  switch (code) {
    case 'O':
      return "Python objects";
    case 'S':
    case 'a':
    case 'U':
    case 'T':
    case 'c':
      return "texts";
    case 'M':
    case 'm':
      return "dates or durations";
    case 'V':
      return "structures";
    case 'g':
    case 'G':
    case 'f':
      return "numbers of a precision that no array has";
    default:
      return "of a type that no array has";
  }
}

// As numpy.dtype reads it.
void set_type(NpyHeader& header, const HeaderParser& parsed) {
  const std::string& text = *parsed.type;
  const bool has_order =
      !text.empty() && std::string_view("<>=|").find(text[0]) != std::string_view::npos;
  const std::string_view code = std::string_view(text).substr(has_order);
  auto dtype = find(type_codes, code);
  if (!dtype && !has_order) {
    dtype = find(type_names, code);
  }
  header.complex128 = !dtype && is_complex128(code, has_order);
  if (header.complex128) {
    dtype = mx::float64;
  }
  if (!dtype) {
    parsed.fail("the elements are '" + text + "', " + kind_of(code.empty() ? '\0' : code[0]));
  }
  header.array.dtype = *dtype;
  if (text[0] == '>') {
    header.array.swapped = *dtype == mx::complex64 ? 4 : dtype->size();
  }
}

// The letter of a type and its bytes. NumPy has no bfloat16 of its own, and writes that of
// ml_dtypes so.
std::string type_text(mx::Dtype dtype) {
  std::string size = std::to_string(dtype.size());
  std::string order = dtype.size() == 1 ? "|" : "<";
  if (dtype == mx::bool_) {
    return order + "b" + size;
  }
  if (dtype == mx::bfloat16) {
    return order + "V" + size;
  }
  if (dtype == mx::complex64) {
    return order + "c" + size;
  }
  if (mx::issubdtype(dtype, mx::floating)) {
    return order + "f" + size;
  }
  return order + (mx::issubdtype(dtype, mx::signedinteger) ? "i" : "u") + size;
}

}  // namespace

NpyHeader read_npy_header(ByteSource& source) {
  NpyHeader header{.array = {.dtype = mx::float32, .shape = {}, .offset = 0, .nbytes = 0}};
  const std::string text = header_text(source, header.array.offset);
  HeaderParser parsed(source, text);
  parsed.run();
  set_type(header, parsed);
  header.fortran_order = *parsed.fortran_order;
  auto& shape = *parsed.shape;
  auto stored = shape;
  if (header.fortran_order) {
    std::ranges::reverse(stored);
  }
  if (header.complex128) {
    stored.push_back(2);
  }
  header.array.nbytes = count_bytes(source, "an array", stored, header.array.dtype);
  header.array.shape = to_shape(stored);
  const uint64_t left = source.size() - header.array.offset;
  if (header.array.nbytes > left) {
    source.fail(
        "is truncated: an array of shape " + shape_text(shape) + " and type " + *parsed.type +
        " has " + std::to_string(header.array.nbytes) + " bytes, and " + std::to_string(left) +
        " are there");
  }
  return header;
}

mx::array arrange_npy(const NpyHeader& header, mx::array stored, mx::Stream stream) {
  if (header.complex128) {
    // As NumPy rounds: each part by itself.
    auto parts = mx::view(mx::astype(stored, mx::float32, stream), mx::complex64, stream);
    stored = mx::squeeze(parts, -1, stream);
  }
  if (!header.fortran_order || stored.ndim() < 2) {
    return stored;
  }
  return mx::transpose(stored, stream);
}

std::string npy_header(const mx::array& array) {
  // Room for the number of rows to grow in place.
  constexpr size_t longest_extent = 21;
  constexpr size_t alignment = 64;
  constexpr size_t prefix = 10;
  const std::vector<uint64_t> shape(array.shape().begin(), array.shape().end());
  std::string text = "{'descr': '" + type_text(array.dtype()) +
      "', 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
  if (!shape.empty()) {
    text.append(longest_extent - std::to_string(shape[0]).size(), ' ');
  }
  text.append(alignment - (prefix + text.size() + 1) % alignment, ' ');
  text += '\n';
  // An array has fewer axes than such a length has room for.
  const auto length = static_cast<uint16_t>(text.size());
  std::string result(magic);
  result += {'\x01', '\x00', static_cast<char>(length & 0xff), static_cast<char>(length >> 8)};
  return result + text;
}

}  // namespace mlx_c
