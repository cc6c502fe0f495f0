// Reads a file sequentially and never beyond its end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/guard.hpp"

namespace mlx_c {

class FileCursor {
 public:
  // `label` begins the messages.
  FileCursor(const std::string& file, std::string label)
      : label_(std::move(label)), size_(std::filesystem::file_size(file)), left_(size_) {
    if (!stream_.open(file, std::ios::in | std::ios::binary)) {
      fail("cannot be read");
    }
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw IoError(label_ + " " + what);
  }

  uint64_t size() const {
    return size_;
  }

  uint64_t left() const {
    return left_;
  }

  uint64_t position() const {
    return size_ - left_;
  }

  void read(char* data, uint64_t bytes) {
    take(bytes);
    if (stream_.sgetn(data, bytes) != static_cast<std::streamsize>(bytes)) {
      fail("cannot be read");
    }
  }

  template <class T>
  T read() {
    T value;
    read(reinterpret_cast<char*>(&value), sizeof(value));
    return value;
  }

  void skip(uint64_t bytes) {
    take(bytes);
    if (stream_.pubseekoff(bytes, std::ios::cur, std::ios::in) < 0) {
      fail("cannot be read");
    }
  }

 private:
  void take(uint64_t bytes) {
    if (bytes > left_) {
      fail("is truncated");
    }
    left_ -= bytes;
  }

  std::string label_;
  uint64_t size_;
  uint64_t left_;
  std::filebuf stream_;
};

}  // namespace mlx_c
