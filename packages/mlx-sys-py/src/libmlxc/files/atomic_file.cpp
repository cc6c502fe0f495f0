#include "files/atomic_file.hpp"

#include <unistd.h>

#include <atomic>
#include <system_error>

#include "core/guard.hpp"

namespace mlx_c {

namespace fs = std::filesystem;

AtomicFile::AtomicFile(const std::string& name, const std::string& suffix) {
  static std::atomic<unsigned> counter = 0;
  // Follows symbolic links: the file is replaced, not the link.
  target_ = fs::weakly_canonical(fs::absolute(name));
  auto folder = target_.parent_path();
  if (!fs::is_directory(folder)) {
    throw FileNotFound("there is no folder " + folder.string());
  }
  if (fs::is_directory(target_)) {
    throw IoError(name + " is a folder");
  }
  auto unique = std::to_string(getpid()) + "-" + std::to_string(counter++);
  temporary_ = folder / (".mlx-" + unique + suffix);
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) {
    std::error_code ignored;
    fs::remove(temporary_, ignored);
  }
}

void AtomicFile::commit() {
  try {
    if (fs::exists(target_)) {
      fs::permissions(temporary_, fs::status(target_).permissions());
    }
    fs::rename(temporary_, target_);
  } catch (const fs::filesystem_error& e) {
    throw IoError(target_.string() + ": " + e.what());
  }
  temporary_.clear();
}

}  // namespace mlx_c
