// Arrays that are the bytes of a file, not a copy of them.
#pragma once

#include <memory>

#include <mlx/array.h>

#include "cpu/arrays/mapped_memory.hpp"
#include "files/byte_source.hpp"
#include "files/load_node.hpp"

namespace mlx_c {

// The file in memory; null where it cannot be.
std::shared_ptr<cpu::MappedFile> map_file(const FileSource& source);

// The array in the memory of its file, which `mapped` is. If that is null, or if the bytes are not
// those that the array has in memory, or not aligned to its elements, it is read when it is needed.
mlx::core::array map_array(
    const std::shared_ptr<FileSource>& source,
    const std::shared_ptr<cpu::MappedFile>& mapped,
    const StoredArray& stored,
    mlx::core::Stream stream);

}  // namespace mlx_c
