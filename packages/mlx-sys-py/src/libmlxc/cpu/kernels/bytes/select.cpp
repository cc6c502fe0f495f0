#include <cstring>

#include "cpu/kernels/bytes/table.hpp"

namespace mlx_c::cpu {

#if defined(__x86_64__)
namespace v2 {
extern const ByteKernels* const bytes_table;
}
namespace v3 {
extern const ByteKernels* const bytes_table;
}
namespace v4 {
extern const ByteKernels* const bytes_table;
}
namespace v4_bf16 {
extern const ByteKernels* const bytes_table;
}

const ByteKernels* byte_kernels(const Kernels& kernels) {
  const auto is = [&](const char* level) { return std::strcmp(kernels.level, level) == 0; };
  if (is("v2")) {
    return v2::bytes_table;
  }
  if (is("v3")) {
    return v3::bytes_table;
  }
  // Products of matrices on AMX are all that the level above the last one adds.
  return is("v4") ? v4::bytes_table : v4_bf16::bytes_table;
}
#else
namespace generic {
extern const ByteKernels* const bytes_table;
}

const ByteKernels* byte_kernels(const Kernels&) {
  return generic::bytes_table;
}
#endif

}  // namespace mlx_c::cpu
