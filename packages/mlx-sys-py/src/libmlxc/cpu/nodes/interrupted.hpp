// Evaluations that were interrupted.
//
// What an interrupted caller has scheduled and what is not done yet is set aside, and the arrays
// that depend on it become unscheduled nodes again. Whoever needs them later resumes the work where
// it was left; if nobody is left who could, it is freed with them.
#pragma once

#include <cstdint>

namespace mlx_c::cpu {

// Sets aside what the calling thread has scheduled, as far as it can be. Call it under the lock
// that serialises evaluations. Takes no longer than it takes a kernel to notice.
void set_work_aside();

// How often that was done to something: tasks that were scheduled later may run earlier since then.
std::uint64_t times_set_aside();

}  // namespace mlx_c::cpu
