#include "core/input_shapes.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <mlx/primitives.h>

#include "core/shape_checks/checks.hpp"

namespace mlx_c {

namespace {

using mlx::core::array;
using Arrays = std::vector<array>;
using shape_checks::Node;
using Shapes = RecordedShapes::Shapes;

// Whether nodes have to know the shapes that they were recorded with.
enum class Remembers : uint8_t { never, always, for_gradients };

// What there is to check of a primitive.
struct ShapeRow {
  const char* function;
  // Null if the primitive takes inputs of all shapes.
  void (*check)(const Node& node) = nullptr;
  Remembers remembers = Remembers::never;
};

// By the names of those primitives that a function for all shapes may consist of: the others do not
// infer the shapes of their outputs.
std::unordered_map<std::string_view, ShapeRow> make_rows() {
  using namespace shape_checks;
  std::unordered_map<std::string_view, ShapeRow> rows{
      // matrix products and convolutions
      {"AddMM", {"addmm", addmm}},
      {"Convolution", {"conv", convolution, Remembers::always}},
      {"GatherMM", {"gather_mm", gather_mm, Remembers::always}},
      {"GatherQMM", {"gather_qmm", gather_qmm, Remembers::always}},
      {"GatherQQMM", {"gather_qqmm", gather_qqmm, Remembers::always}},
      {"Hadamard", {"hadamard_transform", hadamard}},
      {"IntegerMatmul", {"matmul", matmul}},
      {"Matmul", {"matmul", matmul}},
      {"QQMatmul", {"qqmm", qqmm}},
      {"QuantizedMatmul", {"quantized_matmul", quantized_matmul}},
      {"Quantize", {"quantize", quantize}},

      // linear algebra
      {"Cofactors", {"det", square_matrices}},
      {"Determinant", {"det or slogdet", square_matrices}},
      {"Eig", {"eig", square_matrices}},
      {"Eigh", {"eigh", square_matrices}},
      {"Solve", {"solve", systems}},
      {"SolveTriangular", {"solve_triangular", systems}},
      {"ThinSVD", {"svd"}},

      // reductions, scans, sorting
      {"And", {"all"}},
      {"ArgPartition", {"argpartition", argpartition}},
      {"ArgReduce", {"argmax or argmin", not_empty}},
      {"ArgSort", {"argsort"}},
      {"CumLogAddExp", {"logcumsumexp"}},
      {"CumMax", {"cummax"}},
      {"CumMin", {"cummin"}},
      {"CumProd", {"cumprod"}},
      {"CumSum", {"cumsum"}},
      {"LogSumExp", {"logsumexp"}},
      {"Max", {"max", not_empty}},
      {"Min", {"min", not_empty}},
      {"Or", {"any"}},
      {"Partition", {"partition", partition}},
      {"Prod", {"prod"}},
      {"SearchSorted", {"searchsorted", searchsorted}},
      {"Softmax", {"softmax"}},
      {"Sort", {"sort"}},
      {"Sum", {"sum"}},

      // indexing
      {"DynamicSlice", {"slice", dynamic_slice}},
      {"DynamicSliceUpdate", {"slice_update", dynamic_slice_update}},
      {"Gather", {"gather", gather, Remembers::always}},
      {"GatherAxis", {"take_along_axis", gather_axis}},
      {"MaskedScatter", {"masked_scatter", masked_scatter}},
      {"ScatterAxis", {"put_along_axis", scatter_axis}},
      {"ScatterAxis Sum", {"scatter_add_axis", scatter_axis}},
      {"SliceUpdate", {"slice_update", slice_update, Remembers::always}},
      {"SliceUpdate Max", {"slice_update_max", slice_update, Remembers::always}},
      {"SliceUpdate Min", {"slice_update_min", slice_update, Remembers::always}},
      {"SliceUpdate Prod", {"slice_update_prod", slice_update, Remembers::always}},
      {"SliceUpdate Sum", {"slice_update_add", slice_update, Remembers::always}},

      // creation and layout
      {"Arange", {"arange"}},
      {"Broadcast", {"broadcast_to", broadcast, Remembers::for_gradients}},
      {"BroadcastAxes", {"broadcast_arrays", broadcast, Remembers::for_gradients}},
      {"Concatenate", {"concatenate", concatenate}},
      {"Contiguous", {"contiguous"}},
      {"Copy", {"copy"}},
      {"ExpandDims", {"expand_dims"}},
      {"Flatten", {"flatten", same_size}},
      {"Full", {"full"}},
      {"NumberOfElements", {"number_of_elements"}},
      {"Reshape", {"reshape", same_size}},
      {"Squeeze", {"squeeze", squeeze}},
      {"StopGradient", {"stop_gradient"}},
      {"Transpose", {"transpose"}},
      {"Unflatten", {"unflatten", unflatten}},

      // fused ops, of MLX for GPUs and of this library
      {"AttentionGradients", {"scaled_dot_product_attention", attention}},
      {"CrossEntropy", {"cross_entropy", cross_entropy}},
      {"CrossEntropyGradient", {"cross_entropy", cross_entropy}},
      {"CrossEntropyVJP", {"cross_entropy", cross_entropy}},
      {"FromFP8", {"from_fp8"}},
      {"GatedDeltaUpdate", {"gated_delta_update", as_recorded, Remembers::always}},
      {"GatedDeltaUpdateVJP", {"gated_delta_update", as_recorded, Remembers::always}},
      {"LayerNorm", {"layer_norm", normalization}},
      {"NormalizationGradients", {"rms_norm or layer_norm"}},
      {"RMSNorm", {"rms_norm", normalization}},
      {"RandomNormal", {"normal", one_key}},
      {"RecurrentScan", {"rnn_scan, gru_scan or lstm_scan"}},
      {"RecurrentScanGradients", {"rnn_scan, gru_scan or lstm_scan"}},
      {"RoPE", {"rope", rope}},
      {"ScaledDotProductAttention", {"scaled_dot_product_attention", attention}},
      {"ToFP8", {"to_fp8"}},
  };
  // Elementwise operations, whose inputs MLX has broadcast.
  for (const auto& [primitive, function] :
       std::initializer_list<std::pair<const char*, const char*>>{
           {"Abs", "abs"},
           {"ArcCos", "arccos"},
           {"ArcCosh", "arccosh"},
           {"ArcSin", "arcsin"},
           {"ArcSinh", "arcsinh"},
           {"ArcTan", "arctan"},
           {"ArcTanh", "arctanh"},
           {"AsType", "astype"},
           {"BitwiseInvert", "bitwise_invert"},
           {"Ceil", "ceil"},
           {"Conjugate", "conjugate"},
           {"Cos", "cos"},
           {"Cosh", "cosh"},
           {"Erf", "erf"},
           {"ErfInv", "erfinv"},
           {"Exp", "exp"},
           {"Expm1", "expm1"},
           {"Floor", "floor"},
           {"Imag", "imag"},
           {"Log", "log"},
           {"Log10", "log10"},
           {"Log1p", "log1p"},
           {"Log2", "log2"},
           {"LogicalNot", "logical_not"},
           {"Negative", "negative"},
           {"Real", "real"},
           {"Round", "round"},
           {"Rsqrt", "rsqrt"},
           {"Sigmoid", "sigmoid"},
           {"Sign", "sign"},
           {"Sin", "sin"},
           {"Sinh", "sinh"},
           {"Sqrt", "sqrt"},
           {"Square", "square"},
           {"Tan", "tan"},
           {"Tanh", "tanh"},
           {"Add", "add"},
           {"ArcTan2", "arctan2"},
           {"BitwiseAnd", "bitwise_and"},
           {"BitwiseOr", "bitwise_or"},
           {"BitwiseXor", "bitwise_xor"},
           {"DivMod", "divmod"},
           {"Divide", "divide"},
           {"Equal", "equal"},
           {"FloorDivide", "floor_divide"},
           {"Greater", "greater"},
           {"GreaterEqual", "greater_equal"},
           {"LeftShift", "left_shift"},
           {"Less", "less"},
           {"LessEqual", "less_equal"},
           {"LogAddExp", "logaddexp"},
           {"LogicalAnd", "logical_and"},
           {"LogicalOr", "logical_or"},
           {"Maximum", "maximum"},
           {"Minimum", "minimum"},
           {"Multiply", "multiply"},
           {"NaNEqual", "array_equal"},
           {"NotEqual", "not_equal"},
           {"Power", "power"},
           {"Remainder", "remainder"},
           {"RightShift", "right_shift"},
           {"Select", "where"},
           {"Subtract", "subtract"},
           // Functions of ours.
           {"BesselI0", "i0"},
           {"BesselI0e", "i0e"},
           {"BesselI1", "i1"},
           {"BesselI1e", "i1e"},
           {"CubeRoot", "cbrt"},
           {"ComplexExpm1", "expm1"},
           {"Digamma", "digamma"},
           {"Entropy", "entr"},
           {"ErfC", "erfc"},
           {"ErfCX", "erfcx"},
           {"Exp2", "exp2"},
           {"Gamma", "gamma"},
           {"LogGamma", "gammaln"},
           {"LogNormalBelow", "log_ndtr"},
           {"NormalBelow", "ndtr"},
           {"NormalQuantile", "ndtri"},
           {"SignBit", "signbit"},
           {"Trigamma", "polygamma"},
           {"Beta", "beta"},
           {"LogBeta", "betaln"},
           {"CopySign", "copysign"},
           {"FloatMaximum", "fmax"},
           {"FloatMinimum", "fmin"},
           {"GammaInc", "gammainc"},
           {"GammaIncC", "gammaincc"},
           {"Gcd", "gcd"},
           {"Hypot", "hypot"},
           {"KullbackLeibler", "kl_div"},
           {"LogAddExp2", "logaddexp2"},
           {"Polygamma", "polygamma"},
           {"RelativeEntropy", "rel_entr"},
           {"XLog1PY", "xlog1py"},
           {"XLogY", "xlogy"},
           {"Zeta", "zeta"},
           {"BetaInc", "betainc"},
       }) {
    rows.emplace(primitive, ShapeRow{function, same_shapes});
  }
  return rows;
}

const std::unordered_map<std::string_view, ShapeRow>& shape_rows() {
  static const auto& rows = *new std::unordered_map<std::string_view, ShapeRow>(make_rows());
  return rows;
}

// Null if there is nothing to check.
const ShapeRow* row_of(const array& node) {
  static const ShapeRow fused{"compile", shape_checks::fused_elementwise};
  const std::string_view name = node.primitive().name();
  const auto found = shape_rows().find(name);
  if (found != shape_rows().end()) {
    return found->second.check ? &found->second : nullptr;
  }
  // The primitive Compiled: its name goes on with those of the operations.
  return name.starts_with("Compiled") ? &fused : nullptr;
}

// Calls `visit` for each node between `inputs` and `outputs`, those before it first.
template <class F>
void for_nodes(const Arrays& inputs, const Arrays& outputs, F visit) {
  std::unordered_set<std::uintptr_t> seen;
  for (const array& input : inputs) {
    seen.insert(input.id());
  }
  // Depth first, with a stack of its own: graphs may be deeper than the thread's stack.
  std::vector<std::pair<const array*, size_t>> path;
  auto enter = [&](const array& a) {
    // What has no inputs is constant; another thread may be loading it.
    if (!a.inputs().empty() && seen.insert(a.id()).second) {
      for (const array& sibling : a.siblings()) {
        seen.insert(sibling.id());
      }
      path.emplace_back(&a, 0);
    }
  };
  for (const array& output : outputs) {
    enter(output);
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next < node->inputs().size()) {
        enter(node->inputs()[next++]);
        continue;
      }
      if (node->has_primitive()) {
        visit(*node);
      }
      path.pop_back();
    }
  }
}

}  // namespace

void RecordedShapes::learn(const Arrays& inputs, const Arrays& outputs, bool gradients) {
  const std::scoped_lock lock(mutex_);
  takes_gradients_ = takes_gradients_ || gradients;
  // The function may have recorded something else this time.
  fitting_ = {};
  for_nodes(inputs, outputs, [this, gradients](const array& node) {
    const ShapeRow* row = row_of(node);
    const bool remembers = row &&
        (row->remembers == Remembers::always ||
         (row->remembers == Remembers::for_gradients && gradients));
    if (!remembers) {
      return;
    }
    Shapes shapes;
    for (const array& input : node.inputs()) {
      shapes.push_back(input.shape());
    }
    shapes.push_back(node.shape());
    entries_.insert_or_assign(
        &node.primitive(),
        Entry{node.primitive_ptr(), std::make_shared<const Shapes>(std::move(shapes))});
  });
}

std::shared_ptr<const Shapes> RecordedShapes::find(const array& node) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(&node.primitive());
  return found == entries_.end() ? nullptr : found->second.shapes;
}

bool RecordedShapes::have_fitted(const Arrays& inputs) const {
  const auto is_same = [](const array& input, const auto& seen) {
    return input.dtype() == seen.second && input.shape() == seen.first;
  };
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(fitting_, [&](const Call& call) {
    return call.thread == std::this_thread::get_id() &&
        std::ranges::equal(inputs, call.inputs, is_same);
  });
}

void RecordedShapes::note_fitting(const Arrays& inputs) {
  Call call{std::this_thread::get_id(), {}};
  for (const array& input : inputs) {
    call.inputs.emplace_back(input.shape(), input.dtype());
  }
  const std::scoped_lock lock(mutex_);
  fitting_[next_call_++ % most_calls] = std::move(call);
}

void check_input_shapes(const Arrays& inputs, const Arrays& outputs, RecordedShapes& recorded) {
  if (recorded.have_fitted(inputs)) {
    return;
  }
  for_nodes(inputs, outputs, [&recorded](const array& node) {
    if (const ShapeRow* row = row_of(node)) {
      row->check({node, row->function, nullptr, &recorded});
    }
  });
  recorded.note_fitting(inputs);
}

void check_recorded_shapes(const array& node, const Shapes& recorded) {
  const ShapeRow* row = node.has_primitive() ? row_of(node) : nullptr;
  if (row && row->remembers == Remembers::always && recorded.size() == node.inputs().size() + 1) {
    row->check({node, row->function, &recorded});
  }
}

std::vector<std::string> primitives_with_checked_shapes() {
  std::vector<std::string> names;
  for (const auto& [name, row] : shape_rows()) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace mlx_c
