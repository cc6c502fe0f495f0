#include "mlx/c/error.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

#include "private/guard.hpp"

namespace mlx_c {
namespace {

// Trivially destructible, so that destructors running at the end of a thread may still report.
struct last_error {
  mlx_error_kind kind;
  char message[4096];
};
constinit thread_local last_error last{MLX_ERROR_NONE, ""};

struct handler {
  mlx_error_handler_func call;
  void* data;
  void (*dtor)(void*);

  ~handler() {
    if (dtor) {
      dtor(data);
    }
  }
};

// A call in progress keeps its handler alive while another thread replaces it. Never destroyed:
// errors may come as late as the process's own static destructors.
struct handler_slot {
  std::mutex mutex;
  std::shared_ptr<handler> current;

  static handler_slot& instance() {
    static auto& slot = *new handler_slot;
    return slot;
  }

  std::shared_ptr<handler> get() {
    std::lock_guard lock(mutex);
    return current;
  }

  std::shared_ptr<handler> exchange(std::shared_ptr<handler> next) {
    std::lock_guard lock(mutex);
    return std::exchange(current, std::move(next));
  }
};

// Cuts a message that is too long before, not inside, a character of UTF-8.
void store_message(std::string_view message) noexcept {
  size_t size = std::min(message.size(), sizeof(last.message) - 1);
  if (size < message.size()) {
    while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xC0) == 0x80) {
      --size;
    }
  }
  std::copy_n(message.data(), size, last.message);
  last.message[size] = '\0';
}

void report(mlx_error_kind kind, std::string_view message) noexcept {
  last.kind = kind;
  store_message(message);
  if (auto handler = handler_slot::instance().get()) {
    handler->call(last.message, handler->data);
  }
}

// MLX has no exception types of its own: what runs out of memory, and what fails in a file while
// an array is evaluated, is told apart by the tag that opens the message.
mlx_error_kind kind_of_message(std::string_view message) {
  if (message.starts_with("[malloc") || message.starts_with("[metal::malloc") ||
      message.starts_with("[cuda::malloc") || message == std::bad_alloc().what()) {
    return MLX_ERROR_OUT_OF_MEMORY;
  }
  if (message.starts_with("[read]") || message.starts_with("[write]")) {
    return MLX_ERROR_IO;
  }
  return MLX_ERROR_RUNTIME;
}

}  // namespace

void report_current_exception() noexcept {
  try {
    throw;
  } catch (const callback_error& e) {
    report(MLX_ERROR_CALLBACK, e.what());
  } catch (const file_not_found& e) {
    report(MLX_ERROR_FILE_NOT_FOUND, e.what());
  } catch (const io_error& e) {
    report(MLX_ERROR_IO, e.what());
  } catch (const std::out_of_range& e) {
    report(MLX_ERROR_OUT_OF_RANGE, e.what());
  } catch (const std::logic_error& e) {
    report(MLX_ERROR_INVALID_ARGUMENT, e.what());
  } catch (const std::overflow_error& e) {
    report(MLX_ERROR_INVALID_ARGUMENT, e.what());
  } catch (const std::range_error& e) {
    report(MLX_ERROR_INVALID_ARGUMENT, e.what());
  } catch (const std::bad_alloc&) {
    report(MLX_ERROR_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    report(kind_of_message(e.what()), e.what());
  } catch (...) {
    report(MLX_ERROR_RUNTIME, "unknown error");
  }
}

}  // namespace mlx_c

void mlx_set_error_handler(mlx_error_handler_func handler, void* data, void (*dtor)(void*)) {
  mlx_c::guard([&] {
    std::shared_ptr<mlx_c::handler> next;
    if (handler) {
      next = std::make_shared<mlx_c::handler>(handler, data, dtor);
    }
    mlx_c::handler_slot::instance().exchange(std::move(next));
  });
}

mlx_error_kind mlx_last_error_kind(void) {
  return mlx_c::last.kind;
}

const char* mlx_last_error_message(void) {
  return mlx_c::last.message;
}

void _mlx_error(const char* file, const int line, const char* fmt, ...) {
  // The place is the caller's to print: messages here carry none.
  static_cast<void>(file);
  static_cast<void>(line);
  char message[sizeof(mlx_c::last.message)] = "";
  va_list args;
  va_start(args, fmt);
  std::vsnprintf(message, sizeof(message), fmt, args);
  va_end(args);
  mlx_c::report(MLX_ERROR_RUNTIME, message);
}
