// Evaluation of graphs with nodes on other devices than the CPU.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include <mlx/array.h>
#include <mlx/event.h>

#include "cpu/graph/rewrite.hpp"

namespace mlx_c {

// Whether there are other devices than the CPU.
bool has_devices();

// What nodes of the CPU under `outputs` read of the results of other devices that are not there
// yet; where some of them depend on others, only those.
//
// MLX lets the caller wait for them in the middle of scheduling, for an event that is never
// signalled if a kernel of the GPU has failed. Whoever evaluates them first, and waits as it waits
// for everything, gets the error.
std::vector<mlx::core::array> needed_by_the_cpu(const std::vector<mlx::core::array>& outputs);

// Schedules the nodes of a plan as MLX's `async_eval` does, but large graphs in pieces: MLX itself
// blocks while much is under way. `between` is called before each piece but the first, with the
// events of those scheduled so far that are not known to be done. If it throws, the nodes not
// scheduled yet stay so.
void schedule_in_pieces(
    const cpu::Plan& plan, const std::function<void(std::deque<mlx::core::Event>&)>& between);

// Whether so much is under way that nothing should be scheduled before the first of `events` is
// signalled.
bool is_backlog(const std::deque<mlx::core::Event>& events);

// Lets a CUDA device make what it needs to signal events of the CPU: its threads could not report
// it if that failed later. Call it before the first evaluation, under its lock.
void prepare_devices();

// Throws if a device takes no more work, because a kernel has failed.
void check_devices();

// Whether the calling thread lasts as long as the process, so far as is known.
//
// MLX keeps handles of cuBLAS, cuDNN and cuSOLVER for each thread that schedules work for a GPU. At
// the end of a thread they wait for the device, which breaks the graph that another thread may be
// recording, and the process with it. So other threads let one that lasts schedule such work.
bool is_lasting_thread();

// While it exists, the calling thread is one that lasts.
class LastingThread {
 public:
  LastingThread();
  ~LastingThread();
  LastingThread(const LastingThread&) = delete;
  LastingThread& operator=(const LastingThread&) = delete;
};

}  // namespace mlx_c
