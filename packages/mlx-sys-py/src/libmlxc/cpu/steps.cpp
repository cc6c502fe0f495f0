#include "steps.hpp"

#include <iterator>

#include "mlx/scheduler.h"

namespace mlx_c::cpu {

// Many enough to make handing over cheap, few enough to start early and to free memory early.
constexpr std::size_t batch_size = 16;

thread_local constinit Steps* Steps::current_ = nullptr;

Steps::Steps(mlx::core::Stream stream, bool at_once)
    : stream_(stream), at_once_(at_once), outer_(std::exchange(current_, this)) {}

Steps::~Steps() {
  current_ = outer_;
}

void Steps::keep(std::vector<Data> buffers) {
  if (batch_.steps.empty()) return;
  std::move(buffers.begin(), buffers.end(), std::back_inserter(batch_.buffers));
}

void Steps::flush(bool all) {
  if (batch_.steps.empty() || (!all && batch_.steps.size() < batch_size)) return;
  auto batch = std::make_shared<Batch>(std::exchange(batch_, {}));
  mlx::core::scheduler::enqueue(
      stream_, [batch = std::move(batch), evaluation = scheduled_evaluation()] {
        for (auto& step : batch->steps) run_for(evaluation, step);
      });
}

}  // namespace mlx_c::cpu
