#include "mlx/c/export_value.h"

#include <array>
#include <optional>
#include <tuple>

#include "core/convert.hpp"
#include "core/guard.hpp"
#include "export/values.hpp"

using namespace mlx_c;

namespace {

// --- From MLX's types, one for each entry -------------------------------------------------------

ExportValue convert(bool value) {
  return {value};
}

ExportValue convert(int value) {
  return {static_cast<int64_t>(value)};
}

ExportValue convert(int64_t value) {
  return {value};
}

ExportValue convert(size_t value) {
  return {static_cast<int64_t>(value)};
}

ExportValue convert(double value) {
  return {value};
}

ExportValue convert(const std::string& value) {
  return {value};
}

ExportValue convert(mlx::core::Dtype value) {
  return {value};
}

ExportValue convert(const mlx::core::array& value) {
  return {value};
}

template <class... Types>
ExportValue convert(const std::variant<Types...>& value);
template <class T>
ExportValue convert(const mlx::core::SmallVector<T>& values);
template <class... Types>
ExportValue convert(const std::tuple<Types...>& values);
template <class First, class Second>
ExportValue convert(const std::pair<First, Second>& values);

ExportValue convert(const std::optional<float>& value) {
  return value ? convert(*value) : ExportValue{};
}

template <class T>
ExportValue convert(const std::vector<T>& values) {
  ExportList list;
  for (const auto& value : values) {
    list.push_back(convert(value));
  }
  return {std::move(list)};
}

template <class T>
ExportValue convert(const mlx::core::SmallVector<T>& values) {
  ExportTuple tuple;
  for (auto extent : values) {
    tuple.entries.push_back(convert(extent));
  }
  return {std::move(tuple)};
}

template <class... Types>
ExportValue convert(const std::tuple<Types...>& values) {
  return std::apply(
      [](const auto&... entries) { return ExportValue{ExportTuple{{convert(entries)...}}}; },
      values);
}

template <class First, class Second>
ExportValue convert(const std::pair<First, Second>& values) {
  return convert(std::tie(values.first, values.second));
}

template <class... Types>
ExportValue convert(const std::variant<Types...>& value) {
  return std::visit([](const auto& entry) { return convert(entry); }, value);
}

// --- To C ----------------------------------------------------------------------------------------

constexpr std::array kind_names{
    "nothing",
    "a bool",
    "an int",
    "a float",
    "a string",
    "a dtype",
    "an array",
    "a list",
    "a tuple",
    "a map"};
static_assert(kind_names.size() == MLX_EXPORT_MAP + 1);

// The content of a value; throws unless it is of the given kind.
template <mlx_export_kind kind>
const auto& held(mlx_export_value handle) {
  auto& value = get(handle, "value").value;
  if (auto* found = std::get_if<kind>(&value)) {
    return *found;
  }
  throw std::invalid_argument(
      std::string("value is ") + kind_names[value.index()] + ", not " + kind_names[kind]);
}

const ExportList& entries_of(mlx_export_value handle) {
  auto* tuple = std::get_if<ExportTuple>(&get(handle, "value").value);
  return tuple ? tuple->entries : held<MLX_EXPORT_LIST>(handle);
}

template <class Sequence>
const auto& entry(const Sequence& entries, size_t index) {
  if (index >= entries.size()) {
    throw std::out_of_range(
        "index " + std::to_string(index) + " is out of range for " +
        std::to_string(entries.size()) + " entries");
  }
  return entries[index];
}

}  // namespace

namespace mlx_c {

ExportValue to_export_value(const mlx::core::ExportCallbackInput& input) {
  ExportMap map;
  for (auto& [key, value] : input) {
    map.emplace_back(key, convert(value));
  }
  return {std::move(map)};
}

}  // namespace mlx_c

int mlx_export_value_get_kind(mlx_export_kind* res, const mlx_export_value value) {
  return guard([&] {
    *not_null(res, "res") = static_cast<mlx_export_kind>(get(value, "value").value.index());
  });
}

int mlx_export_value_get_bool(bool* res, const mlx_export_value value) {
  return guard([&] { *not_null(res, "res") = held<MLX_EXPORT_BOOL>(value); });
}

int mlx_export_value_get_int(int64_t* res, const mlx_export_value value) {
  return guard([&] { *not_null(res, "res") = held<MLX_EXPORT_INT>(value); });
}

int mlx_export_value_get_float(double* res, const mlx_export_value value) {
  return guard([&] { *not_null(res, "res") = held<MLX_EXPORT_FLOAT>(value); });
}

int mlx_export_value_get_string(const char** res, const mlx_export_value value) {
  return guard([&] { *not_null(res, "res") = held<MLX_EXPORT_STRING>(value).c_str(); });
}

int mlx_export_value_get_dtype(mlx_dtype* res, const mlx_export_value value) {
  return guard([&] { *not_null(res, "res") = to_c(held<MLX_EXPORT_DTYPE>(value)); });
}

int mlx_export_value_get_array(mlx_array* res, const mlx_export_value value) {
  return guard([&] { set(res, held<MLX_EXPORT_ARRAY>(value)); });
}

int mlx_export_value_get_size(size_t* res, const mlx_export_value value) {
  return guard([&] {
    auto* map = std::get_if<ExportMap>(&get(value, "value").value);
    *not_null(res, "res") = map ? map->size() : entries_of(value).size();
  });
}

int mlx_export_value_get_entry(mlx_export_value* res, const mlx_export_value value, size_t index) {
  return guard([&] {
    auto* map = std::get_if<ExportMap>(&get(value, "value").value);
    *not_null(res, "res") =
        borrow<mlx_export_value>(map ? entry(*map, index).second : entry(entries_of(value), index));
  });
}

int mlx_export_value_get_key(const char** res, const mlx_export_value value, size_t index) {
  return guard(
      [&] { *not_null(res, "res") = entry(held<MLX_EXPORT_MAP>(value), index).first.c_str(); });
}
