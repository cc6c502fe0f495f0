// Text in files.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mlx_c {

// Whether all is in its shortest form, and no surrogate.
inline bool is_utf8(std::string_view text) {
  constexpr std::array<uint32_t, 4> least{0, 0x80, 0x800, 0x10000};
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i++]);
    size_t rest = lead < 0x80 ? 0 : std::countl_one(lead) - 1;
    if ((lead >= 0x80 && rest == 0) || rest > 3 || rest > text.size() - i) {
      return false;
    }
    uint32_t point = rest == 0 ? lead : lead & (0x3f >> rest);
    for (auto end = i + rest; i < end; ++i) {
      if ((text[i] & 0xc0) != 0x80) {
        return false;
      }
      point = point << 6 | (text[i] & 0x3f);
    }
    if (point < least[rest] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      return false;
    }
  }
  return true;
}

}  // namespace mlx_c
