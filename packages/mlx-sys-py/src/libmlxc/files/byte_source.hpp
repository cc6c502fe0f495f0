// What arrays are read from: a file, or a reader of the user.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <mlx/io/load.h>

namespace mlx_c {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // What messages call it.
  const std::string& label() const {
    return label_;
  }

  // As it was when the source was made.
  uint64_t size() const {
    return size_;
  }

  // Reads all of these bytes, from any thread, or throws.
  virtual void read(char* data, uint64_t bytes, uint64_t offset) = 0;

  // Whether reading calls functions of the user.
  virtual bool is_user() const {
    return false;
  }

  std::string read(uint64_t bytes, uint64_t offset);

  // Throws an IoError about this source.
  [[noreturn]] void fail(const std::string& what) const;

 protected:
  ByteSource(std::string label, uint64_t size) : label_(std::move(label)), size_(size) {}

  std::string label_;
  uint64_t size_;
};

class FileSource : public ByteSource {
 public:
  // Throws unless there is such a file, and it can be read.
  explicit FileSource(const std::string& file);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  using ByteSource::read;
  void read(char* data, uint64_t bytes, uint64_t offset) override;

  int descriptor() const {
    return descriptor_;
  }

 private:
  void read_portion(char* data, uint64_t bytes, uint64_t offset) const;

  int descriptor_;
};

// From the reader's position to its end.
class ReaderSource : public ByteSource {
 public:
  explicit ReaderSource(std::shared_ptr<mlx::core::io::Reader> reader);

  using ByteSource::read;
  void read(char* data, uint64_t bytes, uint64_t offset) override;

  bool is_user() const override {
    return true;
  }

  // Moves the reader's position to so many bytes behind where it was.
  void leave_at(uint64_t offset);

 private:
  std::shared_ptr<mlx::core::io::Reader> reader_;
  uint64_t start_;
};

}  // namespace mlx_c
