#include "cpu/ops/elementwise_program.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <mlx/allocator.h>
#include <mlx/backend/common/utils.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Elements of a block: its buffers stay in the L1 cache.
constexpr std::size_t block_size = 1024;
// Bytes from one buffer to the next: not a multiple of the page size, to avoid 4K aliasing of loads
// and stores.
constexpr std::size_t buffer_bytes = block_size * 8 + 128;
// The cost of one task, in additions.
constexpr std::size_t task_cost = 1 << 16;
// Runs shorter than this are gathered into blocks.
constexpr std::size_t long_run = 128;

struct Source {
  const char* data;
  std::size_t item;
  bool scalar;
  std::optional<Walk> walk;  // if the elements are not contiguous
};

bool is_scalar(const array& a) {
  return a.data_size() == 1;
}

bool same_strides(const array& a, const array& b) {
  return a.shape() == b.shape() && a.strides() == b.strides();
}

// The input whose layout (order of elements) all inputs but scalars share; null if there is none.
const array* common_layout(const std::vector<array>& inputs, const array& out) {
  const array* first = nullptr;
  bool all_rows = true, all_same = true;
  for (const array& a : inputs) {
    if (is_scalar(a)) {
      continue;
    }
    if (!first) {
      first = &a;
    }
    all_rows &= a.flags().row_contiguous && a.size() == out.size();
    all_same &= a.flags().contiguous && a.data_size() == out.size() && same_strides(*first, a);
  }
  return first && (all_rows || (all_same && first->shape() == out.shape())) ? first : nullptr;
}

void place(const std::vector<array>& inputs, const array* layout, array& out) {
  for (const array& a : inputs) {
    if ((layout ? !is_scalar(a) : a.flags().row_contiguous) && a.shape() == out.shape() &&
        mlx::core::is_donatable(a, out)) {
      out.copy_shared_buffer(a);
      return;
    }
  }
  auto memory = allocate(out.nbytes());
  if (layout && !layout->flags().row_contiguous) {
    out.set_data(std::move(memory), out.size(), layout->strides(), layout->flags());
  } else {
    out.set_data(std::move(memory));
  }
}

class Run {
 public:
  Run(const Program& program, const std::vector<Source>& sources, char* out, std::size_t item)
      : program_(program), sources_(sources), out_(out), item_(item) {
    run_ = 0;
    for (const Source& source : sources_) {
      blocks_ |= source.scalar || source.walk;
      if (source.walk && source.walk->strides.back() == 1 && source.walk->inner() >= long_run) {
        run_ = run_ == 0 ? source.walk->inner() : std::min(run_, source.walk->inner());
      }
    }
    blocks_ |= program_.buffers > 0;
  }

  void operator()(std::size_t begin, std::size_t end) const {
    const std::size_t step = blocks_ ? std::min(block_size, end - begin) : end - begin;
    const int values = program_.inputs + program_.buffers;
    std::optional<Buffer<char>> memory;
    if (blocks_) {
      memory.emplace(values * buffer_bytes);
    }
    mlx::core::SmallVector<const void*, 16> value(values);
    for (int i = 0; i < values; i++) {
      if (!blocks_) {
        continue;
      }
      char* buffer = memory->data() + i * buffer_bytes;
      value[i] = buffer;
      if (i < program_.inputs && sources_[i].scalar) {
        fill(sources_[i], step, buffer);
      }
    }
    for (std::size_t at = begin; at < end;) {
      std::size_t count = std::min(step, end - at);
      // A block within a contiguous run of each input need not be copied.
      if (run_ != 0) {
        count = std::min(count, run_ - at % run_);
      }
      for (int i = 0; i < program_.inputs; i++) {
        const Source& source = sources_[i];
        if (source.scalar) {
          continue;
        }
        if (!source.walk) {
          value[i] = source.data + at * source.item;
        } else {
          char* buffer = memory->data() + i * buffer_bytes;
          value[i] = read(source, at, count, buffer);
        }
      }
      compute(value, at, count);
      at += count;
    }
  }

 private:
  static void fill(const Source& source, std::size_t count, char* buffer) {
    with_bytes(source.item, [&]<class T>(T value) {
      std::memcpy(&value, source.data, sizeof value);
      std::fill_n(reinterpret_cast<T*>(buffer), count, value);
    });
  }

  static const void* read(const Source& source, std::size_t at, std::size_t count, char* buffer) {
    const Walk& walk = *source.walk;
    if (walk.strides.back() == 1 && at % walk.inner() + count <= walk.inner()) {
      std::size_t rest = at / walk.inner();
      std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(at % walk.inner());
      for (int d = static_cast<int>(walk.shape.size()) - 2; d >= 0;
           rest /= static_cast<std::size_t>(walk.shape[d--])) {
        offset += static_cast<std::ptrdiff_t>(rest % static_cast<std::size_t>(walk.shape[d])) *
            walk.strides[d];
      }
      return source.data + offset * static_cast<std::ptrdiff_t>(source.item);
    }
    walk.copy(source.data, source.item, at, count, buffer);
    return buffer;
  }

  void compute(
      const mlx::core::SmallVector<const void*, 16>& value,
      std::size_t at,
      std::size_t count) const {
    for (const Program::Step& step : program_.steps) {
      const void* operands[3];
      for (int k = 0; k < step.operand_count; k++) {
        operands[k] = value[step.operands[k]];
      }
      void* result = &step == &program_.steps.back() ? out_ + at * item_
                                                     : const_cast<void*>(value[step.result]);
      step.run(operands, result, count);
    }
  }

  const Program& program_;
  const std::vector<Source>& sources_;
  char* const out_;
  const std::size_t item_;
  std::size_t run_;
  bool blocks_ = false;
};

}  // namespace

void Program::enqueue(
    std::shared_ptr<const Program> program,
    const std::vector<array>& inputs,
    array& out,
    mlx::core::Stream stream) {
  const array* layout = common_layout(inputs, out);
  const bool all_scalar = std::all_of(inputs.begin(), inputs.end(), is_scalar);
  std::size_t size = out.size();
  std::vector<Source> sources;
  sources.reserve(inputs.size());
  for (const array& a : inputs) {
    sources.push_back({a.data<char>(), a.itemsize(), is_scalar(a), std::nullopt});
    if (!layout && !is_scalar(a)) {
      sources.back().walk.emplace(a, out.shape());
    }
  }
  if (all_scalar && size > 1) {
    // The output is a broadcast scalar, as the inputs are.
    size = 1;
    array::Flags flags{true, false, false};
    out.set_data(
        mlx::core::allocator::malloc(out.itemsize()), 1, mlx::core::Strides(out.ndim(), 0), flags);
  } else {
    place(inputs, layout, out);
  }
  if (size == 0) {
    return;
  }
  dispatch(
      stream,
      [program = std::move(program),
       sources = std::move(sources),
       data = out.data<char>(),
       item = out.itemsize(),
       size] {
        const Run run(*program, sources, data, item);
        const std::size_t step =
            std::max(block_size, task_cost / program->cost / block_size * block_size);
        parallel_for(static_cast<int>((size + step - 1) / step), [&](int task) {
          run(task * step, std::min(size, (task + 1) * step));
        });
      });
}

}  // namespace mlx_c::cpu
