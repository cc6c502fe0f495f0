#include "cpu/ops/elementwise_program.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <mlx/allocator.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/strided.hpp"
#include "cpu/code/loops.hpp"
#include "cpu/kernels/table.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

using mlx::core::array;

// Elements of a block: its values stay in the L1 cache.
constexpr std::size_t block_size = 1024;
constexpr std::size_t block_bytes = 32 << 10;
// Between one buffer and the next, so that their distance is no multiple of the page size: 4K
// aliasing of loads and stores.
constexpr std::size_t buffer_gap = 128;
// The least cost of one task, in additions.
constexpr std::size_t task_cost = 1 << 16;
// Each task spreads scalars over blocks of its own, so there are no more than balance the threads.
constexpr std::size_t tasks_of_a_thread = 16;
constexpr std::size_t cache_line = 64;
// What more than that is read in steps is prefetched.
constexpr std::size_t prefetch_bytes = 512 << 10;
// What is smaller is not worth a loop of its own, nor looking for it.
constexpr std::size_t least_for_loops = 4096;
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

// The number of the last step that reads each input.
mlx::core::SmallVector<std::size_t, 16> last_reads(const Program& program) {
  mlx::core::SmallVector<std::size_t, 16> result(program.inputs, 0);
  for (std::size_t i = 0; i < program.steps.size(); i++) {
    const Program::Step& step = program.steps[i];
    for (int k = 0; k < step.operand_count; k++) {
      if (step.operands[k] < program.inputs) {
        result[step.operands[k]] = i;
      }
    }
  }
  return result;
}

// Whether `out` may lie where `a` does.
bool may_take(const array& a, const array& out, const array* layout) {
  return (layout ? !is_scalar(a) : a.flags().row_contiguous) && a.shape() == out.shape() &&
      a.itemsize() == out.itemsize() && may_overwrite(a) &&
      // It would keep the memory of what is much larger.
      a.buffer_size() <= out.nbytes() + 16384;
}

void place(
    const Program& program,
    const std::vector<array>& inputs,
    const array* layout,
    std::span<array> outputs) {
  const auto last = last_reads(program);
  for (std::size_t i = 0; i < program.steps.size(); i++) {
    const int result = program.steps[i].result - program.inputs - program.buffers;
    if (result < 0) {
      continue;
    }
    array& out = outputs[result];
    // What later steps read must not be overwritten.
    std::size_t input = 0;
    while (input < inputs.size() && (last[input] > i || !may_take(inputs[input], out, layout))) {
      input++;
    }
    if (input < inputs.size()) {
      out.copy_shared_buffer(inputs[input]);
      continue;
    }
    if (layout && !layout->flags().row_contiguous) {
      allocate_for(out, out.size(), layout->strides(), layout->flags());
    } else {
      allocate_for(out);
    }
  }
}

struct Target {
  char* data;
  std::size_t item;
};

// The operations that loops of machine code can compute, by their kernels.
LoopStep loop_step(const Program::Step& step) {
  LoopStep result{Op::cast, false, {}, step.operand_count, step.result};
  std::copy(step.operands, step.operands + step.operand_count, result.operands);
  for (const Op op : simple_ops()) {
    if (kernels()->elementwise.find(op, ElementType::f32, ElementType::f32) == step.run) {
      result.op = op;
      result.simple = true;
    }
  }
  return result;
}

// The parts of a program that is run for so many elements; null if it is run step by step.
const std::vector<Part>* parts_of(
    const Program& program, const std::vector<Source>& sources, std::size_t size) {
  if (size < least_for_loops || program.steps.size() < 2 ||
      std::string_view(kernels()->level) == "v2") {
    return nullptr;
  }
  mlx::core::SmallVector<LoopStep, 16> steps;
  LoopValues values{program.inputs, program.inputs + program.buffers};
  for (const Program::Step& step : program.steps) {
    steps.push_back(loop_step(step));
  }
  for (std::size_t i = 0; i < sources.size(); i++) {
    values.scalars |= static_cast<std::uint32_t>(sources[i].scalar) << i;
  }
  return loops_of({steps.data(), steps.size()}, values);
}

class Run {
 public:
  Run(const Program& program,
      const std::vector<Source>& sources,
      const std::vector<Target>& targets,
      std::size_t size)
      : program_(program),
        sources_(sources),
        targets_(targets),
        parts_(parts_of(program, sources, size)) {
    std::size_t largest = 1, read = 0;
    for (const Source& source : sources_) {
      read += source.scalar ? 0 : size * source.item;
      in_buffers_ += source.scalar || source.walk;
      largest = std::max(largest, source.item);
      if (source.walk && source.walk->strides.back() == 1 && source.walk->inner() >= long_run) {
        run_ = run_ == 0 ? source.walk->inner() : std::min(run_, source.walk->inner());
      }
    }
    for (const Target& target : targets_) {
      largest = std::max(largest, target.item);
    }
    // Buffers hold any of the types that a program goes through.
    largest = program_.buffers > 0 ? std::max<std::size_t>(largest, 8) : largest;
    in_buffers_ += static_cast<std::size_t>(program_.buffers);
    // Outputs lie where inputs do, as a rule.
    const std::size_t values = static_cast<std::size_t>(program_.inputs + program_.buffers);
    while (block_ > block_size / 4 && values * block_ * targets_[0].item > block_bytes) {
      block_ /= 2;
    }
    // A loop of all steps needs no blocks.
    one_loop_ = parts_ && parts_->size() == 1 &&
        std::none_of(sources_.begin(), sources_.end(), [](const Source& s) { return s.walk; });
    block_ = one_loop_ ? Part::vector_size : block_;
    buffer_bytes_ = block_ * largest + buffer_gap;
    prefetches_ = !one_loop_ && program_.steps.size() > 1 && read > prefetch_bytes;
  }

  void operator()(std::size_t begin, std::size_t end) const {
    const bool blocks = in_buffers_ > 0 || program_.steps.size() > 1;
    const std::size_t buffered = std::min(block_, end - begin);
    const std::size_t step_size = blocks && !one_loop_ ? buffered : end - begin;
    char* memory = static_cast<char*>(scratch<Run>(in_buffers_ * buffer_bytes_));
    Values value(program_.values(), nullptr);
    for (int i = 0; i < program_.inputs + program_.buffers; i++) {
      if (i < program_.inputs && !sources_[i].scalar && !sources_[i].walk) {
        continue;
      }
      value[i] = std::exchange(memory, memory + buffer_bytes_);
      if (i < program_.inputs && sources_[i].scalar) {
        fill(sources_[i], buffered, static_cast<char*>(value[i]));
      }
    }
    const auto buffers = value;
    for (std::size_t at = begin; at < end;) {
      std::size_t count = std::min(step_size, end - at);
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
          value[i] = const_cast<char*>(source.data) + at * source.item;
        } else {
          value[i] = const_cast<void*>(read(source, at, count, static_cast<char*>(buffers[i])));
        }
      }
      for (std::size_t i = 0; i < targets_.size(); i++) {
        value[program_.inputs + program_.buffers + i] = targets_[i].data + at * targets_[i].item;
      }
      const std::size_t next = at + count;
      int prefetched = 0;
      const auto prefetch_one = [&] {
        if (prefetches_ && prefetched < program_.inputs && next < end) {
          prefetch(sources_[prefetched++], next, std::min(step_size, end - next));
        }
      };
      if (!parts_) {
        for (const Program::Step& step : program_.steps) {
          prefetch_one();
          run(step, value, count);
        }
      } else {
        for (const Part& part : *parts_) {
          for (std::size_t i = part.begin; i < part.end; i++) {
            prefetch_one();
          }
          run(part, value, count);
        }
      }
      at += count;
    }
  }

 private:
  using Values = mlx::core::SmallVector<void*, 32>;

  static void run(const Program::Step& step, const Values& value, std::size_t count) {
    const void* operands[3];
    for (int k = 0; k < step.operand_count; k++) {
      operands[k] = value[step.operands[k]];
    }
    step.run(operands, value[step.result], count);
  }

  void run(const Part& part, const Values& value, std::size_t count) const {
    const std::size_t whole = part.loop ? count / Part::vector_size * Part::vector_size : 0;
    if (whole > 0) {
      void* arrays[Part::max_arrays];
      for (std::size_t i = 0; i < part.arrays.size(); i++) {
        arrays[i] = value[part.arrays[i]];
      }
      float scalars[Part::max_scalars];
      for (std::size_t i = 0; i < part.scalars.size(); i++) {
        const auto& [input, constant] = part.scalars[i];
        scalars[i] = input < 0 ? constant : *static_cast<const float*>(value[input]);
      }
      part.loop(arrays, whole * sizeof(float), scalars);
    }
    if (whole == count) {
      return;
    }
    // One step without a loop, or all for less than a vector.
    const Values rest = whole > 0 ? behind(value, whole) : value;
    for (std::size_t i = part.begin; i < part.end; i++) {
      run(program_.steps[i], rest, count - whole);
    }
  }

  // The places of the elements behind so many floats.
  Values behind(Values value, std::size_t count) const {
    for (int i = 0; i < program_.values(); i++) {
      const bool is_input = i < program_.inputs;
      const bool is_buffer = !is_input && i < program_.inputs + program_.buffers;
      if (is_input ? !sources_[i].scalar : !(is_buffer && one_loop_)) {
        value[i] = static_cast<char*>(value[i]) + count * sizeof(float);
      }
    }
    return value;
  }

  static void fill(const Source& source, std::size_t count, char* buffer) {
    with_bytes(source.item, [&]<class T>(T value) {
      std::memcpy(&value, source.data, sizeof value);
      std::fill_n(reinterpret_cast<T*>(buffer), count, value);
    });
  }

  // The hardware prefetcher does not see a stream in blocks of several arrays.
  static void prefetch(const Source& source, std::size_t at, std::size_t count) {
    if (source.scalar || source.walk) {
      return;
    }
    const char* first = source.data + at * source.item;
    for (std::size_t i = 0; i < count * source.item; i += cache_line) {
      __builtin_prefetch(first + i, 0, 2);
    }
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

  const Program& program_;
  const std::vector<Source>& sources_;
  const std::vector<Target>& targets_;
  const std::vector<Part>* const parts_;
  bool one_loop_;
  std::size_t run_ = 0;
  std::size_t block_ = block_size;
  std::size_t in_buffers_ = 0;  // values that lie in buffers
  std::size_t buffer_bytes_;
  bool prefetches_;
};

}  // namespace

void Program::enqueue(
    std::shared_ptr<const Program> program,
    const std::vector<array>& inputs,
    std::span<array> outputs,
    mlx::core::Stream stream) {
  const array& out = outputs[0];
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
    // The outputs are broadcast scalars, as the inputs are.
    size = 1;
    array::Flags flags{true, false, false};
    for (array& output : outputs) {
      auto memory = mlx::core::allocator::malloc(output.itemsize());
      output.set_data(std::move(memory), 1, mlx::core::Strides(output.ndim(), 0), flags);
    }
  } else {
    place(*program, inputs, layout, outputs);
  }
  if (size == 0) {
    return;
  }
  std::vector<Target> targets;
  targets.reserve(outputs.size());
  for (array& output : outputs) {
    targets.push_back({output.data<char>(), output.itemsize()});
  }
  dispatch(
      stream,
      [program = std::move(program),
       sources = std::move(sources),
       targets = std::move(targets),
       size] {
        const Run run(*program, sources, targets, size);
        const std::size_t least = std::max<std::size_t>(1, task_cost / program->cost / block_size);
        const std::size_t most = tasks_of_a_thread * thread_count() * block_size;
        const std::size_t step = std::max(least, size / most) * block_size;
        parallel_for(static_cast<int>((size + step - 1) / step), [&](int task) {
          run(task * step, std::min(size, (task + 1) * step));
        });
      });
}

}  // namespace mlx_c::cpu
