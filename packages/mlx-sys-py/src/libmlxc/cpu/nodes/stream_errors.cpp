#include "cpu/nodes/stream_errors.hpp"

#include <atomic>
#include <exception>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <mlx/scheduler.h>

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;

class KeptErrors {
 public:
  static KeptErrors& instance() {
    static auto& self = *new KeptErrors;
    return self;
  }

  void keep(mx::Stream stream, std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    // The first one is what the others may come from.
    errors_.try_emplace(stream.index, std::move(error));
    any_ = true;
  }

  std::exception_ptr take() {
    if (!any_) {
      return nullptr;
    }
    std::lock_guard lock(mutex_);
    if (errors_.empty()) {
      return nullptr;
    }
    auto error = errors_.extract(errors_.begin());
    any_ = !errors_.empty();
    return error.mapped();
  }

 private:
  std::mutex mutex_;
  std::unordered_map<int, std::exception_ptr> errors_;
  std::atomic<bool> any_ = false;
};

}  // namespace

void enqueue(mx::Stream stream, std::function<void()> task) {
  try {
    mx::scheduler::enqueue(stream, task);
  } catch (const std::exception&) {
    KeptErrors::instance().keep(stream, std::current_exception());
    mx::scheduler::enqueue(stream, std::move(task));
  }
}

void check_kept_errors() {
  if (auto error = KeptErrors::instance().take()) {
    std::rethrow_exception(error);
  }
}

}  // namespace mlx_c::cpu
