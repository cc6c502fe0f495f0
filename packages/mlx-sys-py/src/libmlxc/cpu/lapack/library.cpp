#include "cpu/lapack/library.hpp"

#include <dlfcn.h>
#include <pthread.h>

#include <array>
#include <new>
#include <optional>
#include <string>

#include <mlx/version.h>

namespace mlx_c::cpu::lapack {

namespace {

std::mutex mutex;
int current_threads = 0;

// In a forked child no other thread is in the middle of a call, though one may have been before.
void forget_callers() {
  new (&mutex) std::mutex;
  current_threads = 0;
}

// The folder of packages, given something in the library of one of them, which is two folders
// below.
std::optional<std::string> site_packages(const void* symbol) {
  Dl_info info;
  if (dladdr(const_cast<void*>(symbol), &info) == 0 || !info.dli_fname) {
    return std::nullopt;
  }
  std::string path = info.dli_fname;
  for (int i = 0; i < 3; i++) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
      return std::nullopt;
    }
    path.resize(slash);
  }
  return path;
}

// MLX's library is in site-packages even where this one is used from the folder it was built in.
void* open_library() {
#if defined(__linux__)
  const std::array symbols{
      reinterpret_cast<const void*>(&mlx::core::version), static_cast<const void*>(&mutex)};
  for (const void* symbol : symbols) {
    if (const auto folder = site_packages(symbol)) {
      const std::string path = *folder + "/scipy_openblas64/lib/libscipy_openblas64_.so";
      if (void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL)) {
        return handle;
      }
    }
  }
#endif
  return nullptr;
}

// Finds functions by their names.
class Finder {
 public:
  explicit Finder(void* handle) : handle_(handle) {}

  template <class F>
  void find(F*& function, const std::string& name) {
    function = reinterpret_cast<F*>(dlsym(handle_, ("scipy_" + name).c_str()));
    all_ = all_ && function;
  }

  template <class T>
  void find_real(Routines<T>& routines, const std::string& type) {
    find(routines.geqrf, type + "geqrf_64_");
    find(routines.orgqr, type + "orgqr_64_");
    find(routines.gesdd, type + "gesdd_64_");
    find(routines.syevd, type + "syevd_64_");
    find(routines.geev, type + "geev_64_");
    find(routines.getrf, type + "getrf_64_");
    find(routines.getrs, type + "getrs_64_");
    find(routines.getri, type + "getri_64_");
    find(routines.potrf, type + "potrf_64_");
    find(routines.trtri, type + "trtri_64_");
    find(routines.trsm, type + "trsm_64_");
  }

  bool found_all() const {
    return all_;
  }

 private:
  void* const handle_;
  bool all_ = true;
};

std::optional<Library> load() {
  void* const handle = open_library();
  if (!handle) {
    return std::nullopt;
  }
  Library library{};
  Finder finder(handle);
  finder.find_real(library.f32, "s");
  finder.find_real(library.f64, "d");
  finder.find(library.c64.heevd, "cheevd_64_");
  finder.find(library.c64.geev, "cgeev_64_");
  finder.find(library.set_threads, "openblas_set_num_threads64_");
  if (!finder.found_all()) {
    return std::nullopt;
  }
  pthread_atfork(nullptr, nullptr, forget_callers);
  return library;
}

}  // namespace

const Library* library() {
  static const std::optional<Library> loaded = load();
  return loaded ? &*loaded : nullptr;
}

Threads::Threads(int count) : lock_(mutex) {
  if (count != current_threads) {
    library()->set_threads(count);
    current_threads = count;
  }
}

}  // namespace mlx_c::cpu::lapack
