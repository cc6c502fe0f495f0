#include "cpu/kernels/select.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <stdexcept>

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

constexpr int default_activation_bits = 8;

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
std::vector<Level> all_levels() {
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

class Selection {
 public:
  static Selection& instance() {
    static Selection self;
    return self;
  }

  const Level& current() const {
    return *current_.load(std::memory_order_relaxed);
  }

  bool is_stock() const {
    return &current() == &levels_.back();
  }

  void set(std::string_view name, const char* what) {
    const auto found = std::find_if(
        levels_.begin(), levels_.end(), [name](const Level& level) { return level.name == name; });
    if (found == levels_.end()) {
      std::string names;
      for (const Level& level : levels_) {
        names += (names.empty() ? "" : ", ") + std::string(level.name);
      }
      throw std::invalid_argument(
          std::string(what) + " is \"" + std::string(name) + "\", but on this machine it can be " +
          names);
    }
    current_ = &*found;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const Level& level : levels_) {
      result.emplace_back(level.name);
    }
    return result;
  }

 private:
  Selection() {
    const auto all = all_levels();
    std::copy_if(all.begin(), all.end(), std::back_inserter(levels_), [](const Level& level) {
      return level.supported;
    });
    levels_.push_back({"stock", levels_.empty() ? all.back().table : levels_.front().table, true});
    current_ = &levels_.front();
    if (const char* wanted = std::getenv("MLX_SYS_PY_CPU"); wanted && *wanted) {
      set(wanted, "MLX_SYS_PY_CPU");
    }
  }

  std::vector<Level> levels_;  // those that the machine can run, and stock
  std::atomic<const Level*> current_;
};

std::atomic<int>& bits_in_use() {
  static std::atomic<int> bits = [] {
    const char* wanted = std::getenv("MLX_SYS_PY_CPU_ACTIVATIONS");
    if (!wanted || !*wanted) {
      return default_activation_bits;
    }
    const std::string_view text = wanted;
    if (text != "8" && text != "16") {
      throw std::invalid_argument(
          "MLX_SYS_PY_CPU_ACTIVATIONS is \"" + std::string(text) + "\", but must be 8 or 16");
    }
    return text == "8" ? 8 : 16;
  }();
  return bits;
}

}  // namespace

int activation_bits() {
  return bits_in_use().load(std::memory_order_relaxed);
}

void set_activation_bits(int bits) {
  if (bits != 8 && bits != 16) {
    throw std::invalid_argument("bits must be 8 or 16, but is " + std::to_string(bits));
  }
  bits_in_use() = bits;
}

const Kernels* kernels() {
  return Selection::instance().current().table;
}

bool is_stock() {
  return Selection::instance().is_stock();
}

std::vector<std::string> levels() {
  return Selection::instance().names();
}

void set_level(std::string_view name) {
  Selection::instance().set(name, "level");
}

}  // namespace mlx_c::cpu
