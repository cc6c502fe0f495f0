#include "cpu/ops/recurrent_graph.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include <mlx/ops.h>

namespace mlx_c::cpu {

namespace {

namespace mx = mlx::core;
using mx::array;
using Arrays = std::vector<array>;

void require_shape(
    const char* function, const char* name, const array& a, const mx::Shape& expected) {
  if (a.shape() != expected) {
    std::ostringstream message;
    message << "[" << function << "] " << name << " must have the shape " << expected
            << ", but has " << a.shape();
    throw std::invalid_argument(message.str());
  }
}

mx::Shape with_last(mx::Shape shape, int size) {
  shape.back() = size;
  return shape;
}

mx::Shape without_steps(mx::Shape shape) {
  shape.erase(shape.end() - 2);
  return shape;
}

// Operations on one stream, and the types that a scan computes with.
struct Graph {
  mx::Stream s;
  mx::Dtype type;

  // In single precision at least.
  array wide(const array& a) const {
    return type == mx::float16 || type == mx::bfloat16 ? mx::astype(a, mx::float32, s) : a;
  }
  array rounded(const array& a) const {
    return mx::astype(a, type, s);
  }
  // As it is after rounding.
  array passed_on(const array& a) const {
    return wide(rounded(a));
  }

  array plus(const array& a, const array& b) const {
    return mx::add(a, b, s);
  }
  array times(const array& a, const array& b) const {
    return mx::multiply(a, b, s);
  }
  array one_minus(const array& a) const {
    return mx::subtract(array(1, a.dtype()), a, s);
  }
  array sigmoid(const array& a) const {
    return mx::sigmoid(a, s);
  }
  array tanh(const array& a) const {
    return mx::tanh(a, s);
  }
  // The factors that gradients have behind these functions.
  array sigmoid_slope(const array& y) const {
    return times(y, one_minus(y));
  }
  array tanh_slope(const array& y) const {
    return one_minus(mx::square(y, s));
  }

  Arrays parts(const array& a, int count) const {
    return count == 1 ? Arrays{a} : mx::split(a, count, -1, s);
  }
  array joined(const Arrays& parts) const {
    return parts.size() == 1 ? parts[0] : mx::concatenate(parts, -1, s);
  }

  // The steps of a sequence, one array for each.
  Arrays steps(const array& a) const {
    Arrays result;
    for (const array& step : mx::split(a, a.shape(-2), -2, s)) {
      result.push_back(wide(mx::squeeze(step, -2, s)));
    }
    return result;
  }
  array stacked(const Arrays& steps) const {
    return mx::stack(steps, static_cast<int>(steps[0].ndim()) - 1, s);
  }
};

// (states before each step)
array shifted(const Graph& g, const array& states, const array& first) {
  const array start = mx::expand_dims(first, -2, g.s);
  const int steps = states.shape(-2);
  if (steps == 1) {
    return start;
  }
  return mx::concatenate({start, mx::split(states, mx::Shape{steps - 1}, -2, g.s)[0]}, -2, g.s);
}

}  // namespace

int gates_of(Cell cell) {
  return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1;
}

const char* recurrent_function(Cell cell) {
  return cell == Cell::lstm ? "lstm_scan" : cell == Cell::gru ? "gru_scan" : "rnn_scan";
}

RecurrentGradientInputs::RecurrentGradientInputs(const RecurrentForm& form, const Arrays& inputs)
    : weight(inputs[0]), hidden(inputs[1]), first_hidden(inputs[2]) {
  std::size_t next = 3;
  if (form.cell == Cell::lstm) {
    cells = &inputs[next++];
    first_cell = &inputs[next++];
  }
  if (form.needs_gates()) {
    gates = &inputs[next++];
  }
  if (form.has_hidden_cotangent) {
    of_hidden = &inputs[next++];
  }
  if (form.has_cell_cotangent) {
    of_cells = &inputs[next++];
  }
}

RecurrentGradients<array*> name_gradients(const RecurrentForm& form, Arrays& outputs) {
  RecurrentGradients<array*> result{&outputs[0], &outputs[1], &outputs[2]};
  if (form.cell == Cell::lstm) {
    result.of_first_cell = &outputs[3];
  } else if (form.cell == Cell::gru) {
    result.of_sums = &outputs[3];
  }
  return result;
}

std::vector<mx::Shape> recurrent_shapes(const RecurrentForm& form, const Arrays& inputs) {
  const char* function = recurrent_function(form.cell);
  const int gates = gates_of(form.cell);
  const mx::Shape &x = inputs[0].shape(), &weight = inputs[1].shape();
  if (weight.size() != 2 || weight[1] < 1 || weight[0] != gates * weight[1]) {
    std::ostringstream message;
    message << "[" << function << "] weight must have the shape ("
            << (gates > 1 ? std::to_string(gates) + " * size" : "size") << ", size), but has "
            << weight;
    throw std::invalid_argument(message.str());
  }
  if (x.size() < 2 || x.back() != weight[0]) {
    std::ostringstream message;
    message << "[" << function << "] inputs must have the shape (..., steps, " << weight[0]
            << "), but has " << x;
    throw std::invalid_argument(message.str());
  }
  const mx::Shape states = with_last(x, weight[1]), first = without_steps(states);
  require_shape(function, "hidden", inputs[2], first);
  std::vector<mx::Shape> shapes{states};
  if (form.cell == Cell::lstm) {
    require_shape(function, "cell", inputs[3], first);
    shapes.push_back(states);
  }
  if (form.has_bias) {
    require_shape(function, "bias", inputs[3], {weight[1]});
  }
  if (form.saves_gates) {
    shapes.push_back(with_last(x, 4 * weight[1]));
  }
  return shapes;
}

std::vector<mx::Shape> recurrent_gradient_shapes(const RecurrentForm& form, const Arrays& inputs) {
  const RecurrentGradientInputs in(form, inputs);
  const char* function = recurrent_function(form.cell);
  const mx::Shape &states = in.hidden.shape(), &weight = in.weight.shape();
  const mx::Shape first = without_steps(states);
  require_shape(function, "hidden", in.first_hidden, first);
  for (const array* of : {in.cells, in.of_hidden, in.of_cells}) {
    if (of) {
      require_shape(function, "cotangent", *of, states);
    }
  }
  std::vector<mx::Shape> shapes{with_last(states, weight[0]), first, states};
  if (form.cell == Cell::lstm) {
    shapes.push_back(first);
  } else if (form.cell == Cell::gru) {
    shapes.push_back(with_last(states, weight[0]));
  }
  return shapes;
}

Arrays recurrent_graph(const RecurrentForm& form, const Arrays& inputs, mx::Stream s) {
  const Graph g{s, inputs[0].dtype()};
  const int steps = inputs[0].shape(-2);
  if (steps == 0) {
    Arrays outputs;
    for (const mx::Shape& shape : recurrent_shapes(form, inputs)) {
      outputs.push_back(mx::zeros(shape, g.type, s));
    }
    return outputs;
  }
  const array weight = mx::transpose(g.wide(inputs[1]), s);
  array hidden = g.wide(inputs[2]);
  Arrays states, cells, saved;
  std::optional<array> cell, bias;
  if (form.cell == Cell::lstm) {
    cell = g.wide(inputs[3]);
  }
  if (form.has_bias) {
    bias = g.wide(inputs[3]);
  }
  for (const array& input : g.steps(inputs[0])) {
    const array sums = mx::matmul(hidden, weight, s);
    switch (form.cell) {
      case Cell::rnn_tanh:
        hidden = g.tanh(g.plus(input, sums));
        break;
      case Cell::rnn_relu:
        hidden = mx::maximum(g.plus(input, sums), array(0, sums.dtype()), s);
        break;
      case Cell::gru: {
        const Arrays x = g.parts(input, 3), h = g.parts(sums, 3);
        const array reset = g.sigmoid(g.plus(x[0], h[0])), keep = g.sigmoid(g.plus(x[1], h[1]));
        const array recurrent = bias ? g.plus(h[2], *bias) : h[2];
        const array candidate = g.tanh(g.plus(x[2], g.times(reset, recurrent)));
        hidden = g.plus(g.times(g.one_minus(keep), candidate), g.times(keep, hidden));
        saved.push_back(g.joined({reset, keep, candidate, recurrent}));
        break;
      }
      case Cell::lstm: {
        const Arrays x = g.parts(g.plus(input, sums), 4);
        const array in = g.sigmoid(x[0]), keep = g.sigmoid(x[1]), candidate = g.tanh(x[2]),
                    out = g.sigmoid(x[3]);
        const array c = g.plus(g.times(keep, *cell), g.times(in, candidate));
        hidden = g.times(out, g.tanh(c));
        cells.push_back(g.rounded(c));
        cell = g.passed_on(c);
        saved.push_back(g.joined({in, keep, candidate, out}));
        break;
      }
    }
    states.push_back(g.rounded(hidden));
    hidden = g.passed_on(hidden);
  }
  Arrays outputs{g.stacked(states)};
  if (!cells.empty()) {
    outputs.push_back(g.stacked(cells));
  }
  if (form.saves_gates) {
    outputs.push_back(g.rounded(g.stacked(saved)));
  }
  return outputs;
}

Arrays recurrent_gradients_graph(const RecurrentForm& form, const Arrays& inputs, mx::Stream s) {
  const RecurrentGradientInputs in(form, inputs);
  const Graph g{s, in.hidden.dtype()};
  const array weight = g.wide(in.weight);
  const array previous = shifted(g, in.hidden, in.first_hidden);
  const Arrays states = g.steps(in.hidden), before = g.steps(previous);
  const auto steps = [&](const array* a) { return a ? g.steps(*a) : Arrays{}; };
  const Arrays cells = steps(in.cells), gates = steps(in.gates), of_hidden = steps(in.of_hidden),
               of_cells = steps(in.of_cells);
  Arrays cells_before;
  if (in.cells) {
    cells_before = g.steps(shifted(g, *in.cells, *in.first_cell));
  }
  // What one step hands to the step before it: by the product, and besides.
  array next = mx::zeros(states[0].shape(), states[0].dtype(), s);
  array carry = next;
  Arrays of_inputs, of_sums;
  for (std::size_t step = states.size(); step-- > 0;) {
    array of_h = of_hidden.empty() ? next : g.plus(next, of_hidden[step]);
    array of_products = of_h;
    switch (form.cell) {
      case Cell::rnn_tanh:
        of_products = g.times(of_h, g.tanh_slope(states[step]));
        of_inputs.push_back(of_products);
        break;
      case Cell::rnn_relu: {
        const array zero(0, of_h.dtype());
        of_products = mx::where(mx::greater(states[step], zero, s), of_h, zero, s);
        of_inputs.push_back(of_products);
        break;
      }
      case Cell::gru: {
        const Arrays p = g.parts(gates[step], 4);
        const array &reset = p[0], &keep = p[1], &candidate = p[2], &recurrent = p[3];
        of_h = g.plus(of_h, carry);
        const array of_candidate =
            g.times(g.times(of_h, g.one_minus(keep)), g.tanh_slope(candidate));
        const array of_reset = g.times(g.times(of_candidate, recurrent), g.sigmoid_slope(reset));
        const array of_keep =
            g.times(g.times(of_h, mx::subtract(before[step], candidate, s)), g.sigmoid_slope(keep));
        of_inputs.push_back(g.joined({of_reset, of_keep, of_candidate}));
        of_products = g.joined({of_reset, of_keep, g.times(of_candidate, reset)});
        of_sums.push_back(of_products);
        carry = g.times(of_h, keep);
        break;
      }
      case Cell::lstm: {
        const Arrays p = g.parts(gates[step], 4);
        const array &input = p[0], &keep = p[1], &candidate = p[2], &out = p[3];
        const array squashed = g.tanh(cells[step]);
        array of_cell = g.plus(carry, g.times(g.times(of_h, out), g.tanh_slope(squashed)));
        if (!of_cells.empty()) {
          of_cell = g.plus(of_cell, of_cells[step]);
        }
        of_products = g.joined({
            g.times(g.times(of_cell, candidate), g.sigmoid_slope(input)),
            g.times(g.times(of_cell, cells_before[step]), g.sigmoid_slope(keep)),
            g.times(g.times(of_cell, input), g.tanh_slope(candidate)),
            g.times(g.times(of_h, squashed), g.sigmoid_slope(out)),
        });
        of_inputs.push_back(of_products);
        carry = g.times(of_cell, keep);
        break;
      }
    }
    next = mx::matmul(g.passed_on(of_products), weight, s);
  }
  const auto in_order = [&](Arrays& reversed) {
    std::reverse(reversed.begin(), reversed.end());
    return g.rounded(g.stacked(reversed));
  };
  Arrays outputs{in_order(of_inputs), g.rounded(next), previous};
  if (form.cell == Cell::lstm) {
    outputs.push_back(g.rounded(carry));
  } else if (form.cell == Cell::gru) {
    outputs[1] = g.rounded(g.plus(next, carry));
    outputs.push_back(in_order(of_sums));
  }
  return outputs;
}

}  // namespace mlx_c::cpu
