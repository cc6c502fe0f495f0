// Some steps of a recording that is repeated with numbers that grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <mlx/array.h>
#include <mlx/primitives.h>

#include "core/growable.hpp"
#include "core/recording.hpp"
#include "cpu/graph/growing_graph.hpp"
#include "cpu/graph/repeated_graph.hpp"

namespace mlx_c {

// What differs from call to call, by how much from each to the next.
struct StepGrowth {
  struct Shape {
    int result;
    mlx::core::Shape rate;
  };
  struct Primitive {
    int step;
    Growable first;
    Numbers rate;
  };
  std::vector<Shape> shapes;
  std::vector<Primitive> primitives;
};

class StepPart : public cpu::GrowingGraph {
 public:
  // Of these steps, in order. Constants of the places `varying` are inputs.
  StepPart(
      const Recording& recording,
      int input_count,
      const std::vector<int>& steps,
      const std::unordered_set<int>& varying,
      const std::unordered_set<int>& used_elsewhere,
      const StepGrowth& growth);

  // Numbers in the recording: of what it reads, and of its results that are used elsewhere.
  const std::vector<int>& inputs() const {
    return inputs_;
  }
  const std::vector<int>& outputs() const {
    return outputs_;
  }

  // Of an output in a call.
  cpu::RepeatedGraph::Type type(std::size_t output, std::int64_t call) const;

  // Whether one of its steps can fail by what values are.
  bool can_fail() const;

  // The bytes of its constants.
  std::size_t constant_bytes() const;

  Nodes make(const std::vector<mlx::core::array>& inputs, std::int64_t call) override;
  mlx::core::Shape shape(int result, std::int64_t call) const override;
  bool has_growing_shape(int result) const override;
  std::shared_ptr<mlx::core::Primitive> primitive(int result, std::int64_t call) override;
  bool has_growing_primitive(int result) const override;

 private:
  // Primitives that are equal in each call are one.
  struct Growing {
    const StepGrowth::Primitive* growth;
    std::int64_t call;
    std::shared_ptr<mlx::core::Primitive> primitive;
  };

  int add(std::shared_ptr<mlx::core::Primitive> primitive, const StepGrowth::Primitive& growth);

  Recording recording_;
  std::vector<int> inputs_, outputs_;
  std::vector<mlx::core::Shape> shapes_;             // of results in the first call
  std::unordered_map<int, mlx::core::Shape> rates_;  // of those that grow
  std::vector<StepGrowth::Primitive> growth_;        // those of `growing_`
  std::vector<Growing> growing_;
  std::unordered_map<int, int> growing_of_step_, growing_of_result_;
};

}  // namespace mlx_c
