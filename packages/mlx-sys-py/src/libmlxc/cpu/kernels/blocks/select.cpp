#include <cstring>

#include "cpu/kernels/blocks/table.hpp"

namespace mlx_c::cpu {

#if defined(__x86_64__)
namespace v2 {
extern const BlockKernels blocks_table;
}
namespace v3 {
extern const BlockKernels blocks_table;
}
namespace v4 {
extern const BlockKernels blocks_table;
}
namespace v4_bf16 {
extern const BlockKernels blocks_table;
}

const BlockKernels& block_kernels(const Kernels& kernels) {
  const auto is = [&](const char* level) { return std::strcmp(kernels.level, level) == 0; };
  if (is("v2")) {
    return v2::blocks_table;
  }
  if (is("v3")) {
    return v3::blocks_table;
  }
  // Products of matrices on AMX are all that the level above the last one adds.
  return is("v4") ? v4::blocks_table : v4_bf16::blocks_table;
}
#else
namespace generic {
extern const BlockKernels blocks_table;
}

const BlockKernels& block_kernels(const Kernels&) {
  return generic::blocks_table;
}
#endif

}  // namespace mlx_c::cpu
