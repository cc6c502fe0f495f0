#include "cpu/kernels/stop.hpp"

#include <utility>

namespace mlx_c::cpu {

namespace {

thread_local constinit Stop* stop_of_thread = nullptr;

}  // namespace

StopScope::StopScope(Stop* stop) : outer_(std::exchange(stop_of_thread, stop)) {}

StopScope::~StopScope() {
  stop_of_thread = outer_;
}

Stop* StopScope::current() {
  return stop_of_thread;
}

bool is_stopped() {
  Stop* stop = stop_of_thread;
  return stop && stop->obey();
}

}  // namespace mlx_c::cpu
