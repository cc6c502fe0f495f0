// Arrays whose memory is a file.
//
// The system reads a page when somebody looks at it. If the file has become shorter by then, that
// raises SIGBUS, which would end the process: a handler puts zeros there and counts the loss, and
// the evaluation that reads them fails, as does every later one with arrays of that file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <mlx/array.h>

namespace mlx_c::cpu {

// A file in memory. What is written there stays in this process.
class MappedFile {
 public:
  // Null if arrays of this backend cannot have such memory, or the system has no room for it. The
  // name is for messages; the descriptor may be closed afterwards.
  static std::shared_ptr<MappedFile> map(int descriptor, const std::string& name, std::size_t size);

  // The array whose elements begin `offset` bytes into the file, in the order of rows. It keeps the
  // memory. `offset` is a multiple of the size of an element, and the file holds all elements.
  mlx::core::array view(
      std::size_t offset, const mlx::core::Shape& shape, mlx::core::Dtype dtype) const;

  class Region;

 private:
  explicit MappedFile(mlx::core::array whole) : whole_(std::move(whole)) {}

  const mlx::core::array whole_;
};

// Whether there is a file in memory.
bool any_mapped_file();

// How often pages were lost. An evaluation during which this changes has read zeros.
std::uint64_t lost_pages();

// Whether a file in memory has lost pages.
bool any_file_has_lost_pages();

// Throws if `array` is in the memory of a file that has lost pages.
void check_not_lost(const mlx::core::array& array);

// Whether what `array` reads is there, if it is in the memory of a file. To be asked before values
// are read outside of evaluations, where nobody learns of a loss.
bool is_whole(const mlx::core::array& array);

// Throws unless that is so.
void check_whole(const mlx::core::array& array);

// Throws the error of whoever has read lost pages.
[[noreturn]] void throw_lost_pages();

}  // namespace mlx_c::cpu
