#include "cpu/nodes/evaluation_errors.hpp"

#include <atomic>
#include <deque>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "cpu/nodes/task_queue.hpp"

namespace mlx_c::cpu {

namespace mx = mlx::core;

// The evaluations that failed, by the addresses of their events. They keep the events alive, so
// that no other event gets the address.
class FailedEvaluations {
 public:
  // It is unknown when the last array with an event is gone: the oldest are forgotten.
  static constexpr std::size_t most = 256;

  static FailedEvaluations& instance() {
    static auto& self = *new FailedEvaluations;
    return self;
  }

  void add(std::shared_ptr<Evaluation> evaluation, const std::vector<mx::Event>& events) {
    std::lock_guard lock(mutex_);
    for (const mx::Event& event : events) {
      by_event_[address(event)] = evaluation;
    }
    if (evaluations_.empty() || evaluations_.back() != evaluation) {
      evaluations_.push_back(std::move(evaluation));
    }
    if (evaluations_.size() > most) {
      for (const mx::Event& event : evaluations_.front()->events_) {
        by_event_.erase(address(event));
      }
      evaluations_.pop_front();
    }
    any_ = true;
  }

  std::exception_ptr find(const mx::Event& event, std::uintptr_t id) {
    if (!any_ || !event.valid()) {
      return nullptr;
    }
    std::shared_ptr<Evaluation> evaluation;
    {
      std::lock_guard lock(mutex_);
      const auto found = by_event_.find(address(event));
      if (found == by_event_.end()) {
        return nullptr;
      }
      evaluation = found->second;
    }
    return evaluation->failure(id);
  }

 private:
  static const void* address(const mx::Event& event) {
    return &event.cast<char>();
  }

  std::atomic<bool> any_ = false;
  std::mutex mutex_;
  std::unordered_map<const void*, std::shared_ptr<Evaluation>> by_event_;
  std::deque<std::shared_ptr<Evaluation>> evaluations_;
};

namespace {

thread_local std::shared_ptr<Evaluation> scheduled_here;

// The node whose work is scheduled as nodes of its own, or 0.
thread_local std::uintptr_t whole_here = 0;

// A node with inputs that are still being computed, which fails if one of them fails.
class Dependent : public KernelOverride {
 public:
  struct Input {
    mx::Event event;
    std::uintptr_t id;
  };

  Dependent(std::shared_ptr<mx::Primitive> original, bool is_view, std::vector<Input> inputs)
      : KernelOverride(std::move(original)), is_view_(is_view), inputs_(std::move(inputs)) {}

  bool uses_task_queue(const std::vector<array>& inputs) const override {
    return original_uses_task_queue(inputs, is_view_);
  }

  bool overwrites_inputs() const override {
    auto* kernel = dynamic_cast<const KernelPrimitive*>(original_.get());
    return kernel && kernel->overwrites_inputs();
  }

  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    original_->eval_cpu(inputs, outputs);
    std::vector<ErrorReport> reports(outputs.begin(), outputs.end());
    dispatch(stream(), [inputs = inputs_, reports = std::move(reports)] {
      for (const Input& input : inputs) {
        const std::exception_ptr error = FailedEvaluations::instance().find(input.event, input.id);
        if (!error) {
          continue;
        }
        for (const ErrorReport& report : reports) {
          report(error);
        }
      }
    });
  }

 private:
  const bool is_view_;
  const std::vector<Input> inputs_;
};

}  // namespace

void Evaluation::add(const mx::Event& event) {
  // Nodes that are evaluated inline have no event.
  if (!event.valid()) {
    return;
  }
  std::lock_guard lock(mutex_);
  events_.push_back(event);
  if (error_) {
    FailedEvaluations::instance().add(shared_from_this(), {event});
  }
}

void Evaluation::fail(std::exception_ptr error) {
  std::lock_guard lock(mutex_);
  all_failed_ = true;
  record(std::move(error));
}

void Evaluation::fail(std::uintptr_t node, std::exception_ptr error) {
  std::lock_guard lock(mutex_);
  std::vector<std::uintptr_t> added{node};
  while (!added.empty()) {
    const std::uintptr_t input = added.back();
    added.pop_back();
    if (!failed_.insert(input).second) {
      continue;
    }
    for (std::size_t at = 0; at < graph_.size(); at += 2 + graph_[at + 1]) {
      for (std::size_t i = 0; i < graph_[at + 1]; i++) {
        if (graph_[at + 2 + i] == input) {
          added.push_back(graph_[at]);
        }
      }
    }
  }
  record(std::move(error));
}

void Evaluation::record(std::exception_ptr error) {
  if (!error_) {
    error_ = std::move(error);
  }
  has_error_ = true;
  FailedEvaluations::instance().add(shared_from_this(), events_);
}

std::exception_ptr Evaluation::failure(std::uintptr_t node) const {
  std::lock_guard lock(mutex_);
  return all_failed_ || failed_.contains(node) ? error_ : nullptr;
}

void Evaluation::check() const {
  if (!has_error_) {
    return;
  }
  std::lock_guard lock(mutex_);
  std::rethrow_exception(error_);
}

EvaluationScope::EvaluationScope(std::shared_ptr<Evaluation> evaluation)
    : outer_(std::exchange(scheduled_here, std::move(evaluation))) {}

EvaluationScope::~EvaluationScope() {
  scheduled_here = outer_;
}

const std::shared_ptr<Evaluation>& scheduled_evaluation() {
  return scheduled_here;
}

PartsOf::PartsOf(const mx::array& whole) : outer_(std::exchange(whole_here, whole.id())) {
  if (scheduled_here) {
    scheduled_here->add(whole.event());
  }
}

PartsOf::~PartsOf() {
  whole_here = outer_;
}

ErrorReport::ErrorReport(const mx::array& node)
    : evaluation_(scheduled_here), node_(whole_here ? whole_here : node.id()) {
  if (evaluation_ && !whole_here) {
    evaluation_->add(node.event());
  }
}

void ErrorReport::operator()(const std::string& message) const {
  (*this)(std::make_exception_ptr(std::out_of_range(message)));
}

void ErrorReport::operator()(std::exception_ptr error) const {
  if (evaluation_) {
    evaluation_->fail(node_, std::move(error));
  }
}

void check_error(const mx::array& array) {
  check_error(array.event(), array.id());
}

void check_error(const mx::Event& event, std::uintptr_t id) {
  const std::exception_ptr error = FailedEvaluations::instance().find(event, id);
  if (error) {
    std::rethrow_exception(error);
  }
}

std::shared_ptr<KernelOverride> dependent(mx::array& node, bool is_view) {
  std::vector<Dependent::Input> inputs;
  for (const mx::array& input : node.inputs()) {
    if (input.status() != mx::array::Status::evaluated || !input.event().valid()) {
      continue;
    }
    check_error(input);
    const mx::Event event = input.event();
    if (!input.is_available()) {
      inputs.push_back({event, input.id()});
    }
  }
  if (inputs.empty()) {
    return nullptr;
  }
  return std::make_shared<Dependent>(node.primitive_ptr(), is_view, std::move(inputs));
}

}  // namespace mlx_c::cpu
