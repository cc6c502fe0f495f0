#include "mlx/c/io_types.h"

#include <cstdio>
#include <mutex>

#include "api/io_handles.hpp"
#include "core/convert.hpp"
#include "core/guard.hpp"
#include "core/payload.hpp"
#include "core/stack_check.hpp"

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

// Adapts a stream of the user to MLX's reader or writer. MLX uses a reader from several threads at
// once; calls of the user's functions are serialised.
template <class Interface>
class UserStream : public Interface {
 public:
  UserStream(void* descriptor, const mlx_io_vtable& vtable)
      : vtable_(vtable), descriptor_(descriptor) {
    const char* text = vtable.label(descriptor);
    label_ = text ? text : "";
  }

  ~UserStream() override {
    if (owned_ && vtable_.free) {
      free_in_turn(vtable_.free, descriptor_);
    }
  }

  // From here on the descriptor is ours to free.
  void own() {
    owned_ = true;
  }

  bool is_open() const override {
    std::lock_guard lock(mutex_);
    return vtable_.is_open(descriptor_);
  }

  bool good() const override {
    std::lock_guard lock(mutex_);
    return vtable_.good(descriptor_);
  }

  std::string label() const override {
    return label_;
  }

  size_t tell() override {
    size_t position = 0;
    call("tell", [&](void* descriptor) { position = vtable_.tell(descriptor); });
    return position;
  }

  void seek(int64_t off, std::ios_base::seekdir way) override {
    int whence = way == std::ios_base::beg ? SEEK_SET
        : way == std::ios_base::cur        ? SEEK_CUR
                                           : SEEK_END;
    call("seek", [&](void* descriptor) { vtable_.seek(descriptor, off, whence); });
  }

 protected:
  // The callbacks cannot return a failure, so `good` is asked after each of them.
  template <class F>
  void call(const char* name, F f) {
    check_stack();
    std::lock_guard lock(mutex_);
    f(descriptor_);
    if (!vtable_.good(descriptor_)) {
      throw CallbackError("[" + std::string(name) + "] failed on " + label_);
    }
  }

  mlx_io_vtable vtable_;

 private:
  void* descriptor_;
  std::string label_;
  bool owned_ = false;
  mutable std::mutex mutex_;
};

class UserReader : public UserStream<mx::io::Reader> {
 public:
  using UserStream::UserStream;

  static bool complete(const mlx_io_vtable& vtable) {
    return vtable.read && vtable.read_at_offset;
  }

  void read(char* data, size_t n) override {
    call("read", [&](void* descriptor) { vtable_.read(descriptor, data, n); });
  }

  void read(char* data, size_t n, size_t offset) override {
    call("read", [&](void* descriptor) { vtable_.read_at_offset(descriptor, data, n, offset); });
  }
};

class UserWriter : public UserStream<mx::io::Writer> {
 public:
  using UserStream::UserStream;

  static bool complete(const mlx_io_vtable& vtable) {
    return vtable.write;
  }

  void write(const char* data, size_t n) override {
    call("write", [&](void* descriptor) { vtable_.write(descriptor, data, n); });
  }
};

template <class Handle, class Stream>
Handle new_stream(void* desc, const mlx_io_vtable& vtable) {
  return guard_or(Handle{}, [&] {
    if (!vtable.is_open || !vtable.good || !vtable.tell || !vtable.seek || !vtable.label ||
        !Stream::complete(vtable)) {
      throw std::invalid_argument("vtable lacks a function that this stream needs");
    }
    auto stream = std::make_shared<Stream>(desc, vtable);
    auto handle = make<Handle>({desc, stream});
    stream->own();
    return handle;
  });
}

template <class T>
T& metadata(mlx_io_gguf io, const char* key) {
  auto& entries = get(io, "io").second;
  auto found = entries.find(not_null(key, "key"));
  if (found == entries.end()) {
    throw std::out_of_range("the metadata has no key \"" + std::string(key) + "\"");
  }
  if (auto* value = std::get_if<T>(&found->second)) {
    return *value;
  }
  throw std::invalid_argument("the metadata of \"" + std::string(key) + "\" is of another type");
}

template <class T>
int has_metadata(bool* flag, mlx_io_gguf io, const char* key) {
  return guard([&] {
    auto& entries = get(io, "io").second;
    auto found = entries.find(not_null(key, "key"));
    *not_null(flag, "flag") = found != entries.end() && std::holds_alternative<T>(found->second);
  });
}

void set_metadata(mlx_io_gguf io, const char* key, mx::GGUFMetaData value) {
  get(io, "io").second.insert_or_assign(to_string(key, "key"), std::move(value));
}

template <class Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  for (auto& entry : map) {
    keys.push_back(entry.first);
  }
  return keys;
}

using Strings = std::vector<std::string>;

}  // namespace

mlx_io_reader mlx_io_reader_new(void* desc, mlx_io_vtable vtable) {
  return new_stream<mlx_io_reader, UserReader>(desc, vtable);
}

int mlx_io_reader_descriptor(void** desc, mlx_io_reader io) {
  return guard([&] { *not_null(desc, "desc_") = get(io, "io").descriptor; });
}

int mlx_io_reader_tostring(mlx_string* str, mlx_io_reader io) {
  return guard([&] { set(str, get(io, "io").stream->label()); });
}

int mlx_io_reader_free(mlx_io_reader io) {
  return guard([&] { release(io); });
}

mlx_io_writer mlx_io_writer_new(void* desc, mlx_io_vtable vtable) {
  return new_stream<mlx_io_writer, UserWriter>(desc, vtable);
}

int mlx_io_writer_descriptor(void** desc, mlx_io_writer io) {
  return guard([&] { *not_null(desc, "desc_") = get(io, "io").descriptor; });
}

int mlx_io_writer_tostring(mlx_string* str, mlx_io_writer io) {
  return guard([&] { set(str, get(io, "io").stream->label()); });
}

int mlx_io_writer_free(mlx_io_writer io) {
  return guard([&] { release(io); });
}

mlx_io_gguf mlx_io_gguf_new(void) {
  return guard_or(mlx_io_gguf{}, [] { return make<mlx_io_gguf>({}); });
}

int mlx_io_gguf_free(mlx_io_gguf io) {
  return guard([&] { release(io); });
}

int mlx_io_gguf_get_keys(mlx_vector_string* keys, mlx_io_gguf io) {
  return guard([&] { set(keys, keys_of(get(io, "io").first)); });
}

int mlx_io_gguf_get_metadata_keys(mlx_vector_string* keys, mlx_io_gguf io) {
  return guard([&] { set(keys, keys_of(get(io, "io").second)); });
}

int mlx_io_gguf_get_array(mlx_array* arr, mlx_io_gguf io, const char* key) {
  return guard([&] {
    auto& arrays = get(io, "io").first;
    auto found = arrays.find(not_null(key, "key"));
    if (found == arrays.end()) {
      throw std::out_of_range("there is no array \"" + std::string(key) + "\"");
    }
    set(arr, found->second);
  });
}

int mlx_io_gguf_get_metadata_array(mlx_array* arr, mlx_io_gguf io, const char* key) {
  return guard([&] { set(arr, metadata<mx::array>(io, key)); });
}

int mlx_io_gguf_get_metadata_string(mlx_string* str, mlx_io_gguf io, const char* key) {
  return guard([&] { set(str, metadata<std::string>(io, key)); });
}

int mlx_io_gguf_get_metadata_vector_string(
    mlx_vector_string* vstr, mlx_io_gguf io, const char* key) {
  return guard([&] { set(vstr, metadata<Strings>(io, key)); });
}

int mlx_io_gguf_has_metadata_array(bool* flag, mlx_io_gguf io, const char* key) {
  return has_metadata<mx::array>(flag, io, key);
}

int mlx_io_gguf_has_metadata_string(bool* flag, mlx_io_gguf io, const char* key) {
  return has_metadata<std::string>(flag, io, key);
}

int mlx_io_gguf_has_metadata_vector_string(bool* flag, mlx_io_gguf io, const char* key) {
  return has_metadata<Strings>(flag, io, key);
}

int mlx_io_gguf_set_array(mlx_io_gguf io, const char* key, const mlx_array arr) {
  return guard(
      [&] { get(io, "io").first.insert_or_assign(to_string(key, "key"), get(arr, "arr")); });
}

int mlx_io_gguf_set_metadata_array(mlx_io_gguf io, const char* key, const mlx_array marr) {
  return guard([&] { set_metadata(io, key, get(marr, "marr")); });
}

int mlx_io_gguf_set_metadata_string(mlx_io_gguf io, const char* key, const char* mstr) {
  return guard([&] { set_metadata(io, key, to_string(mstr, "mstr")); });
}

int mlx_io_gguf_set_metadata_vector_string(
    mlx_io_gguf io, const char* key, const mlx_vector_string mvstr) {
  return guard([&] { set_metadata(io, key, get(mvstr, "mvstr")); });
}
