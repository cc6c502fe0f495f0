#include "cpu/kernels/table.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mlx_c::cpu {

#if defined(__x86_64__)
namespace v2 {
extern const Kernels table;
}
namespace v3 {
extern const Kernels table;
}
namespace v4 {
extern const Kernels table;
}
namespace v4_bf16 {
extern const Kernels table, table_amx;
}
#else
namespace generic {
extern const Kernels table;
}
#endif

namespace {

struct Level {
  std::string_view name;
  const Kernels* table;
  bool supported;
};

#if defined(__x86_64__)
// The system keeps what is in tiles for a process that has asked for it.
bool has_amx() {
#if defined(__linux__)
  constexpr int ask = 0x1023, tiles = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
      syscall(SYS_arch_prctl, ask, tiles) == 0;
#else
  return false;
#endif
}
#endif

// From the most to the least capable.
std::vector<Level> levels() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v2_runs = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  const bool v3_runs = v2_runs && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi2");
  const bool v4_runs = v3_runs && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool v4_bf16_runs =
      v4_runs && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  return {
      {"v4_amx", &v4_bf16::table_amx, v4_bf16_runs && has_amx()},
      {"v4_bf16", &v4_bf16::table, v4_bf16_runs},
      {"v4", &v4::table, v4_runs},
      {"v3", &v3::table, v3_runs},
      {"v2", &v2::table, v2_runs}};
#else
  return {{"generic", &generic::table, true}};
#endif
}

struct Choice {
  const Kernels* table = nullptr;
  std::string error;
};

Choice choose() {
  const char* variable = std::getenv("MLX_SYS_PY_CPU");
  const std::string_view wanted = variable ? variable : "";
  if (wanted == "stock") {
    return {};
  }
  std::string names = "stock";
  for (const Level& level : levels()) {
    if (level.supported && (wanted.empty() || wanted == level.name)) {
      return {level.table, {}};
    }
    if (level.supported) {
      names += ", " + std::string(level.name);
    }
  }
  if (wanted.empty()) {
    return {};
  }
  return {
      nullptr,
      "MLX_SYS_PY_CPU is \"" + std::string(wanted) + "\", but on this machine it can be " + names};
}

}  // namespace

const Kernels* kernels() {
  static const Choice choice = choose();
  if (!choice.error.empty()) {
    throw std::invalid_argument(choice.error);
  }
  return choice.table;
}

}  // namespace mlx_c::cpu
