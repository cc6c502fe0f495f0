#include "cpu/graph/registry.hpp"

#include <algorithm>

#include "cpu/nodes/whole_task.hpp"
#include "cpu/ops/indexing/scatter.hpp"
#include "cpu/ops/ops.hpp"

namespace mlx_c::cpu {

namespace {

std::unordered_map<std::string_view, KernelRow> make_rows() {
  const KernelRow reduction{.make = reduce, .guards_mlx = true, .any_output_shape = true};
  const KernelRow prefix_scan{.make = scan};
  const KernelRow scattering{.make = scatter, .guards_mlx = true, .checks_values = true};
  const KernelRow view{.is_view = true};
  const auto cubic = Work::factorization;
  const KernelRow own{};
  const KernelRow own_repeats{.repeats = true};
  const KernelRow own_attention{.work = Work::attention};
  const KernelRow own_checks_values{.checks_values = true};
  const KernelRow own_factorization{.checks_values = true, .work = cubic};

  std::unordered_map<std::string_view, KernelRow> rows{
      // matrix products and convolutions
      {"AddMM", {.make = addmm, .repeats = true, .work = Work::matmul}},
      {"Convolution", {.make = convolution, .work = Work::convolution}},
      {"GatherMM", {.make = gather_mm, .guards_mlx = true, .checks_values = true}},
      {"GatherQMM", {.make = gather_qmm, .guards_mlx = true, .checks_values = true}},
      {"Matmul", {.make = matmul, .repeats = true, .work = Work::matmul}},
      {"QuantizedMatmul",
       {.make = quantized_matmul, .guards_mlx = true, .repeats = true, .work = Work::matmul}},
      {"SegmentedMM", {.make = segmented_mm, .guards_mlx = true, .checks_values = true}},

      // reductions, scans, sorting
      {"And", reduction},
      {"ArgPartition", {.make = argpartition}},
      {"ArgReduce", {.make = arg_reduce, .any_output_shape = true}},
      {"ArgSort", {.make = argsort}},
      {"CumLogAddExp", prefix_scan},
      {"CumMax", prefix_scan},
      {"CumMin", prefix_scan},
      {"CumProd", prefix_scan},
      {"CumSum", prefix_scan},
      {"LogSumExp", {.make = logsumexp, .guards_mlx = true, .any_output_shape = true}},
      {"Max", reduction},
      {"Min", reduction},
      {"Or", reduction},
      {"Partition", {.make = partition}},
      {"Prod", reduction},
      {"SearchSorted", {.make = searchsorted}},
      {"Softmax", {.make = softmax, .guards_mlx = true}},
      {"Sort", {.make = sort}},
      {"Sum", reduction},

      // Fourier transforms
      {"FFT", {.make = fft}},

      // linear algebra
      {"Cholesky", {.make = cholesky, .guards_mlx = true, .checks_values = true, .work = cubic}},
      {"Eig", {.make = eig, .guards_mlx = true, .checks_values = true, .work = cubic}},
      {"Eigh", {.make = eigh, .guards_mlx = true, .checks_values = true, .work = cubic}},
      {"Inverse", {.make = inverse, .guards_mlx = true, .checks_values = true, .work = cubic}},
      {"LUF", {.make = lu, .guards_mlx = true, .work = cubic}},
      {"QRF", {.make = qr, .guards_mlx = true, .work = cubic}},
      {"SVD", {.make = svd, .guards_mlx = true, .checks_values = true, .work = cubic}},

      // indexing
      {"DynamicSlice",
       {.make = dynamic_slice,
        .guards_mlx = true,
        .checks_values = true,
        .traffic = Traffic::twice_the_outputs}},
      {"DynamicSliceUpdate",
       {.make = dynamic_slice_update, .guards_mlx = true, .checks_values = true}},
      {"Gather",
       {.make = gather,
        .guards_mlx = true,
        .checks_values = true,
        .traffic = Traffic::twice_the_outputs}},
      {"GatherAxis",
       {.make = gather_axis,
        .guards_mlx = true,
        .checks_values = true,
        .traffic = Traffic::twice_the_outputs}},
      {"MaskedScatter", {.make = masked_scatter, .checks_values = true}},
      {"Scatter", scattering},
      {"Scatter Max", scattering},
      {"Scatter Min", scattering},
      {"Scatter Prod", scattering},
      {"Scatter Sum", scattering},
      {"ScatterAxis", {.make = scatter_axis, .guards_mlx = true, .checks_values = true}},
      {"ScatterAxis Sum", {.make = scatter_axis, .guards_mlx = true, .checks_values = true}},
      {"SliceUpdate", {.make = slice_update}},
      {"SliceUpdate Max", {.make = slice_update_reduce}},
      {"SliceUpdate Min", {.make = slice_update_reduce}},
      {"SliceUpdate Prod", {.make = slice_update_reduce}},
      {"SliceUpdate Sum", {.make = slice_update_reduce}},

      // creation and layout
      {"Arange", {.make = arange}},
      {"Concatenate", {.make = concatenate, .repeats = true}},
      {"Contiguous", {.make = contiguous, .repeats = true}},
      {"DivMod", {.make = divmod}},
      {"Flatten", {.make = reshape, .repeats = true}},
      {"Full", {.make = full}},
      {"Pad", {.make = pad}},
      {"RandomBits", {.make = random_bits}},
      {"Reshape", {.make = reshape, .repeats = true}},
      {"Unflatten", {.make = reshape, .repeats = true}},

      // views
      {"AsStrided", view},
      {"Broadcast", view},
      {"BroadcastAxes", view},
      {"Copy", view},
      {"CustomTransforms", view},
      {"Depends", view},
      {"ExpandDims", view},
      {"Slice", view},
      {"Split", view},
      {"Squeeze", view},
      {"StopGradient", view},
      {"Transpose", {.make = transpose, .is_view = true}},

      // primitives of our own: fused ops
      {"AttentionGradients", own_attention},
      {"AttentionStep", {.checks_values = true, .checks_late = true}},
      {"BlocksMatmul", {.repeats = true, .work = Work::matmul}},
      {"CrossEntropy", own_checks_values},
      {"CrossEntropyGradient", own_checks_values},
      {"Cofactors", own_factorization},
      {"Determinant", own_factorization},
      {"Elementwise", own_repeats},
      {"GatheredBlocks", {.checks_values = true, .work = Work::matmul}},
      {"IntegerMatmul", {.work = Work::matmul}},
      {"LayerNorm", own_repeats},
      {"NormalizationGradients", own},
      {"RMSNorm", own_repeats},
      {"RandomNormal", own},
      {"RandomRejection", own},
      {"RecurrentScan", {.work = Work::matmul}},
      {"RecurrentScanGradients", {.work = Work::matmul}},
      {"RoPE", own_repeats},
      {"ScaledDotProductAttention", own_attention},
      {"Solve", own_factorization},
      {"SolveTriangular", own_factorization},
      {"ThinSVD", own_factorization},

      // files
      {"Load", own_checks_values},

      // what was interrupted, whose memory is there
      {"Interrupted", view},
  };
  for (const ElementwiseOp& operation : elementwise_ops) {
    rows.emplace(operation.primitive, KernelRow{.elementwise = &operation});
  }
  return rows;
}

}  // namespace

const std::unordered_map<std::string_view, KernelRow>& kernel_rows() {
  static const auto& rows = *new std::unordered_map<std::string_view, KernelRow>(make_rows());
  return rows;
}

const KernelRow* find_row(std::string_view primitive) {
  const auto found = kernel_rows().find(primitive);
  return found == kernel_rows().end() ? nullptr : &found->second;
}

bool uses_task_queue(const mlx::core::array& node, const KernelRow* row) {
  auto* kernel = dynamic_cast<const KernelPrimitive*>(&node.primitive());
  return kernel ? kernel->uses_task_queue(node.inputs()) : row && row->is_view;
}

std::size_t bytes_touched(const mlx::core::array& node, const KernelRow* row) {
  if (row && row->is_view) {
    return 0;
  }
  const bool takes = row && row->traffic == Traffic::twice_the_outputs;
  std::size_t sum = node.nbytes();
  if (const WholeTask* task = whole_task(node)) {
    sum += task->more_bytes();
  }
  for (const mlx::core::array& sibling : node.siblings()) {
    sum += sibling.nbytes();
  }
  for (const mlx::core::array& input : node.inputs()) {
    sum += takes ? std::min(input.nbytes(), node.nbytes()) : input.nbytes();
  }
  return sum;
}

double multiplications(const mlx::core::array& node, const KernelRow* row) {
  if (!row || row->work == Work::memory || node.size() == 0) {
    return 0;
  }
  const auto& inputs = node.inputs();
  const auto size = static_cast<double>(node.size());
  switch (row->work) {
    case Work::memory:
      break;
    case Work::matmul:
      return size * inputs[0].shape(-1);
    case Work::convolution:
      return size * inputs[1].size() / inputs[1].shape(0);
    case Work::attention:
      return 2.0 * inputs[0].size() * inputs[1].shape(-2);
    case Work::factorization:
      return 8.0 * inputs[0].size() * inputs[0].shape(-1);
  }
  return 0;
}

}  // namespace mlx_c::cpu
