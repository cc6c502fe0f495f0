#include "mlx/c/io.h"

#include <functional>
#include <memory>

#include <mlx/allocator.h>
#include <mlx/io.h>
#include <mlx/io/load.h>
#include <mlx/ops.h>

#include "api/io_handles.hpp"
#include "core/convert.hpp"
#include "core/guard.hpp"
#include "files/atomic_file.hpp"
#include "files/byte_source.hpp"
#include "files/gguf.hpp"
#include "files/gguf_header.hpp"
#include "files/load_node.hpp"
#include "files/map_array.hpp"
#include "files/npy.hpp"
#include "files/reading.hpp"
#include "files/safetensors.hpp"
#include "runtime/evaluate.hpp"
#include "runtime/interruptible_wait.hpp"

using namespace mlx_c;
namespace mx = mlx::core;

namespace {

// --- Loading -----------------------------------------------------------------------------------

mx::Stream cpu_stream(const mlx_stream s) {
  const auto stream = mx::to_stream(get_stream(s));
  return stream.device == mx::Device::cpu ? stream : mx::default_stream(mx::Device::cpu);
}

// How an array that is stored somewhere comes into being.
using Loading = std::function<mx::array(const StoredArray&)>;

Loading lazily(std::shared_ptr<ByteSource> source, mx::Stream stream) {
  return [source = std::move(source), stream](const StoredArray& stored) {
    return load_lazily(source, stored, stream);
  };
}

Loading in_place(std::shared_ptr<FileSource> source) {
  auto mapped = map_file(*source);
  return [source = std::move(source), mapped = std::move(mapped)](const StoredArray& stored) {
    return map_array(source, mapped, stored, mx::default_stream(mx::Device::cpu));
  };
}

mx::array load_npy(const NpyHeader& header, const Loading& load, mx::Stream stream) {
  return arrange_npy(header, load(header.array), stream);
}

mx::SafetensorsLoad load_safetensors(ByteSource& source, const Loading& load) {
  return reading(source.label(), [&] {
    auto header = read_safetensors_header(source);
    mx::SafetensorsLoad result{{}, std::move(header.metadata)};
    for (auto& [name, stored] : header.tensors) {
      result.first.emplace(name, load(stored));
    }
    return result;
  });
}

mx::GGUFLoad checked_gguf(const std::string& file, mlx_gguf_form form, bool mapped) {
  return reading(file, [&] { return load_gguf(file, form, mapped); });
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
class NewFile : public mx::io::FileWriter {
 public:
  explicit NewFile(const std::string& name) : FileWriter(name) {
    open();
    if (!is_open()) {
      throw IoError("the file cannot be created");
    }
  }

  void write(const char* data, size_t size) override {
    constexpr size_t portion = 8 << 20;
    for (; size > portion; data += portion, size -= portion) {
      FileWriter::write(data, portion);
      user_.check();
    }
    FileWriter::write(data, size);
  }

 private:
  InterruptibleWait user_;
};

void check_open(const mx::io::Writer& out) {
  if (!out.is_open() || !out.good()) {
    throw IoError(out.label() + " is not open");
  }
}

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

// Calls of the user's functions come in the order of the file.
void write_npy(mx::io::Writer& out, const mx::array& array) {
  const std::string header = npy_header(array);
  out.write(header.data(), header.size());
  if (array.nbytes() > 0) {
    out.write(array.data<char>(), array.nbytes());
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
    auto source = std::make_shared<ReaderSource>(get(in_stream, "in_stream").stream);
    auto stream = cpu_stream(s);
    set(res, reading(source->label(), [&] {
          auto header = read_npy_header(*source);
          source->leave_at(header.array.offset + header.array.nbytes);
          return load_npy(header, lazily(source, stream), stream);
        }));
  });
}

int mlx_load(mlx_array* res, const char* file, const mlx_stream s) {
  return guard([&] {
    auto source = std::make_shared<FileSource>(to_string(file, "file"));
    auto stream = cpu_stream(s);
    set(res, reading(source->label(), [&] {
          return load_npy(read_npy_header(*source), lazily(source, stream), stream);
        }));
  });
}

int mlx_load_mapped(mlx_array* res, const char* file) {
  return guard([&] {
    auto source = std::make_shared<FileSource>(to_string(file, "file"));
    set(res, reading(source->label(), [&] {
          return load_npy(
              read_npy_header(*source), in_place(source), mx::default_stream(mx::Device::cpu));
        }));
  });
}

int mlx_load_gguf(mlx_io_gguf* gguf, const char* file, const mlx_stream s) {
  return guard([&] {
    get_stream(s);
    set(gguf, checked_gguf(readable(file), MLX_GGUF_AFFINE, false));
  });
}

int mlx_load_gguf_as(mlx_io_gguf* gguf, const char* file, mlx_gguf_form form, bool mapped) {
  return guard([&] {
    if (form < MLX_GGUF_AFFINE || form > MLX_GGUF_FLOAT) {
      throw std::invalid_argument("form must be one of mlx_gguf_form");
    }
    set(gguf, checked_gguf(readable(file), form, mapped));
  });
}

int mlx_load_safetensors_reader(
    mlx_map_string_to_array* res_0,
    mlx_map_string_to_string* res_1,
    mlx_io_reader in_stream,
    const mlx_stream s) {
  return guard([&] {
    auto source = std::make_shared<ReaderSource>(get(in_stream, "in_stream").stream);
    set(res_0, res_1, load_safetensors(*source, lazily(source, cpu_stream(s))));
    source->leave_at(source->size());
  });
}

int mlx_load_safetensors(
    mlx_map_string_to_array* res_0,
    mlx_map_string_to_string* res_1,
    const char* file,
    const mlx_stream s) {
  return guard([&] {
    auto source = std::make_shared<FileSource>(to_string(file, "file"));
    set(res_0, res_1, load_safetensors(*source, lazily(source, cpu_stream(s))));
  });
}

int mlx_load_safetensors_mapped(
    mlx_map_string_to_array* res_0, mlx_map_string_to_string* res_1, const char* file) {
  return guard([&] {
    auto source = std::make_shared<FileSource>(to_string(file, "file"));
    set(res_0, res_1, load_safetensors(*source, in_place(source)));
  });
}

int mlx_save_writer(mlx_io_writer out_stream, const mlx_array a) {
  return guard([&] {
    auto& out = *get(out_stream, "out_stream").stream;
    auto array = ready(get(a, "a"));
    check_open(out);
    write_npy(out, array);
  });
}

int mlx_save(const char* file, const mlx_array a) {
  return guard([&] {
    auto array = ready(get(a, "a"));
    replace_file(file, ".npy", [&](const std::string& name) {
      NewFile out(name);
      write_npy(out, array);
    });
  });
}

int mlx_save_gguf(const char* file, mlx_io_gguf gguf) {
  return guard([&] {
    auto contents = ready(get(gguf, "gguf"));
    replace_file(file, ".gguf", [&](const std::string& name) {
      mx::save_gguf(name, contents.first, contents.second);
      // MLX does not check whether the metadata could be written.
      read_gguf_header(name);
    });
  });
}

int mlx_save_safetensors_writer(
    mlx_io_writer in_stream,
    const mlx_map_string_to_array param,
    const mlx_map_string_to_string metadata) {
  return guard([&] {
    auto& out = *get(in_stream, "in_stream").stream;
    auto contents = ready(get(param, "param"));
    check_open(out);
    write_safetensors(out, contents, get(metadata, "metadata"));
  });
}

int mlx_save_safetensors(
    const char* file,
    const mlx_map_string_to_array param,
    const mlx_map_string_to_string metadata) {
  return guard([&] {
    auto contents = ready(get(param, "param"));
    auto& texts = get(metadata, "metadata");
    replace_file(file, ".safetensors", [&](const std::string& name) {
      NewFile out(name);
      write_safetensors(out, contents, texts);
    });
  });
}
