#include "cpu/graph/repeated_memory.hpp"

#include <algorithm>

namespace mlx_c::cpu {

namespace mx = mlx::core;
using mx::array;

namespace {

// Blocks begin at a cache line and are whole ones.
constexpr std::size_t line = 64;

// A block that is larger than that many times what is asked for is left to others.
constexpr std::size_t most_waste = 4;

// An extent is an int.
constexpr std::size_t largest_block = std::size_t{1} << 30;

array make_block(std::size_t size) {
  size = (size + line - 1) / line * line;
  array block = computed({static_cast<int>(size)}, mx::uint8);
  auto memory = allocate(size + line);
  auto buffer = memory.buffer();
  const auto begin = reinterpret_cast<std::uintptr_t>(buffer.raw_ptr());
  block.set_data(
      std::move(memory), size, {1}, {true, true, true}, static_cast<std::int64_t>(-begin % line));
  return block;
}

}  // namespace

array computed(const mx::Shape& shape, mx::Dtype dtype) {
  array result(shape, dtype, nullptr, {});
  result.set_status(array::Status::available);
  return result;
}

array shared_with(const array& a) {
  array result = computed(a.shape(), a.dtype());
  result.copy_shared_buffer(a);
  return result;
}

Place::Place(const mx::array& a, const mx::array& block)
    : block_(block),
      shape_(a.shape()),
      dtype_(a.dtype()),
      strides_(a.strides()),
      flags_(a.flags()),
      data_size_(a.data_size()),
      offset_(a.data<char>() - block.data<char>()) {}

mx::array Place::array() const {
  mx::array result = computed(shape_, dtype_);
  result.copy_shared_buffer(
      block_,
      strides_,
      flags_,
      data_size_,
      offset_ / static_cast<std::ptrdiff_t>(result.itemsize()));
  return result;
}

bool is_at(const array& a, const array& other) {
  return a.data<char>() == other.data<char>() && a.strides() == other.strides();
}

std::optional<array> MemoryPlan::Scope::take(const array& result, std::size_t size) {
  if (std::ranges::find(ids_, result.id()) == ids_.end()) {
    return std::nullopt;
  }
  return size > largest_block ? std::nullopt : std::optional(plan_.take(size));
}

const array* MemoryPlan::block_of(const array& a) const {
  const auto found = std::ranges::find_if(
      blocks_, [&](const array& block) { return block.data_shared_ptr() == a.data_shared_ptr(); });
  return found == blocks_.end() ? nullptr : &*found;
}

array MemoryPlan::take(std::size_t size) {
  // Best fit.
  const array* best = nullptr;
  for (const array& block : blocks_) {
    if (block.data_shared_ptr().use_count() == 1 && block.nbytes() >= size &&
        (!best || block.nbytes() < best->nbytes())) {
      best = &block;
    }
  }
  if (!best || best->nbytes() > most_waste * size + line) {
    best = &blocks_.emplace_back(make_block(size));
  }
  return *best;
}

std::optional<array> SamePlaces::take(const array& result, std::size_t size) {
  for (std::size_t i = 0; i < results_.size(); i++) {
    if (results_[i].id() == result.id() && places_[i] && places_[i]->nbytes() >= size) {
      return *places_[i];
    }
  }
  return std::nullopt;
}

}  // namespace mlx_c::cpu
