// Opening files to read, and the errors of what they hold.
#pragma once

#include <exception>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <system_error>

#include "core/convert.hpp"
#include "core/guard.hpp"

namespace mlx_c {

// Runs `f`; an exception that the contents of the file cause becomes an IoError.
template <class F>
auto reading(const std::string& label, F f) {
  try {
    return f();
  } catch (const CallbackError&) {
    throw;
  } catch (const IoError&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw IoError(label + ": " + e.what());
  }
}

// The name of a file; throws unless the file exists and can be read.
inline std::string readable(const char* file) {
  std::string name = to_string(file, "file");
  std::error_code error;
  auto status = std::filesystem::status(name, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw FileNotFound("there is no file " + name);
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw IoError(name + " is not a file");
  }
  if (!std::ifstream(name)) {
    throw IoError(name + " cannot be read");
  }
  return name;
}

}  // namespace mlx_c
