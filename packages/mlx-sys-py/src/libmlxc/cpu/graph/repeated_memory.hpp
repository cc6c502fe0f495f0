// Memory planning for graphs that are repeated: where results lie in each call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <mlx/array.h>

#include "cpu/arrays/allocation.hpp"

namespace mlx_c::cpu {

// An array without a node. It has its values, or will have them when whatever reads it runs.
mlx::core::array computed(const mlx::core::Shape& shape, mlx::core::Dtype dtype);

// Another handle on the memory of `a`, with its layout and no node.
mlx::core::array shared_with(const mlx::core::array& a);

// Memory and layout of a value that lies at the same place in each call.
class Place {
 public:
  // Of `a`, which lies in `block`.
  Place(const mlx::core::array& a, const mlx::core::array& block);

  // Handles on the block are made when they are needed: they say that it is in use.
  mlx::core::array array() const;

 private:
  mlx::core::array block_;
  mlx::core::Shape shape_;
  mlx::core::Dtype dtype_;
  mlx::core::Strides strides_;
  mlx::core::array::Flags flags_;
  std::size_t data_size_;
  std::ptrdiff_t offset_;  // bytes
};

// Whether `a` lies where `other` does.
bool is_at(const mlx::core::array& a, const mlx::core::array& other);

// Blocks for the results of nodes that are evaluated one after the other. A block is free again
// when no array refers to it. Tasks run in the order of their nodes, so that holds for them as
// well.
class MemoryPlan {
 public:
  // While it exists, results of these nodes are given blocks, and nothing else is.
  class Scope : public ResultMemory {
   public:
    Scope(MemoryPlan& plan, std::span<const std::uintptr_t> ids) : plan_(plan), ids_(ids) {}
    std::optional<mlx::core::array> take(const mlx::core::array& result, std::size_t size) override;

   private:
    MemoryPlan& plan_;
    const std::span<const std::uintptr_t> ids_;
  };

  // The block that an array lies in, or null.
  const mlx::core::array* block_of(const mlx::core::array& a) const;

  const std::vector<mlx::core::array>& blocks() const {
    return blocks_;
  }

 private:
  mlx::core::array take(std::size_t size);

  std::vector<mlx::core::array> blocks_;
};

// While it exists, each of `results` that has a place is given that, if it is large enough.
class SamePlaces : public ResultMemory {
 public:
  // Null for those that have none.
  using Places = std::vector<const mlx::core::array*>;

  SamePlaces(std::span<const mlx::core::array> results, const Places& places)
      : results_(results), places_(places) {}
  std::optional<mlx::core::array> take(const mlx::core::array& result, std::size_t size) override;

 private:
  const std::span<const mlx::core::array> results_;
  const Places& places_;
};

}  // namespace mlx_c::cpu
