#include "private/replacement.hpp"

#include <unistd.h>

#include <atomic>
#include <system_error>

#include "private/guard.hpp"

namespace mlx_c {

namespace fs = std::filesystem;

replacement::replacement(const std::string& name, const std::string& suffix) {
  static std::atomic<unsigned> counter = 0;
  // The file that a link leads to, not the link, is replaced.
  target_ = fs::weakly_canonical(fs::absolute(name));
  auto folder = target_.parent_path();
  if (!fs::is_directory(folder)) {
    throw file_not_found("there is no folder " + folder.string());
  }
  if (fs::is_directory(target_)) {
    throw io_error(name + " is a folder");
  }
  auto unique = std::to_string(getpid()) + "-" + std::to_string(counter++);
  temporary_ = folder / (".mlx-" + unique + suffix);
}

replacement::~replacement() {
  if (!temporary_.empty()) {
    std::error_code ignored;
    fs::remove(temporary_, ignored);
  }
}

void replacement::commit() {
  try {
    if (fs::exists(target_)) {
      fs::permissions(temporary_, fs::status(target_).permissions());
    }
    fs::rename(temporary_, target_);
  } catch (const fs::filesystem_error& e) {
    throw io_error(target_.string() + ": " + e.what());
  }
  temporary_.clear();
}

}  // namespace mlx_c
