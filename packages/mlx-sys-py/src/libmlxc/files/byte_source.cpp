#include "files/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/guard.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c {

namespace {

// What a thread reads at a time: of a file that is in memory already, copying takes the time.
constexpr uint64_t portion = 4 << 20;

std::string text_of(int error) {
  return std::error_code(error, std::generic_category()).message();
}

}  // namespace

void ByteSource::fail(const std::string& what) const {
  throw IoError(label_ + " " + what);
}

std::string ByteSource::read(uint64_t bytes, uint64_t offset) {
  if (offset > size_ || bytes > size_ - offset) {
    fail("is truncated");
  }
  std::string result(bytes, '\0');
  read(result.data(), bytes, offset);
  return result;
}

FileSource::FileSource(const std::string& file)
    : ByteSource(file, 0), descriptor_(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      throw FileNotFound("there is no file " + file);
    }
    fail("cannot be read: " + text_of(errno));
  }
  struct stat status{};
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    fail("is not a file");
  }
  size_ = status.st_size;
}

FileSource::~FileSource() {
  close(descriptor_);
}

void FileSource::read_portion(char* data, uint64_t bytes, uint64_t offset) const {
  while (bytes > 0) {
    const ssize_t done = pread(descriptor_, data, bytes, static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done < 0) {
      fail("cannot be read: " + text_of(errno));
    }
    if (done == 0) {
      fail("is truncated: it has become shorter since it was opened");
    }
    data += done;
    bytes -= done;
    offset += done;
  }
}

void FileSource::read(char* data, uint64_t bytes, uint64_t offset) {
  if (bytes <= portion) {
    read_portion(data, bytes, offset);
    return;
  }
  const uint64_t count = (bytes + portion - 1) / portion;
  cpu::parallel_for(static_cast<int>(count), [&](int index) {
    const uint64_t start = index * portion;
    read_portion(data + start, std::min(portion, bytes - start), offset + start);
  });
}

ReaderSource::ReaderSource(std::shared_ptr<mlx::core::io::Reader> reader)
    : ByteSource(reader->label(), 0), reader_(std::move(reader)) {
  start_ = reader_->tell();
  reader_->seek(0, std::ios_base::end);
  const uint64_t end = reader_->tell();
  reader_->seek(static_cast<int64_t>(start_), std::ios_base::beg);
  size_ = end > start_ ? end - start_ : 0;
}

void ReaderSource::read(char* data, uint64_t bytes, uint64_t offset) {
  reader_->read(data, bytes, start_ + offset);
}

void ReaderSource::leave_at(uint64_t offset) {
  reader_->seek(static_cast<int64_t>(start_ + offset), std::ios_base::beg);
}

}  // namespace mlx_c
