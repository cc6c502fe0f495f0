// The recurrent part of RNN, GRU and LSTM layers over all steps, and its gradients.
//
// The inputs of all steps are projected before, by one GEMM. What is left of a step is a GEMM of
// the states with the recurrent weight, and the gates. Sequences are independent of each other:
// where there are enough of them, each thread takes some through all steps and never waits for the
// others. Else the threads share the columns of each step.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <mlx/ops.h>
#include <mlx/transforms.h>

#include "cpu/arrays/allocation.hpp"
#include "cpu/arrays/copy.hpp"
#include "cpu/arrays/dtypes.hpp"
#include "cpu/arrays/view.hpp"
#include "cpu/kernels/stop.hpp"
#include "cpu/nodes/fused.hpp"
#include "cpu/nodes/gradient_tracing.hpp"
#include "cpu/nodes/task_queue.hpp"
#include "cpu/ops/fused_ops.hpp"
#include "cpu/ops/recurrent_graph.hpp"
#include "cpu/parallel/parallel_gemm.hpp"
#include "cpu/parallel/scratch.hpp"
#include "cpu/parallel/thread_pool.hpp"

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;
using Arrays = std::vector<array>;

// Sequences for which a thread is worth its own, and those that it takes at a time: their packed
// states and sums stay in its caches.
constexpr int least_rows = 4, most_rows = 56;
// Multiplications of one step from which threads share its columns: all wait for each other after
// each step.
constexpr double worth_shared_steps = 1 << 19;

// An array of shape (..., steps, size) or (..., size), whose leading axes count as one: in place,
// or copied where they are not at equal distances or rows are not contiguous.
class Sequences {
 public:
  Sequences(const array& a, bool has_steps)
      : data_(a.data<void>()), item_(static_cast<std::ptrdiff_t>(a.itemsize())) {
    const int inner = has_steps ? 2 : 1, leading = static_cast<int>(a.ndim()) - inner;
    const auto& strides = a.strides();
    if (!a.flags().row_contiguous && (leading > 1 || strides.back() != 1)) {
      copy_ = copy_in_order(a);
      bytes_ = a.nbytes();
    }
    const bool in_order = copy_ || a.flags().row_contiguous;
    const std::ptrdiff_t size = a.shape(-1);
    step_ = !has_steps ? 0 : in_order ? size : strides[leading];
    row_ = in_order ? size * (has_steps ? a.shape(-2) : 1) : leading > 0 ? strides[0] : 0;
  }

  // Before any of its rows is asked for.
  void prepare() {
    if (copy_) {
      memory_.emplace(bytes_);
      data_ = copy_->target = memory_->data();
      (*copy_)();
    }
  }

  StepRows at(int row, int step = 0) const {
    const std::ptrdiff_t items = row * row_ + step * step_;
    return {static_cast<char*>(const_cast<void*>(data_)) + items * item_, row_};
  }

 private:
  const void* data_;
  std::ptrdiff_t item_, row_ = 0, step_ = 0;
  std::optional<Copy> copy_;
  std::size_t bytes_ = 0;
  std::optional<Buffer<char>> memory_;
};

using MaybeSequences = std::optional<Sequences>;

StepRows at(const MaybeSequences& rows, int row, int step = 0) {
  return rows ? rows->at(row, step) : StepRows{nullptr, 0};
}

Sequences result(array& y, bool has_steps) {
  allocate_for(y);
  return {y, has_steps};
}

// Multiplications of a node that may write over its input: it cannot be stopped and begun again.
constexpr double most_in_place = 1ull << 31;

// `y`, which lies where `x` does if nobody else needs that: each element is read before the one in
// its place is written.
Sequences result_over(const array& x, array& y, double multiplications) {
  if (multiplications <= most_in_place && x.flags().row_contiguous && x.shape() == y.shape() &&
      x.size() == x.data_size() && may_overwrite(x)) {
    y.copy_shared_buffer(x);
    return {y, true};
  }
  return result(y, true);
}

// What both directions have in common.
struct Run {
  const Kernels* table;
  RecurrentLayer layer;
  int rows, steps;
  Sequences weight;

  Run(const RecurrentForm& form, const array& weight, const array& states)
      : table(kernels()),
        layer{*float_type(weight.dtype()), form.cell, weight.shape(1)},
        rows(static_cast<int>(states.size() / states.shape(-1) / states.shape(-2))),
        steps(states.shape(-2)),
        weight(weight, false) {}

  double multiplications_of_step() const {
    return 1.0 * rows * layer.hidden * layer.hidden * gates_of(layer.cell);
  }

  double multiplications() const {
    return multiplications_of_step() * steps;
  }

  Buffer<float> packed_weight(bool backward) {
    weight.prepare();
    const StepRows w = weight.at(0);
    Buffer<float> packed(table->recurrent.weight_size(layer, backward));
    parallel_for(table->recurrent.panel_count(layer), [&](int panel) {
      table->recurrent.pack_weight(
          layer, backward, {w.data, w.row, 1}, {panel, panel + 1}, packed.data());
    });
    return packed;
  }

  // Calls f(first, count, for_panels) for parts of the rows; for_panels(g) calls g(panels) for all
  // panels.
  template <class F>
  void for_rows(F f) const {
    const int threads = thread_count(), panels = table->recurrent.panel_count(layer);
    const bool worth = multiplications() >= worth_threads;
    if (rows < least_rows * threads && multiplications_of_step() >= worth_shared_steps) {
      return f(0, rows, [&](auto g) {
        parallel_for(panels, [&](int panel) { g(Range{panel, panel + 1}); });
      });
    }
    const int wanted = worth ? std::min(threads, std::max(1, rows / least_rows)) : 1;
    const int rounds = (rows + wanted * most_rows - 1) / (wanted * most_rows);
    const int parts = wanted * rounds;
    parallel_for(parts, [&](int part) {
      const int first = static_cast<int>(std::int64_t{rows} * part / parts);
      const int end = static_cast<int>(std::int64_t{rows} * (part + 1) / parts);
      if (first < end) {
        f(first, end - first, [&](auto g) { g(Range{0, panels}); });
      }
    });
  }
};

struct ForwardRun : Run {
  Sequences inputs, first_hidden;
  MaybeSequences first_cell;
  std::optional<View> bias;
  Sequences hidden;
  MaybeSequences cells, gates;

  ForwardRun(const RecurrentForm& form, const Arrays& in, Arrays& out)
      : Run(form, in[1], out[0]),
        inputs(in[0], true),
        first_hidden(in[2], false),
        hidden(result(out[0], true)) {
    if (form.cell == Cell::lstm) {
      first_cell.emplace(in[3], false);
      cells = result(out[1], true);
    }
    if (form.has_bias) {
      bias.emplace(in[3]);
    }
    if (form.saves_gates) {
      gates = result_over(in[0], out.back(), multiplications());
    }
  }

  void operator()() {
    const auto packed = packed_weight(false);
    inputs.prepare();
    first_hidden.prepare();
    if (first_cell) {
      first_cell->prepare();
    }
    std::optional<Buffer<float>> summands;
    if (bias) {
      summands.emplace(layer.hidden);
      bias->copy_to(*table, summands->data());
    }
    const auto& kernel = table->recurrent;
    for_rows([&](int first, int count, auto for_panels) {
      const Buffer<float> states(kernel.rows_size(layer, false, count));
      for (int step = 0; step < steps; step++) {
        check_stop();
        const StepRows before = step ? hidden.at(first, step - 1) : first_hidden.at(first);
        kernel.pack_rows(layer, false, count, before, states.data());
        const RecurrentForward args{
            .rows = count,
            .weight = packed.data(),
            .states = states.data(),
            .inputs = inputs.at(first, step),
            .hidden_before = before,
            .cells_before = step ? at(cells, first, step - 1) : at(first_cell, first),
            .hidden = hidden.at(first, step),
            .cells = at(cells, first, step),
            .gates = at(gates, first, step),
            .bias = summands ? summands->data() : nullptr};
        for_panels([&](Range panels) { kernel.forward(layer, args, panels); });
      }
    });
  }
};

struct BackwardRun : Run {
  const RecurrentForm form;
  Sequences hidden, first_hidden;
  MaybeSequences cells, first_cell, gates, of_hidden, of_cells;
  Sequences of_inputs, of_first_hidden, previous;
  MaybeSequences of_first_cell, of_sums;

  BackwardRun(
      const RecurrentForm& form, const RecurrentGradientInputs& in, RecurrentGradients<array*> out)
      : Run(form, in.weight, in.hidden),
        form(form),
        hidden(in.hidden, true),
        first_hidden(in.first_hidden, false),
        of_inputs(
            in.gates ? result_over(*in.gates, *out.of_inputs, multiplications())
                     : result(*out.of_inputs, true)),
        of_first_hidden(result(*out.of_first_hidden, false)),
        previous(result(*out.previous, true)) {
    const auto take = [](MaybeSequences& target, const array* a, bool has_steps) {
      if (a) {
        target.emplace(*a, has_steps);
      }
    };
    take(cells, in.cells, true);
    take(first_cell, in.first_cell, false);
    take(gates, in.gates, true);
    take(of_hidden, in.of_hidden, true);
    take(of_cells, in.of_cells, true);
    if (out.of_first_cell) {
      of_first_cell = result(*out.of_first_cell, false);
    }
    if (out.of_sums) {
      of_sums = result(*out.of_sums, true);
    }
  }

  void operator()() {
    const auto packed = packed_weight(true);
    for (Sequences* rows : {&hidden, &first_hidden}) {
      rows->prepare();
    }
    for (MaybeSequences* rows : {&cells, &first_cell, &gates, &of_hidden, &of_cells}) {
      if (*rows) {
        (*rows)->prepare();
      }
    }
    const Sequences& sums = of_sums ? *of_sums : of_inputs;
    const auto& kernel = table->recurrent;
    for_rows([&](int first, int count, auto for_panels) {
      const Buffer<float> next(kernel.rows_size(layer, true, count));
      const Buffer<float> carry(static_cast<std::size_t>(count) * layer.hidden);
      std::fill_n(carry.data(), static_cast<std::size_t>(count) * layer.hidden, 0.0f);
      for (int step = steps - 1; step >= 0; step--) {
        check_stop();
        const bool is_last = step == steps - 1;
        if (!is_last) {
          kernel.pack_rows(layer, true, count, sums.at(first, step + 1), next.data());
        }
        const StepRows before = step ? hidden.at(first, step - 1) : first_hidden.at(first);
        const RecurrentBackward args{
            .rows = count,
            .weight = packed.data(),
            .next = is_last ? nullptr : next.data(),
            .hidden = hidden.at(first, step),
            .hidden_before = before,
            .cells = at(cells, first, step),
            .cells_before = step ? at(cells, first, step - 1) : at(first_cell, first),
            .gates = at(gates, first, step),
            .of_hidden = at(of_hidden, first, step),
            .of_cells = at(of_cells, first, step),
            .of_inputs = of_inputs.at(first, step),
            .of_sums = at(of_sums, first, step),
            .carry = carry.data()};
        for_panels([&](Range panels) { kernel.backward(layer, args, panels); });
        copy_rows(before, previous.at(first, step), count);
      }
      kernel.pack_rows(layer, true, count, sums.at(first), next.data());
      const RecurrentStart args{
          .rows = count,
          .weight = packed.data(),
          .next = next.data(),
          .carry = carry.data(),
          .of_hidden = of_first_hidden.at(first),
          .of_cells = at(of_first_cell, first)};
      for_panels([&](Range panels) { kernel.backward_start(layer, args, panels); });
    });
  }

 private:
  void copy_rows(const StepRows& from, const StepRows& to, int count) const {
    const std::ptrdiff_t item = item_size(layer.type);
    for (int row = 0; row < count; row++) {
      std::memcpy(
          static_cast<char*>(to.data) + row * to.row * item,
          static_cast<const char*>(from.data) + row * from.row * item,
          layer.hidden * item);
    }
  }
};

// Whether `a` is zeros that nothing has computed yet.
bool is_zeros(array a) {
  while (a.has_primitive() && a.status() == array::Status::unscheduled &&
         (std::string_view(a.primitive().name()) == "Full" ||
          std::string_view(a.primitive().name()) == "Broadcast")) {
    a = array(a.inputs()[0]);
  }
  if (a.size() != 1 || a.status() != array::Status::available) {
    return false;
  }
  const char* bytes = a.data<char>();
  return std::all_of(bytes, bytes + a.itemsize(), [](char byte) { return byte == 0; });
}

// Applies a node to inputs with a further axis in front: sequences are independent of each other,
// so that it is one of theirs. What all sequences share, the inputs `shared`, may not have it;
// where it has, there is a node for each element of the axis.
template <class Apply>
std::pair<Arrays, std::vector<int>> over_axis(
    const Arrays& inputs,
    const std::vector<int>& axes,
    const std::vector<bool>& is_shared,
    const Apply& apply,
    mx::Stream s) {
  int size = 0;
  bool one_by_one = false;
  for (std::size_t i = 0; i < inputs.size(); i++) {
    if (axes[i] >= 0) {
      size = inputs[i].shape(axes[i]);
      one_by_one = one_by_one || is_shared[i];
    }
  }
  if (!one_by_one) {
    Arrays moved;
    for (std::size_t i = 0; i < inputs.size(); i++) {
      if (axes[i] >= 0) {
        moved.push_back(mx::moveaxis(inputs[i], axes[i], 0, s));
      } else if (is_shared[i]) {
        moved.push_back(inputs[i]);
      } else {
        mx::Shape shape = inputs[i].shape();
        shape.insert(shape.begin(), size);
        moved.push_back(mx::broadcast_to(inputs[i], shape, s));
      }
    }
    auto outputs = apply(moved);
    std::vector<int> first(outputs.size(), 0);
    return {std::move(outputs), std::move(first)};
  }
  std::vector<Arrays> parts(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); i++) {
    if (axes[i] >= 0) {
      for (const array& part : mx::split(inputs[i], size, axes[i], s)) {
        parts[i].push_back(mx::squeeze(part, axes[i], s));
      }
    } else {
      parts[i].assign(size, inputs[i]);
    }
  }
  std::vector<Arrays> results;
  for (int item = 0; item < size; item++) {
    Arrays one;
    for (const Arrays& some : parts) {
      one.push_back(some[item]);
    }
    const Arrays outputs = apply(one);
    results.resize(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); i++) {
      results[i].push_back(outputs[i]);
    }
  }
  Arrays outputs;
  for (const Arrays& some : results) {
    outputs.push_back(mx::stack(some, 0, s));
  }
  std::vector<int> first(outputs.size(), 0);
  return {std::move(outputs), std::move(first)};
}

class RecurrentScanGradients : public Fused {
 public:
  RecurrentScanGradients(mx::Stream stream, const RecurrentForm& form)
      : Fused(
            stream,
            [form, stream](const Arrays& inputs) {
              return recurrent_gradients_graph(form, inputs, stream);
            }),
        form_(form) {}

  static Arrays apply(const RecurrentForm& form, const Arrays& inputs, mx::Stream s) {
    auto node = std::make_shared<RecurrentScanGradients>(s, form);
    auto shapes = node->output_shapes(inputs);
    const std::vector<mx::Dtype> types(shapes.size(), inputs[0].dtype());
    return array::make_arrays(std::move(shapes), types, node, inputs);
  }

  std::vector<mx::Shape> output_shapes(const Arrays& inputs) override {
    return recurrent_gradient_shapes(form_, inputs);
  }

  std::pair<Arrays, std::vector<int>> vmap(
      const Arrays& inputs, const std::vector<int>& axes) override {
    std::vector<bool> is_shared(inputs.size(), false);
    is_shared[0] = true;
    return over_axis(
        inputs,
        axes,
        is_shared,
        [&](const Arrays& x) { return apply(form_, x, stream()); },
        stream());
  }

  bool is_equivalent(const Primitive& other) const override {
    auto* node = dynamic_cast<const RecurrentScanGradients*>(&other);
    return node && node->form_ == form_;
  }

  const char* name() const override {
    return "RecurrentScanGradients";
  }

  bool overwrites_inputs() const override {
    return true;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) override {
    auto run = std::make_shared<BackwardRun>(
        form_, RecurrentGradientInputs(form_, inputs), name_gradients(form_, outputs));
    dispatch(stream(), [run = std::move(run)] { (*run)(); });
  }

 private:
  const RecurrentForm form_;
};

class RecurrentScan : public Fused {
 public:
  RecurrentScan(mx::Stream stream, const RecurrentForm& form)
      : Fused(
            stream,
            [form, stream](const Arrays& inputs) { return recurrent_graph(form, inputs, stream); }),
        form_(form) {}

  static Arrays apply(const RecurrentForm& form, const Arrays& inputs, mx::Stream s) {
    auto node = std::make_shared<RecurrentScan>(s, form);
    auto shapes = node->output_shapes(inputs);
    const std::vector<mx::Dtype> types(shapes.size(), inputs[0].dtype());
    return array::make_arrays(std::move(shapes), types, node, inputs);
  }

  Arrays vjp(
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) override {
    // The gates have a gradient where a gradient of this function is differentiated again.
    if (form_.saves_gates && !is_zeros(cotangents.back())) {
      return Fused::vjp(primals, cotangents, argnums, outputs);
    }
    if (form_.needs_gates() && !form_.saves_gates) {
      RecurrentForm form = form_;
      form.saves_gates = true;
      return gradients(form, primals, cotangents, argnums, apply(form, primals, stream()));
    }
    return gradients(form_, primals, cotangents, argnums, outputs);
  }

  std::pair<Arrays, std::vector<int>> vmap(
      const Arrays& inputs, const std::vector<int>& axes) override {
    std::vector<bool> is_shared(inputs.size(), false);
    is_shared[1] = true;
    if (form_.has_bias) {
      is_shared[3] = true;
    }
    return over_axis(
        inputs,
        axes,
        is_shared,
        [&](const Arrays& x) { return apply(form_, x, stream()); },
        stream());
  }

  std::vector<mx::Shape> output_shapes(const Arrays& inputs) override {
    return recurrent_shapes(form_, inputs);
  }

  bool is_equivalent(const Primitive& other) const override {
    auto* node = dynamic_cast<const RecurrentScan*>(&other);
    return node && node->form_ == form_;
  }

  const char* name() const override {
    return "RecurrentScan";
  }

  bool overwrites_inputs() const override {
    return true;
  }

 protected:
  void compute(const Arrays& inputs, Arrays& outputs) override {
    auto run = std::make_shared<ForwardRun>(form_, inputs, outputs);
    dispatch(stream(), [run = std::move(run)] { (*run)(); });
  }

 private:
  Arrays gradients(
      const RecurrentForm& form,
      const Arrays& primals,
      const Arrays& cotangents,
      const std::vector<int>& argnums,
      const Arrays& outputs) {
    const bool is_lstm = form.cell == Cell::lstm;
    Arrays inputs{primals[1], outputs[0], primals[2]};
    if (is_lstm) {
      inputs.push_back(outputs[1]);
      inputs.push_back(primals[3]);
    }
    if (form.saves_gates) {
      inputs.push_back(outputs.back());
    }
    RecurrentForm kind = form;
    kind.has_hidden_cotangent = !is_zeros(cotangents[0]);
    kind.has_cell_cotangent = is_lstm && !is_zeros(cotangents[1]);
    if (kind.has_hidden_cotangent) {
      inputs.push_back(cotangents[0]);
    }
    if (kind.has_cell_cotangent) {
      inputs.push_back(cotangents[1]);
    }
    Arrays all = RecurrentScanGradients::apply(kind, inputs, stream());
    const auto named = name_gradients(kind, all);
    Arrays result;
    for (const int i : argnums) {
      if (i == 0) {
        result.push_back(*named.of_inputs);
      } else if (i == 1) {
        const array& sums = named.of_sums ? *named.of_sums : *named.of_inputs;
        result.push_back(of_weight(sums, *named.previous));
      } else if (i == 2) {
        result.push_back(*named.of_first_hidden);
      } else {
        result.push_back(is_lstm ? *named.of_first_cell : of_bias(*named.of_sums));
      }
    }
    return result;
  }

  // One product over the states of all sequences and steps.
  array of_weight(const array& of_sums, const array& states) {
    const auto rows = [&](const array& a) {
      return a.ndim() > 2 ? mx::flatten(a, 0, -2, stream()) : a;
    };
    return mx::matmul(mx::transpose(rows(of_sums), stream()), rows(states), stream());
  }

  // The bias is added to the products of the candidate, the last of three.
  array of_bias(const array& of_sums) {
    std::vector<int> axes;
    for (int axis = 0; axis + 1 < static_cast<int>(of_sums.ndim()); axis++) {
      axes.push_back(axis);
    }
    const int size = of_sums.shape(-1) / 3;
    // A slice would not do in a function for all shapes.
    return mx::take_along_axis(
        mx::sum(of_sums, axes, false, stream()),
        mx::arange(2 * size, 3 * size, mx::int32, stream()),
        0,
        stream());
  }

  const RecurrentForm form_;
};

Arrays scan(RecurrentForm form, Arrays inputs, mx::StreamOrDevice s) {
  mx::Dtype type = inputs[0].dtype();
  for (const array& a : inputs) {
    type = mx::promote_types(type, a.dtype());
  }
  if (!mx::issubdtype(type, mx::inexact)) {
    throw std::invalid_argument(
        std::string("[") + recurrent_function(form.cell) + "] inputs must be of a floating type");
  }
  bool fuses = float_type(type).has_value() && can_fuse(s);
  for (array& a : inputs) {
    a = mx::astype(a, type, s);
    fuses = fuses && a.size() > 0;
  }
  const mx::Stream stream = mx::to_stream(s);
  if (!fuses) {
    recurrent_shapes(form, inputs);
    return recurrent_graph(form, inputs, stream);
  }
  form.saves_gates = form.needs_gates() && traces_gradients;
  Arrays outputs = RecurrentScan::apply(form, inputs, stream);
  if (form.saves_gates) {
    outputs.pop_back();
  }
  return outputs;
}

}  // namespace

array rnn_scan(
    const array& inputs,
    const array& weight,
    const array& hidden,
    const std::string& nonlinearity,
    mx::StreamOrDevice s) {
  if (nonlinearity != "tanh" && nonlinearity != "relu") {
    throw std::invalid_argument(
        "[rnn_scan] nonlinearity must be 'tanh' or 'relu', not '" + nonlinearity + "'");
  }
  const Cell cell = nonlinearity == "relu" ? Cell::rnn_relu : Cell::rnn_tanh;
  return scan({.cell = cell}, {inputs, weight, hidden}, s)[0];
}

array gru_scan(
    const array& inputs,
    const array& weight,
    const array& hidden,
    const std::optional<array>& bias,
    mx::StreamOrDevice s) {
  Arrays all{inputs, weight, hidden};
  if (bias) {
    all.push_back(*bias);
  }
  return scan({.cell = Cell::gru, .has_bias = bias.has_value()}, std::move(all), s)[0];
}

std::pair<array, array> lstm_scan(
    const array& inputs,
    const array& weight,
    const array& hidden,
    const array& cell,
    mx::StreamOrDevice s) {
  const Arrays results = scan({.cell = Cell::lstm}, {inputs, weight, hidden, cell}, s);
  return {results[0], results[1]};
}

}  // namespace mlx_c::cpu
