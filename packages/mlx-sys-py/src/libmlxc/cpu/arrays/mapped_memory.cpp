#include "cpu/arrays/mapped_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <vector>

#include <mlx/allocator.h>

namespace mlx_c::cpu {

namespace mx = mlx::core;

// The memory of a file. The handler of the signal walks the list of all, which therefore only
// grows: those that are free are used again.
class MappedFile::Region {
 public:
  // Of the file's bytes; both 0 while it is free.
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;
  std::atomic<bool> lost = false;
  Region* next = nullptr;
  std::string name;
  int descriptor = -1;
  // What was reserved, the bytes and what is before them.
  void* memory = nullptr;
  std::size_t reserved = 0;

  bool holds(std::uintptr_t address) const {
    return begin <= address && address < end;
  }
};

namespace {

using Region = MappedFile::Region;

// MLX's allocator writes the size of a buffer before it, and reads it there.
using BufferSize = std::size_t;

std::atomic<Region*> regions = nullptr;
std::atomic<std::uint64_t> losses = 0;
std::atomic<int> lost_files = 0;
std::atomic<int> mapped_files = 0;

std::mutex& regions_mutex() {
  static auto& mutex = *new std::mutex;
  return mutex;
}

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

struct sigaction previous_action;

Region* find_region(std::uintptr_t address) {
  for (Region* region = regions; region; region = region->next) {
    if (region->holds(address)) {
      return region;
    }
  }
  return nullptr;
}

// Others may chain their handlers to ours and ours to theirs. Then a call within the call, or a
// signal that a handler has raised again, ends the process.
std::atomic<bool> in_previous = false;
std::atomic<bool> was_in_previous = false;

void call_previous(int signal, siginfo_t* info, void* context) {
  const bool is_raised = info->si_code <= 0;
  const bool has_previous =
      previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN;
  if (!has_previous || (is_raised && was_in_previous) || in_previous.exchange(true)) {
    // What raised it does so again when this returns, and then ends the process.
    std::signal(signal, SIG_DFL);
    if (is_raised) {
      raise(signal);
    }
    return;
  }
  was_in_previous = true;
  if (previous_action.sa_flags & SA_SIGINFO) {
    previous_action.sa_sigaction(signal, info, context);
  } else {
    previous_action.sa_handler(signal);
  }
  in_previous = false;
}

void tell(const Region& region) {
  constexpr char before[] = "mlx: the file ";
  constexpr char after[] =
      " has become shorter while its arrays are used: what is missing reads as 0\n";
  ssize_t written = write(STDERR_FILENO, before, sizeof(before) - 1);
  written = write(STDERR_FILENO, region.name.data(), region.name.size());
  written = write(STDERR_FILENO, after, sizeof(after) - 1);
  static_cast<void>(written);
}

// Runs in a signal handler: system calls and atomics, nothing else.
void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  Region* region = info->si_code == BUS_ADRERR ? find_region(address) : nullptr;
  if (!region) {
    call_previous(signal, info, context);
    return;
  }
  const std::size_t size = page_size();
  void* page = reinterpret_cast<void*>(address & ~(size - 1));
  if (mmap(page, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
      MAP_FAILED) {
    call_previous(signal, info, context);
    return;
  }
  losses++;
  if (!region->lost.exchange(true)) {
    lost_files++;
    tell(*region);
  }
  errno = error;
}

// Others install handlers too, such as Python's faulthandler: ours has to be the first.
bool install_handler() {
  struct sigaction current{};
  if (sigaction(SIGBUS, nullptr, &current) != 0) {
    return false;
  }
  if ((current.sa_flags & SA_SIGINFO) && current.sa_sigaction == on_bus_error) {
    return true;
  }
  previous_action = current;
  struct sigaction action{};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGBUS, &action, nullptr) == 0;
}

// Whether a buffer is a pointer to its size, with the data behind it: so it is where there is no
// GPU.
bool can_have_foreign_memory() {
  constexpr std::size_t size = 64;
  auto memory = mx::allocator::malloc(size);
  auto buffer = memory.buffer();
  if (!buffer.ptr() ||
      static_cast<char*>(buffer.raw_ptr()) !=
          static_cast<char*>(buffer.ptr()) + sizeof(BufferSize)) {
    return false;
  }
  BufferSize stored = 0;
  std::memcpy(&stored, buffer.ptr(), sizeof(stored));
  // A buffer that was used before may be larger.
  return stored >= size && stored < (BufferSize{1} << 20);
}

Region* take_region() {
  for (Region* region = regions; region; region = region->next) {
    if (!region->memory) {
      return region;
    }
  }
  auto* region = new Region;
  region->next = regions;
  regions = region;
  return region;
}

void release(Region* region) {
  std::lock_guard lock(regions_mutex());
  region->begin = region->end = 0;
  if (region->lost.exchange(false)) {
    lost_files--;
  }
  mapped_files--;
  munmap(region->memory, region->reserved);
  close(region->descriptor);
  region->memory = nullptr;
}

std::uintptr_t address_of(const mx::array& array) {
  return array.data_shared_ptr() && array.size() > 0
      ? reinterpret_cast<std::uintptr_t>(array.data<char>())
      : 0;
}

[[noreturn]] void throw_lost(const Region& region) {
  throw std::runtime_error(
      "[read] " + region.name + " is truncated: it has become shorter since it was loaded");
}

}  // namespace

std::shared_ptr<MappedFile> MappedFile::map(
    int descriptor, const std::string& name, std::size_t size) {
  static const bool possible = can_have_foreign_memory();
  if (!possible || size == 0) {
    return nullptr;
  }
  std::lock_guard lock(regions_mutex());
  if (!install_handler()) {
    return nullptr;
  }
  const std::size_t page = page_size();
  const std::size_t reserved = page + (size + page - 1) / page * page;
  void* memory = mmap(
      nullptr,
      reserved,
      PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
      -1,
      0);
  if (memory == MAP_FAILED) {
    return nullptr;
  }
  char* data = static_cast<char*>(memory) + page;
  const int own_descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (own_descriptor < 0 ||
      mmap(
          data,
          size,
          PROT_READ | PROT_WRITE,
          MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
          own_descriptor,
          0) == MAP_FAILED) {
    if (own_descriptor >= 0) {
      close(own_descriptor);
    }
    munmap(memory, reserved);
    return nullptr;
  }
  Region* region = take_region();
  region->name = name;
  region->descriptor = own_descriptor;
  region->memory = memory;
  region->reserved = reserved;
  region->begin = reinterpret_cast<std::uintptr_t>(data);
  region->end = reinterpret_cast<std::uintptr_t>(data) + size;
  mapped_files++;
  char* buffer = data - sizeof(BufferSize);
  std::memcpy(buffer, &size, sizeof(BufferSize));
  mx::allocator::Data owner(
      mx::allocator::Buffer(buffer), [region](mx::allocator::Buffer) { release(region); });
  // The shape of what owns the memory is nothing to its views.
  return std::shared_ptr<MappedFile>(
      new MappedFile(mx::array(std::move(owner), mx::Shape{1}, mx::uint8)));
}

mx::array MappedFile::view(std::size_t offset, const mx::Shape& shape, mx::Dtype dtype) const {
  mx::array result(shape, dtype, nullptr, {});
  mx::Strides strides(shape.size());
  int64_t stride = 1;
  int longer_axes = 0;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
    longer_axes += shape[axis] > 1;
  }
  mx::array::Flags flags{};
  flags.contiguous = true;
  flags.row_contiguous = true;
  flags.col_contiguous = longer_axes <= 1;
  result.copy_shared_buffer(
      whole_, strides, flags, result.size(), static_cast<int64_t>(offset / dtype.size()));
  result.set_status(mx::array::Status::available);
  return result;
}

bool any_mapped_file() {
  return mapped_files.load(std::memory_order_relaxed) > 0;
}

std::uint64_t lost_pages() {
  return losses.load(std::memory_order_relaxed);
}

bool any_file_has_lost_pages() {
  return lost_files.load(std::memory_order_relaxed) > 0;
}

void check_not_lost(const mx::array& array) {
  const Region* region = find_region(address_of(array));
  if (region && region->lost) {
    throw_lost(*region);
  }
}

bool is_whole(const mx::array& array) {
  if (!any_mapped_file()) {
    return true;
  }
  const std::uintptr_t address = address_of(array);
  const Region* region = find_region(address);
  if (!region) {
    return true;
  }
  // Views that run backwards end before they begin.
  struct stat status{};
  const std::uintptr_t end = std::min(
      address - region->begin + array.data_size() * array.itemsize(), region->end - region->begin);
  return !region->lost && fstat(region->descriptor, &status) == 0 &&
      static_cast<std::uintptr_t>(status.st_size) >= end;
}

void check_whole(const mx::array& array) {
  if (!is_whole(array)) {
    throw_lost(*find_region(address_of(array)));
  }
}

void throw_lost_pages() {
  std::lock_guard lock(regions_mutex());
  for (const Region* region = regions; region; region = region->next) {
    if (region->lost) {
      throw_lost(*region);
    }
  }
  throw std::runtime_error("[read] a file has become shorter since it was loaded");
}

}  // namespace mlx_c::cpu
