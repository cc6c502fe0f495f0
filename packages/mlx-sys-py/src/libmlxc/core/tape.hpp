// The nodes of a graph that a transformation goes through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <mlx/array.h>

namespace mlx_c {

// A set of arrays with a number for each: an open-addressing table. The arrays are known by the
// address of their node, which somebody else keeps.
class NumberedArrays {
 public:
  NumberedArrays() : entries_(64) {}

  // The number of an array, to be set if `is_new`.
  int& insert(const mlx::core::array& a, bool& is_new) {
    if (2 * count_ >= entries_.size()) {
      grow();
    }
    auto& entry = find(a.id());
    is_new = entry.id == 0;
    if (is_new) {
      entry.id = a.id();
      ++count_;
    }
    return entry.number;
  }

  // Of an array that is in the set.
  int& operator[](const mlx::core::array& a) {
    return find(a.id()).number;
  }

  // `missing` if the array is not in the set.
  int get(const mlx::core::array& a, int missing) {
    auto& entry = find(a.id());
    return entry.id == 0 ? missing : entry.number;
  }

 private:
  struct Entry {
    std::uintptr_t id = 0;  // no address
    int number = 0;
  };

  // The entry of an array, or the one where it goes.
  Entry& find(std::uintptr_t id) {
    const std::size_t mask = entries_.size() - 1;
    // Nodes lie 16 bytes apart at least; the product mixes the rest into its upper half.
    std::size_t place = (id * 0x9E3779B97F4A7C15u) >> 32 & mask;
    while (entries_[place].id != id && entries_[place].id != 0) {
      place = (place + 1) & mask;
    }
    return entries_[place];
  }

  void grow() {
    auto before = std::move(entries_);
    entries_ = std::vector<Entry>(4 * before.size());
    for (auto& entry : before) {
      if (entry.id != 0) {
        find(entry.id) = entry;
      }
    }
  }

  std::vector<Entry> entries_;  // a power of two of them
  std::size_t count_ = 0;
};

// The nodes between traced inputs and outputs, each after those that it depends on. The traced
// inputs and the results of nodes have slots, numbered from 0, for what a transformation makes of
// them; other arrays do not depend on the inputs and have none.
class Tape {
 public:
  static constexpr int no_slot = -1;

  struct Node {
    mlx::core::array array;
    int first_slot;   // of its results, which follow each other
    int first_input;  // where the slots of its inputs begin

    int result_count() const {
      return 1 + static_cast<int>(array.siblings().size());
    }
  };

  enum class Stop { never, at_stop_gradient };

  // `inputs` have the first slots, in their order; one that is there twice has the first of them.
  Tape(
      const std::vector<mlx::core::array>& inputs,
      const std::vector<mlx::core::array>& outputs,
      Stop stop);

  const std::vector<Node>& nodes() const {
    return nodes_;
  }
  int slot_count() const {
    return slot_count_;
  }
  // The slots of a node's inputs.
  const int* input_slots(const Node& node) const {
    return input_slots_.data() + node.first_input;
  }
  // The slot of one of the inputs or outputs.
  int slot(const mlx::core::array& a) {
    return slots_.get(a, no_slot);
  }

  // Ends the trace: evaluation may take the inputs from these nodes again.
  void release_tracers();

 private:
  void visit(const mlx::core::array& output, Stop stop);
  void add(const mlx::core::array& node, Stop stop);

  struct Visit {
    const mlx::core::array* node;
    std::size_t next;
  };

  NumberedArrays slots_;
  std::vector<Node> nodes_;
  std::vector<int> input_slots_;
  std::vector<Visit> path_;
  int slot_count_ = 0;
};

// Whether a primitive lets nothing through to gradients.
bool stops_gradient(const mlx::core::array& node);

}  // namespace mlx_c
