#include "files/json.hpp"

namespace mlx_c {

namespace {

constexpr int max_depth = 100;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& text, uint32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
    return;
  }
  const int rest = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  const uint32_t lead = 0xff00 >> (rest + 1) & 0xff;
  text += static_cast<char>(lead | point >> (6 * rest));
  for (int i = rest; i-- > 0;) {
    text += static_cast<char>(0x80 | (point >> (6 * i) & 0x3f));
  }
}

}  // namespace

void JsonCursor::fail(const std::string& what) const {
  source_.fail(
      "has a " + part_ + " that cannot be read: " + what + " at byte " + std::to_string(at_));
}

void JsonCursor::expect(char c, const char* what) {
  if (!accept(c)) {
    fail(std::string("JSON has no ") + what);
  }
}

uint32_t JsonCursor::read_unit() {
  uint32_t unit = 0;
  for (int i = 0; i < 4; i++, at_++) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const char lower = static_cast<char>(c | 0x20);
    if (!is_digit(c) && (lower < 'a' || lower > 'f')) {
      fail("JSON has an escape that is none");
    }
    unit = unit << 4 | static_cast<uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
  }
  return unit;
}

void JsonCursor::append_escape(std::string& text) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  const char c = at_ < text_.size() ? text_[at_++] : '\0';
  const size_t found = letters.find(c);
  if (found != std::string_view::npos) {
    text += meanings[found];
    return;
  }
  if (c != 'u') {
    fail("JSON has an escape that is none");
  }
  uint32_t point = read_unit();
  if (point >= 0xd800 && point < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
    at_ += 2;
    const uint32_t low = read_unit();
    point = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00)
                                          : 0xd800;
  }
  if (point >= 0xd800 && point < 0xe000) {
    fail("JSON has half of a surrogate pair");
  }
  append_utf8(text, point);
}

std::string JsonCursor::read_text() {
  expect('"', "text");
  std::string text;
  for (;;) {
    if (at_ == text_.size()) {
      fail("JSON has a text without end");
    }
    const char c = text_[at_++];
    if (c == '"') {
      return text;
    }
    if (static_cast<unsigned char>(c) < ' ') {
      fail("JSON has a control character in a text");
    }
    if (c == '\\') {
      append_escape(text);
    } else {
      text += c;
    }
  }
}

uint64_t JsonCursor::read_unsigned() {
  peek();
  const size_t start = at_;
  uint64_t value = 0;
  for (; at_ < text_.size() && is_digit(text_[at_]); at_++) {
    if (__builtin_mul_overflow(value, uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<uint64_t>(text_[at_] - '0'), &value)) {
      fail("JSON has a number that is too large");
    }
  }
  const bool ends =
      at_ == text_.size() || std::string_view(".eE").find(text_[at_]) == std::string_view::npos;
  if (at_ == start || !ends || (text_[start] == '0' && at_ - start > 1)) {
    fail("JSON has no number that is whole and not negative");
  }
  return value;
}

bool JsonCursor::accept_word(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) {
    return false;
  }
  at_ += word.size();
  return true;
}

bool JsonCursor::accept_null() {
  peek();
  return accept_word("null");
}

void JsonCursor::skip_digits() {
  const size_t start = at_;
  while (at_ < text_.size() && is_digit(text_[at_])) {
    at_++;
  }
  if (at_ == start) {
    fail("JSON has no value");
  }
}

void JsonCursor::skip_number() {
  accept_word("-");
  const size_t start = at_;
  skip_digits();
  if (text_[start] == '0' && at_ - start > 1) {
    fail("JSON has a number that begins with 0");
  }
  if (accept_word(".")) {
    skip_digits();
  }
  if (accept_word("e") || accept_word("E")) {
    if (!accept_word("+")) {
      accept_word("-");
    }
    skip_digits();
  }
}

void JsonCursor::skip_value(int depth) {
  if (depth > max_depth) {
    fail("JSON is nested too deeply");
  }
  switch (peek()) {
    case '{':
      read_object([&](const std::string&) { skip_value(depth + 1); });
      return;
    case '[':
      read_list([&] { skip_value(depth + 1); });
      return;
    case '"':
      read_text();
      return;
    default:
      break;
  }
  if (!accept_word("true") && !accept_word("false") && !accept_word("null")) {
    skip_number();
  }
}

void JsonCursor::expect_end() {
  peek();
  if (at_ != text_.size()) {
    fail("JSON goes on after its end");
  }
}

}  // namespace mlx_c
