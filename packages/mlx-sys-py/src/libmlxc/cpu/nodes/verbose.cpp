#include "cpu/nodes/verbose.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <mlx/backend/cpu/encoder.h>
#include <mlx/utils.h>

#include "cpu/kernels/table.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace mx = mlx::core;

namespace {

using Clock = std::chrono::steady_clock;

// What is known of a node that was evaluated.
struct Record {
  std::string primitive, inputs, outputs, kernel;
  const char* reason;
  double microseconds = 0;

  std::string line() const {
    char time[32];
    std::snprintf(time, sizeof time, "%.1f", microseconds);
    std::string result = "mlx_sys_py,exec,cpu";
    for (std::string_view field :
         {std::string_view(primitive),
          std::string_view(inputs),
          std::string_view(outputs),
          std::string_view(kernel),
          std::string_view(reason),
          std::string_view(time)}) {
      result += ',';
      result += field;
    }
    return result + '\n';
  }
};

// Who is told of the nodes.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void add(const Record& record) = 0;
};

class Sinks {
 public:
  // Never destroyed: threads may outlive static destructors.
  static Sinks& instance() {
    static auto& self = *new Sinks;
    return self;
  }

  bool any() const {
    return count_.load(std::memory_order_relaxed) > 0;
  }

  void add(std::shared_ptr<Sink> sink) {
    std::lock_guard lock(mutex_);
    sinks_.push_back(std::move(sink));
    count_++;
  }

  void remove(const Sink* sink) {
    std::lock_guard lock(mutex_);
    count_ -= static_cast<int>(
        std::erase_if(sinks_, [sink](const auto& other) { return other.get() == sink; }));
  }

  void tell(const Record& record) {
    std::lock_guard lock(mutex_);
    for (const auto& sink : sinks_) {
      sink->add(record);
    }
  }

 private:
  std::atomic<int> count_ = 0;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Sink>> sinks_;
};

// What MLX_SYS_PY_CPU_VERBOSE=1 asks for.
class Printer : public Sink {
 public:
  Printer() {
    std::fprintf(
        stderr,
        "mlx_sys_py,info,cpu,kernels:%s,threads:%d\n"
        "mlx_sys_py,info,fields,primitive,inputs,outputs,kernel,reason,microseconds\n",
        kernels()->level,
        thread_count());
  }

  void add(const Record& record) override {
    const std::string line = record.line();
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::string name = record.primitive.substr(0, record.primitive.find('('));
    auto& [calls, microseconds] = totals_[{std::move(name), record.kernel, record.reason}];
    calls++;
    microseconds += record.microseconds;
  }

  // A table of primitives and kernels, the longest first.
  void summarize() const {
    std::vector<std::pair<Key, Total>> rows(totals_.begin(), totals_.end());
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
      return a.second.microseconds > b.second.microseconds;
    });
    double sum = 0;
    for (const auto& [key, total] : rows) {
      sum += total.microseconds;
    }
    std::fprintf(
        stderr,
        "mlx_sys_py,summary,cpu\n%12s %7s %9s  %-28s %-8s %s\n",
        "us",
        "%",
        "nodes",
        "primitive",
        "kernel",
        "reason");
    for (const auto& [key, total] : rows) {
      std::fprintf(
          stderr,
          "%12.1f %6.1f%% %9zu  %-28s %-8s %s\n",
          total.microseconds,
          sum > 0 ? 100 * total.microseconds / sum : 0,
          total.calls,
          key.primitive.c_str(),
          key.kernel.c_str(),
          key.reason.c_str());
    }
  }

 private:
  struct Key {
    std::string primitive, kernel, reason;
    auto operator<=>(const Key&) const = default;
  };
  struct Total {
    std::size_t calls = 0;
    double microseconds = 0;
  };

  std::map<Key, Total> totals_;
};

// Throws as `is_verbose`.
bool start_printer() {
  const char* variable = std::getenv("MLX_SYS_PY_CPU_VERBOSE");
  const std::string_view value = variable ? variable : "";
  if (value.empty() || value == "0") {
    return false;
  }
  if (value != "1") {
    throw std::invalid_argument(
        "MLX_SYS_PY_CPU_VERBOSE is \"" + std::string(value) + "\", but it can be 0 or 1");
  }
  static const auto& printer = *new std::shared_ptr<Printer>(std::make_shared<Printer>());
  Sinks::instance().add(printer);
  std::atexit([] {
    Sinks::instance().remove(printer.get());
    printer->summarize();
  });
  return true;
}

std::string described(const std::vector<mx::array>& arrays) {
  std::ostringstream text;
  for (const mx::array& a : arrays) {
    text << (&a == &arrays[0] ? "" : " ") << a.dtype() << ':';
    for (std::size_t i = 0; i < a.ndim(); i++) {
      text << (i == 0 ? "" : "x") << a.shape(i);
    }
  }
  return text.str();
}

class Verbose : public KernelOverride {
 public:
  Verbose(std::shared_ptr<mx::Primitive> original, bool is_view, const char* reason)
      : KernelOverride(std::move(original)), is_view_(is_view), reason_(reason) {}

  const std::shared_ptr<mx::Primitive>& original() const {
    return original_;
  }

  bool uses_task_queue(const std::vector<array>& inputs) const override {
    return original_uses_task_queue(inputs, is_view_);
  }

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    auto record = std::make_shared<Record>();
    const std::string more = details();
    record->primitive = name() + (more.empty() ? "" : "(" + more + ")");
    record->inputs = described(inputs);
    record->outputs = described(outputs);
    record->kernel = kernel();
    record->reason = reason_;
    // The stream runs one task after the other, so what lies between two is the node's.
    const bool queued = uses_task_queue(inputs);
    auto start = std::make_shared<Clock::time_point>();
    mark(queued, [start] { *start = Clock::now(); });
    original_->eval_cpu(inputs, outputs);
    mark(queued, [start, record] {
      const std::chrono::duration<double, std::micro> time = Clock::now() - *start;
      record->microseconds = time.count();
      Sinks::instance().tell(*record);
    });
  }

 private:
  const char* kernel() const {
    if (*reason_ != '\0') {
      return "mlx";
    }
    const auto* ours = dynamic_cast<const KernelPrimitive*>(original_.get());
    if (!ours && is_view_) {
      return "view";
    }
    return ours && ours->is_scalar() ? "scalar" : kernels()->level;
  }

  template <class F>
  void mark(bool queued, F task) {
    if (queued) {
      dispatch(stream(), std::move(task));
    } else {
      mx::cpu::get_command_encoder(stream()).dispatch(std::move(task));
    }
  }

  const bool is_view_;
  const char* const reason_;
};

}  // namespace

class VerboseLog::Lines : public Sink {
 public:
  void add(const Record& record) override {
    std::lock_guard lock(mutex_);
    text_ += record.line();
  }

  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

bool is_verbose() {
  static const bool prints = start_printer();
  return prints || Sinks::instance().any();
}

std::shared_ptr<KernelOverride> verbose_node(
    std::shared_ptr<mx::Primitive> primitive, bool is_view, const char* reason) {
  // A graph may be made ready several times.
  if (auto verbose = std::dynamic_pointer_cast<Verbose>(primitive)) {
    return verbose;
  }
  return std::make_shared<Verbose>(std::move(primitive), is_view, reason);
}

const std::shared_ptr<mx::Primitive>& measured(const std::shared_ptr<mx::Primitive>& primitive) {
  const auto* verbose = dynamic_cast<const Verbose*>(primitive.get());
  return verbose ? verbose->original() : primitive;
}

VerboseLog::VerboseLog() : lines_(std::make_shared<Lines>()) {
  Sinks::instance().add(lines_);
}

VerboseLog::~VerboseLog() {
  Sinks::instance().remove(lines_.get());
}

std::string VerboseLog::lines() const {
  return lines_->text();
}

}  // namespace mlx_c::cpu
