#include "files/map_array.hpp"

namespace mlx_c {

namespace mx = mlx::core;

namespace {

bool can_be_mapped(const StoredArray& stored) {
  // Kernels take no other boolean than 0 and 1, and who knows what is in the file.
  return stored.swapped == 1 && stored.dtype != mx::bool_ && stored.nbytes > 0 &&
      stored.offset % stored.dtype.size() == 0;
}

}  // namespace

std::shared_ptr<cpu::MappedFile> map_file(const FileSource& source) {
  return cpu::MappedFile::map(source.descriptor(), source.label(), source.size());
}

mx::array map_array(
    const std::shared_ptr<FileSource>& source,
    const std::shared_ptr<cpu::MappedFile>& mapped,
    const StoredArray& stored,
    mx::Stream stream) {
  if (!mapped || !can_be_mapped(stored)) {
    return load_lazily(source, stored, stream);
  }
  return mapped->view(stored.offset, stored.shape, stored.dtype);
}

}  // namespace mlx_c
