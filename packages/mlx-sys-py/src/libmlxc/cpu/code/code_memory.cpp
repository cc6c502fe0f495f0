#include "cpu/code/code_memory.hpp"

#if defined(__unix__)
#include <sys/mman.h>
#endif

#include <cstring>

namespace mlx_c::cpu {

void* executable([[maybe_unused]] std::span<const std::uint8_t> code) {
#if defined(__unix__)
  void* memory =
      mmap(nullptr, code.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return nullptr;
  }
  std::memcpy(memory, code.data(), code.size());
  if (mprotect(memory, code.size(), PROT_READ | PROT_EXEC) == 0) {
    return memory;
  }
  munmap(memory, code.size());
#endif
  return nullptr;
}

}  // namespace mlx_c::cpu
