#include "core/attention_step.hpp"

#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

#include <mlx/fast.h>
#include <mlx/ops.h>

#include "cpu/arrays/dtypes.hpp"
#include "cpu/ops/attention/step.hpp"

namespace mlx_c {

namespace mx = mlx::core;
using mx::array;
using Arrays = std::vector<array>;

namespace {

[[noreturn]] void throw_unfit(const char* argument, const array& a, const std::string& what) {
  std::ostringstream message;
  message << argument << " of shape " << a.shape() << " and type " << a.dtype() << " must " << what;
  throw std::invalid_argument(message.str());
}

std::string text_of(const mx::Shape& shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

void check(
    const array& queries,
    const array& keys,
    const array& values,
    const Arrays& buffers,
    const array& offsets) {
  if (!mx::issubdtype(queries.dtype(), mx::floating)) {
    throw_unfit("queries", queries, "be floating-point");
  }
  if (queries.ndim() != 4 || queries.shape(0) == 0 || queries.shape(2) != 1) {
    throw_unfit("queries", queries, "have a shape (sequences, heads, 1, width), of at least one");
  }
  const int count = queries.shape(0);
  const auto check_rows = [&](const char* name, const array& a) {
    if (a.dtype() != queries.dtype() || a.ndim() != 4 || a.shape(0) != count || a.shape(2) != 1 ||
        a.shape(1) == 0 || queries.shape(1) % a.shape(1) != 0 || a.shape(1) != keys.shape(1)) {
      throw_unfit(
          name,
          a,
          "have the type of the queries and a shape (" + std::to_string(count) +
              ", kv_heads, 1, width), of which the heads are a multiple");
    }
  };
  check_rows("keys", keys);
  check_rows("values", values);
  if (keys.shape(3) != queries.shape(3)) {
    throw_unfit("keys", keys, "have the width of the queries");
  }
  if (buffers.size() != 2 * static_cast<std::size_t>(count)) {
    throw std::invalid_argument(
        "buffers must be two for each of " + std::to_string(count) + " sequences, not " +
        std::to_string(buffers.size()));
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    const array& rows = i < buffers.size() / 2 ? keys : values;
    const array& buffer = buffers[i];
    if (buffer.dtype() != rows.dtype() || buffer.ndim() != 4 ||
        buffer.shape() != mx::Shape{1, rows.shape(1), buffer.shape(2), rows.shape(3)} ||
        buffer.shape(2) == 0) {
      throw_unfit(
          "buffers",
          buffer,
          "have the type and the heads of new positions of shape " + text_of(rows.shape()));
    }
    if (i >= buffers.size() / 2 && buffer.shape(2) != buffers[i - count].shape(2)) {
      throw_unfit(
          "buffers",
          buffer,
          "have room for as many positions as the keys of that sequence, " +
              std::to_string(buffers[i - count].shape(2)));
    }
  }
  if (!mx::issubdtype(offsets.dtype(), mx::integer) || offsets.shape() != mx::Shape{count}) {
    throw_unfit("offsets", offsets, "be " + std::to_string(count) + " integers");
  }
}

// The graph that a step stands for. It attends to whole buffers, of which a mask hides the rest.
Arrays graph(float scale, const Arrays& inputs, mx::Stream s) {
  const array &queries = inputs[0], &keys = inputs[1], &values = inputs[2], &offsets = inputs[3];
  const int count = queries.shape(0);
  const auto one_of = [&](const array& a, int i) {
    mx::Shape start(a.ndim(), 0), end = a.shape();
    start[0] = i;
    end[0] = i + 1;
    return mx::slice(a, start, end, s);
  };
  Arrays results, held, held_values;
  for (int i = 0; i < count; ++i) {
    const array offset = one_of(offsets, i);
    const array at = mx::arange(0.0, inputs[4 + i].shape(2), 1.0, offsets.dtype(), s);
    const array is_new = mx::equal(mx::expand_dims(at, 1, s), offset, s);
    const array is_seen = mx::less_equal(at, offset, s);
    // By masks: MLX's rule for vmap of updates whose place is an array gives wrong numbers.
    held.push_back(mx::where(is_new, one_of(keys, i), inputs[4 + i], s));
    held_values.push_back(mx::where(is_new, one_of(values, i), inputs[4 + count + i], s));
    // A weight of 0 does not hide what is no number.
    const array seen_values =
        mx::where(mx::expand_dims(is_seen, 1, s), held_values.back(), array(0, values.dtype()), s);
    results.push_back(
        mx::fast::scaled_dot_product_attention(
            one_of(queries, i),
            held.back(),
            seen_values,
            scale,
            "array",
            is_seen,
            std::nullopt,
            false,
            s));
  }
  Arrays all{mx::concatenate(results, 0, s)};
  all.insert(all.end(), held.begin(), held.end());
  all.insert(all.end(), held_values.begin(), held_values.end());
  return all;
}

}  // namespace

Arrays attention_step(
    const array& queries,
    const array& keys,
    const array& values,
    const Arrays& buffers,
    const array& offsets,
    float scale,
    mx::StreamOrDevice s) {
  check(queries, keys, values, buffers, offsets);
  const mx::Stream stream = mx::to_stream(s);
  Arrays inputs{queries, keys, values, mx::contiguous(mx::astype(offsets, mx::int64, s), false, s)};
  inputs.insert(inputs.end(), buffers.begin(), buffers.end());
  const auto definition = [=](const Arrays& some) { return graph(scale, some, stream); };
  const bool fuses = cpu::float_type(queries.dtype()) && queries.size() > 0 && values.size() > 0 &&
      cpu::can_fuse(s);
  return fuses ? cpu::attention_step(scale, std::move(inputs), definition, stream)
               : definition(inputs);
}

}  // namespace mlx_c
