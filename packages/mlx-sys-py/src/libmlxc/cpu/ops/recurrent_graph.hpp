// Recurrent scans as graphs of MLX's operations, a few for each step: for devices and types that
// have no kernel, for functions in files, and for further derivatives.
#pragma once

#include <optional>
#include <vector>

#include <mlx/array.h>
#include <mlx/utils.h>

#include "cpu/kernels/table.hpp"

namespace mlx_c::cpu {

// What a scan takes and gives.
//
// Its inputs are the projected inputs (..., steps, gates * size), the weight (gates * size, size)
// and the first state (..., size), then the first cell of the LSTM or the bias of the GRU; its
// outputs the states (..., steps, size), then the cells of the LSTM, then what is saved for the
// gradients, (..., steps, 4 * size).
struct RecurrentForm {
  Cell cell;
  bool has_bias = false;
  bool saves_gates = false;
  // Of the gradients alone: which results have a cotangent that is not zeros.
  bool has_hidden_cotangent = false, has_cell_cotangent = false;

  bool operator==(const RecurrentForm&) const = default;

  bool needs_gates() const {
    return cell == Cell::gru || cell == Cell::lstm;
  }
};

// Rows of the weight for each element of the state.
int gates_of(Cell cell);

// The function that users call.
const char* recurrent_function(Cell cell);

// The inputs of the node of the gradients, in the order in which they are there. No handles of
// them: those would keep their memory from being used for results.
struct RecurrentGradientInputs {
  const mlx::core::array &weight, &hidden, &first_hidden;
  const mlx::core::array *cells = nullptr, *first_cell = nullptr, *gates = nullptr,
                         *of_hidden = nullptr, *of_cells = nullptr;

  RecurrentGradientInputs(const RecurrentForm& form, const std::vector<mlx::core::array>& inputs);
};

// Its outputs, in their order: the gradients with respect to the inputs and the first state, the
// states before each step, and then those with respect to the first cell of the LSTM, or to the
// recurrent products of the GRU.
template <class T>
struct RecurrentGradients {
  T of_inputs{}, of_first_hidden{}, previous{}, of_first_cell{}, of_sums{};
};

RecurrentGradients<mlx::core::array*> name_gradients(
    const RecurrentForm& form, std::vector<mlx::core::array>& outputs);

// The shapes of the outputs. Throws std::invalid_argument that names the input which does not fit.
std::vector<mlx::core::Shape> recurrent_shapes(
    const RecurrentForm& form, const std::vector<mlx::core::array>& inputs);
std::vector<mlx::core::Shape> recurrent_gradient_shapes(
    const RecurrentForm& form, const std::vector<mlx::core::array>& inputs);

// The outputs. States are rounded to the type of the inputs after each step; what is between them
// is computed in single precision at least.
std::vector<mlx::core::array> recurrent_graph(
    const RecurrentForm& form, const std::vector<mlx::core::array>& inputs, mlx::core::Stream s);
std::vector<mlx::core::array> recurrent_gradients_graph(
    const RecurrentForm& form, const std::vector<mlx::core::array>& inputs, mlx::core::Stream s);

}  // namespace mlx_c::cpu
