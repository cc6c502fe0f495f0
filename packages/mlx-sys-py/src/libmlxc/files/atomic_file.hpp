// A file that is written beside the one whose name it then takes: whole or not at all.
#pragma once

#include <filesystem>
#include <string>

namespace mlx_c {

class AtomicFile {
 public:
  // Of the file `name`; what is written meanwhile has a name that ends with `suffix`.
  AtomicFile(const std::string& name, const std::string& suffix);
  // Removes what was not committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // The file to write.
  std::string path() const {
    return temporary_.string();
  }

  // Gives what was written its name. Throws IoError if it cannot have that.
  void commit();

 private:
  std::filesystem::path target_, temporary_;
};

}  // namespace mlx_c
