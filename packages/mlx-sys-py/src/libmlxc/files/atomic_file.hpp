// Atomic replacement of files: a new file is written beside the old one and renamed when it is
// whole.
#pragma once

#include <filesystem>
#include <string>

namespace mlx_c {

class AtomicFile {
 public:
  // Will replace the file `name`; the name of the temporary file ends with `suffix`.
  AtomicFile(const std::string& name, const std::string& suffix);
  // Removes the temporary file unless it was committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // The file to write.
  std::string path() const {
    return temporary_.string();
  }

  // Renames the temporary file. Throws IoError if that fails.
  void commit();

 private:
  std::filesystem::path target_, temporary_;
};

}  // namespace mlx_c
