// Reads JSON as far as headers of files need it: from the beginning to the end, keeping nothing.
//
// RFC 8259.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "files/byte_source.hpp"

namespace mlx_c {

class JsonCursor {
 public:
  // The text is UTF-8, and the `part` of `source` that messages name.
  JsonCursor(std::string_view text, const ByteSource& source, std::string part)
      : text_(text), source_(source), part_(std::move(part)) {}

  // Calls `entry` with each name of an object; `entry` reads the value.
  template <class F>
  void read_object(F entry) {
    expect('{', "an object");
    if (accept('}')) {
      return;
    }
    do {
      std::string name = read_text();
      expect(':', "':'");
      entry(std::move(name));
    } while (accept(','));
    expect('}', "',' or '}'");
  }

  // Calls `item` before each item of a list; `item` reads it.
  template <class F>
  void read_list(F item) {
    expect('[', "a list");
    if (accept(']')) {
      return;
    }
    do {
      item();
    } while (accept(','));
    expect(']', "',' or ']'");
  }

  std::string read_text();
  uint64_t read_unsigned();
  bool accept_null();
  void skip_value(int depth = 0);

  // Nothing but space is left.
  void expect_end();

 private:
  void skip_space() {
    at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size());
  }

  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool accept(char c) {
    if (peek() != c || at_ == text_.size()) {
      return false;
    }
    at_++;
    return true;
  }

  void expect(char c, const char* what);
  bool accept_word(std::string_view word);
  void skip_number();
  void skip_digits();
  uint32_t read_unit();
  void append_escape(std::string& text);
  [[noreturn]] void fail(const std::string& what) const;

  const std::string_view text_;
  const ByteSource& source_;
  const std::string part_;
  size_t at_ = 0;
};

}  // namespace mlx_c
