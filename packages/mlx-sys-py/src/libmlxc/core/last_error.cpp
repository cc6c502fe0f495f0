#include "core/last_error.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include "core/guard.hpp"
#include "core/stack_check.hpp"

namespace mlx_c {
namespace {

constinit thread_local LastError last{MLX_ERROR_NONE, ""};

struct Handler {
  mlx_error_handler_func call;
  void* data;
  void (*dtor)(void*);

  ~Handler() {
    if (dtor) {
      dtor(data);
    }
  }
};

// A call in progress keeps its handler alive while another thread replaces it. Never destroyed:
// errors may come as late as the process's own static destructors.
struct HandlerSlot {
  std::mutex mutex;
  std::shared_ptr<Handler> current;

  static HandlerSlot& instance() {
    static auto& slot = *new HandlerSlot;
    return slot;
  }

  std::shared_ptr<Handler> get() {
    std::lock_guard lock(mutex);
    return current;
  }

  std::shared_ptr<Handler> exchange(std::shared_ptr<Handler> next) {
    std::lock_guard lock(mutex);
    return std::exchange(current, std::move(next));
  }
};

// Cuts a message that is too long between characters of UTF-8.
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

// MLX has no exception types of its own: running out of memory, and a file that fails while an
// array is evaluated, are recognised by the tag at the beginning of the message, or by CUDA's text
// at its end.
mlx_error_kind kind_of_message(std::string_view message) {
  if (message.starts_with("[malloc") || message.starts_with("[metal::malloc") ||
      message.starts_with("[cuda::malloc") || message.ends_with("out of memory") ||
      message == std::bad_alloc().what()) {
    return MLX_ERROR_OUT_OF_MEMORY;
  }
  if (message.starts_with("[read]") || message.starts_with("[write]")) {
    return MLX_ERROR_IO;
  }
  return MLX_ERROR_RUNTIME;
}

}  // namespace

LastError& last_error() noexcept {
  return last;
}

void report_error(mlx_error_kind kind, std::string_view message) noexcept {
  last.kind = kind;
  store_message(message);
  if (auto handler = HandlerSlot::instance().get()) {
    handler->call(last.message, handler->data);
  }
}

void set_error_handler(mlx_error_handler_func call, void* data, void (*dtor)(void*)) {
  std::shared_ptr<Handler> next;
  if (call) {
    next = std::make_shared<Handler>(call, data, dtor);
  }
  HandlerSlot::instance().exchange(std::move(next));
}

void report_current_exception() noexcept {
  try {
    throw;
  } catch (const CallbackError& e) {
    report_error(MLX_ERROR_CALLBACK, e.what());
  } catch (const RecursionError& e) {
    report_error(MLX_ERROR_RECURSION, e.what());
  } catch (const FileNotFound& e) {
    report_error(MLX_ERROR_FILE_NOT_FOUND, e.what());
  } catch (const IoError& e) {
    report_error(MLX_ERROR_IO, e.what());
  } catch (const std::out_of_range& e) {
    report_error(MLX_ERROR_OUT_OF_RANGE, e.what());
  } catch (const std::logic_error& e) {
    report_error(MLX_ERROR_INVALID_ARGUMENT, e.what());
  } catch (const std::overflow_error& e) {
    report_error(MLX_ERROR_INVALID_ARGUMENT, e.what());
  } catch (const std::range_error& e) {
    report_error(MLX_ERROR_INVALID_ARGUMENT, e.what());
  } catch (const std::bad_alloc&) {
    report_error(MLX_ERROR_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    report_error(kind_of_message(e.what()), e.what());
  } catch (...) {
    report_error(MLX_ERROR_RUNTIME, "unknown error");
  }
}

}  // namespace mlx_c
