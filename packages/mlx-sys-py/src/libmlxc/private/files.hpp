// Files that are read.
#pragma once

#include <exception>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <system_error>

#include "convert.hpp"
#include "guard.hpp"

namespace mlx_c {

// Runs `f`; whatever the contents of the file make it throw becomes an io_error.
template <class F>
auto reading(const std::string& label, F f) {
  try {
    return f();
  } catch (const callback_error&) {
    throw;
  } catch (const io_error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw io_error(label + ": " + e.what());
  }
}

// The name of a file that is there and can be read.
inline std::string readable(const char* file) {
  std::string name = to_string(file, "file");
  std::error_code error;
  auto status = std::filesystem::status(name, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw file_not_found("there is no file " + name);
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw io_error(name + " is not a file");
  }
  if (!std::ifstream(name)) {
    throw io_error(name + " cannot be read");
  }
  return name;
}

}  // namespace mlx_c
