#include "mlx/c/io.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include <mlx/allocator.h>
#include <mlx/io.h>
#include <mlx/io/load.h>
#include <mlx/ops.h>

#include "api/io_handles.hpp"
#include "core/convert.hpp"
#include "core/guard.hpp"
#include "cpu/arrays/allocation.hpp"
#include "files/atomic_file.hpp"
#include "files/gguf_header.hpp"
#include "files/gguf_types.hpp"
#include "files/gguf_validate.hpp"
#include "files/reading.hpp"
#include "runtime/evaluate.hpp"
#include "runtime/interruptible_wait.hpp"

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

// --- Loading -----------------------------------------------------------------------------------

// A file or a user's reader, as the checks read it; they leave a reader at its beginning.
class Source {
 public:
  explicit Source(const std::string& file)
      : label_(file), size_(std::filesystem::file_size(file)), file_(file, std::ios::binary) {}

  explicit Source(const Reader& user) : label_(user.stream->label()), user_(user.stream) {
    user_->seek(0, std::ios_base::end);
    size_ = user_->tell();
    user_->seek(0, std::ios_base::beg);
  }

  const std::string& label() const {
    return label_;
  }

  std::string read(size_t offset, size_t size) {
    if (offset > size_ || size > size_ - offset) {
      throw IoError(label_ + " is truncated");
    }
    std::string bytes(size, '\0');
    if (user_) {
      user_->read(bytes.data(), size, offset);
      // MLX reads from the current position, which this may have moved.
      user_->seek(0, std::ios_base::beg);
    } else if (!file_.seekg(offset) || !file_.read(bytes.data(), size)) {
      throw IoError(label_ + " cannot be read");
    }
    return bytes;
  }

  // MLX's sizes may overflow, and it notices only at evaluation that the file is too short.
  void check_holds(const mx::array& array, size_t offset = 0) const {
    size_t bytes = array.itemsize();
    for (auto extent : array.shape()) {
      if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<size_t>(extent), &bytes)) {
        throw IoError(label_ + " has an array of an impossible shape");
      }
    }
    if (bytes > size_ - offset) {
      throw IoError(label_ + " is truncated: it is shorter than an array in it");
    }
  }

 private:
  std::string label_;
  size_t size_;
  std::ifstream file_;
  std::shared_ptr<mx::io::Reader> user_;
};

// MLX reads the header at the offsets that NumPy writes its parts to. Returns where the data
// begins.
size_t check_npy_header(Source& from) {
  auto start = from.read(0, 10);
  bool version_1 = start[6] == 1;
  if (!start.starts_with("\x93NUMPY") || (!version_1 && start[6] != 2)) {
    throw IoError(from.label() + " is not an npy file of version 1 or 2");
  }
  size_t prefix = version_1 ? 10 : 12;
  auto length_bytes = from.read(8, prefix - 8);
  uint32_t length = 0;
  std::memcpy(&length, length_bytes.data(), length_bytes.size());
  auto header = from.read(prefix, length);
  auto has = [&](size_t at, std::string_view text) {
    return header.size() > at && header.compare(at, text.size(), text) == 0;
  };
  if (!has(0, "{'descr': '") || !has(14, "', 'fortran_order': ") ||
      !(has(34, "True, 'shape': (") || has(34, "False, 'shape': (")) ||
      header.find(')') == header.npos) {
    throw IoError(
        from.label() + " has an npy header that cannot be loaded: " + header.substr(0, 100));
  }
  return prefix + length;
}

mx::array checked_npy(Source& from, const std::function<mx::array()>& load) {
  return reading(from.label(), [&] {
    size_t offset = check_npy_header(from);
    auto array = load();
    from.check_holds(array, offset);
    return array;
  });
}

mx::SafetensorsLoad checked_safetensors(
    Source& from, const std::function<mx::SafetensorsLoad()>& load) {
  return reading(from.label(), [&] {
    auto result = load();
    for (auto& [name, array] : result.first) {
      from.check_holds(array);
    }
    return result;
  });
}

mx::array read_bfloat16(Source& from, const GgufTensor& tensor) {
  auto data = from.read(tensor.offset, tensor.nbytes);
  auto memory = mx::allocator::malloc(tensor.nbytes);
  auto buffer = memory.buffer();
  std::memcpy(buffer.raw_ptr(), data.data(), tensor.nbytes);
  return mx::array(std::move(memory), tensor.shape, mx::bfloat16);
}

mx::GGUFLoad checked_gguf(const std::string& file, mx::StreamOrDevice stream) {
  return reading(file, [&] {
    auto header = read_gguf_header(file);
    check_loadable(header);
    auto result = mx::load_gguf(file, stream);
    Source from(file);
    for (auto& tensor : header.tensors) {
      // MLX would convert it to float16.
      if (tensor.type->id == gguf_bfloat16) {
        result.first.insert_or_assign(tensor.name, read_bfloat16(from, tensor));
      }
    }
    cpu::move_to_large_pages(result.first);
    return result;
  });
}

// --- Saving ------------------------------------------------------------------------------------

// Contiguous and evaluated, by this library.
mx::array ready(const mx::array& array) {
  auto result = mx::contiguous(array);
  evaluate({result}, true);
  return result;
}

ArrayMap ready(const ArrayMap& map) {
  ArrayMap result;
  Arrays all;
  for (auto& [name, array] : map) {
    all.push_back(result.emplace(name, mx::contiguous(array)).first->second);
  }
  evaluate(std::move(all), true);
  return result;
}

// A new file. The user can interrupt between the portions that it is written in.
class NewFile : public mx::io::Writer {
 public:
  explicit NewFile(const std::string& name) : file_(name) {}

  void open() override {
    file_.open();
  }

  bool is_open() const override {
    return file_.is_open();
  }

  bool good() const override {
    return file_.good();
  }

  size_t tell() override {
    return file_.tell();
  }

  void seek(int64_t offset, std::ios_base::seekdir way) override {
    file_.seek(offset, way);
  }

  void write(const char* data, size_t size) override {
    constexpr size_t portion = 8 << 20;
    for (; size > portion; data += portion, size -= portion) {
      file_.write(data, portion);
      user_.check();
    }
    file_.write(data, size);
  }

  std::string label() const override {
    return file_.label();
  }

 private:
  mx::io::FileWriter file_;
  InterruptibleWait user_;
};

// Calls `write` to replace `file` atomically. As MLX, adds `suffix` to a name that lacks it.
template <class F>
void replace_file(const char* file, const std::string& suffix, F write) {
  std::string name = to_string(file, "file");
  if (!name.ends_with(suffix)) {
    name += suffix;
  }
  AtomicFile target(name, suffix);
  try {
    write(target.path());
  } catch (const CallbackError&) {
    throw;
  } catch (const std::runtime_error& e) {
    throw IoError(name + ": " + e.what());
  }
  target.commit();
}

void check_safetensors(const ArrayMap& arrays) {
  for (auto& [name, array] : arrays) {
    if (array.dtype() == mx::float64) {
      throw std::invalid_argument("param: safetensors cannot hold float64, the type of " + name);
    }
  }
}

void check_gguf_contents(const mx::GGUFLoad& contents) {
  for (auto& [name, array] : contents.first) {
    switch (array.dtype().val()) {
      case mx::Dtype::Val::float32:
      case mx::Dtype::Val::float16:
      case mx::Dtype::Val::int8:
      case mx::Dtype::Val::int16:
      case mx::Dtype::Val::int32:
        break;
      default:
        throw std::invalid_argument(
            "gguf: an array is to be float32, float16, int8, int16 or int32; " + name + " is not");
    }
  }
  for (auto& [key, value] : contents.second) {
    auto* array = std::get_if<mx::array>(&value);
    if (array && (array->ndim() > 1 || array->size() == 0)) {
      throw std::invalid_argument(
          "gguf: an array in the metadata has items, in at most one dimension; " + key +
          " has not");
    }
    // MLX aligns to 32, whatever the metadata say.
    if (key == "general.alignment") {
      throw std::invalid_argument("gguf: general.alignment cannot be chosen");
    }
  }
}

mx::GGUFLoad ready(const mx::GGUFLoad& contents) {
  check_gguf_contents(contents);
  mx::GGUFLoad result{ready(contents.first), contents.second};
  for (auto& [key, value] : result.second) {
    if (auto* array = std::get_if<mx::array>(&value)) {
      value = ready(*array);
    }
  }
  return result;
}

}  // namespace

int mlx_load_reader(mlx_array* res, mlx_io_reader in_stream, const mlx_stream s) {
  return guard([&] {
    auto& user = get(in_stream, "in_stream");
    auto stream = get_stream(s);
    Source from(user);
    set(res, checked_npy(from, [&] { return mx::load(user.stream, stream); }));
  });
}

int mlx_load(mlx_array* res, const char* file, const mlx_stream s) {
  return guard([&] {
    auto name = readable(file);
    auto stream = get_stream(s);
    Source from(name);
    set(res, checked_npy(from, [&] { return mx::load(name, stream); }));
  });
}

int mlx_load_gguf(mlx_io_gguf* gguf, const char* file, const mlx_stream s) {
  return guard([&] { set(gguf, checked_gguf(readable(file), get_stream(s))); });
}

int mlx_load_safetensors_reader(
    mlx_map_string_to_array* res_0,
    mlx_map_string_to_string* res_1,
    mlx_io_reader in_stream,
    const mlx_stream s) {
  return guard([&] {
    auto& user = get(in_stream, "in_stream");
    auto stream = get_stream(s);
    Source from(user);
    set(res_0, res_1, checked_safetensors(from, [&] {
          return mx::load_safetensors(user.stream, stream);
        }));
  });
}

int mlx_load_safetensors(
    mlx_map_string_to_array* res_0,
    mlx_map_string_to_string* res_1,
    const char* file,
    const mlx_stream s) {
  return guard([&] {
    auto name = readable(file);
    auto stream = get_stream(s);
    Source from(name);
    set(res_0, res_1, checked_safetensors(from, [&] {
          return mx::load_safetensors(name, stream);
        }));
  });
}

int mlx_save_writer(mlx_io_writer out_stream, const mlx_array a) {
  return guard([&] { mx::save(get(out_stream, "out_stream").stream, ready(get(a, "a"))); });
}

int mlx_save(const char* file, const mlx_array a) {
  return guard([&] {
    auto array = ready(get(a, "a"));
    replace_file(file, ".npy", [&](const std::string& name) {
      mx::save(std::make_shared<NewFile>(name), array);
    });
  });
}

int mlx_save_gguf(const char* file, mlx_io_gguf gguf) {
  return guard([&] {
    auto contents = ready(get(gguf, "gguf"));
    replace_file(file, ".gguf", [&](const std::string& name) {
      mx::save_gguf(name, contents.first, contents.second);
      // MLX does not check whether the metadata could be written.
      check_loadable(read_gguf_header(name));
    });
  });
}

int mlx_save_safetensors_writer(
    mlx_io_writer in_stream,
    const mlx_map_string_to_array param,
    const mlx_map_string_to_string metadata) {
  return guard([&] {
    auto& arrays = get(param, "param");
    check_safetensors(arrays);
    mx::save_safetensors(
        get(in_stream, "in_stream").stream, ready(arrays), get(metadata, "metadata"));
  });
}

int mlx_save_safetensors(
    const char* file,
    const mlx_map_string_to_array param,
    const mlx_map_string_to_string metadata) {
  return guard([&] {
    auto& arrays = get(param, "param");
    check_safetensors(arrays);
    auto contents = ready(arrays);
    replace_file(file, ".safetensors", [&](const std::string& name) {
      mx::save_safetensors(std::make_shared<NewFile>(name), contents, get(metadata, "metadata"));
    });
  });
}
