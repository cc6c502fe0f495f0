// The types of tensors that GGUF files may hold.
//
// As in ggml.h and the block structs of ggml-common.h, where the numbers that are missing here have
// been removed from the format. (The Python package gguf has 40 bytes for Q8_1, as ggml once had.)
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "mlx/c/gguf.h"

namespace mlx_c {

inline constexpr auto gguf_types = std::to_array<mlx_gguf_type>({
    // id, name, items of a block, its bytes, loadable, packed
    {0, "F32", 1, 4, true, false},         {1, "F16", 1, 2, true, false},
    {2, "Q4_0", 32, 18, true, true},       {3, "Q4_1", 32, 20, true, true},
    {6, "Q5_0", 32, 22, true, false},      {7, "Q5_1", 32, 24, true, false},
    {8, "Q8_0", 32, 34, true, true},       {9, "Q8_1", 32, 36, true, false},
    {10, "Q2_K", 256, 84, true, false},    {11, "Q3_K", 256, 110, true, false},
    {12, "Q4_K", 256, 144, true, false},   {13, "Q5_K", 256, 176, true, false},
    {14, "Q6_K", 256, 210, true, false},   {15, "Q8_K", 256, 292, true, false},
    {16, "IQ2_XXS", 256, 66, true, false}, {17, "IQ2_XS", 256, 74, true, false},
    {18, "IQ3_XXS", 256, 98, true, false}, {19, "IQ1_S", 256, 50, true, false},
    {20, "IQ4_NL", 32, 18, true, false},   {21, "IQ3_S", 256, 110, true, false},
    {22, "IQ2_S", 256, 82, true, false},   {23, "IQ4_XS", 256, 136, true, false},
    {24, "I8", 1, 1, true, false},         {25, "I16", 1, 2, true, false},
    {26, "I32", 1, 4, true, false},        {27, "I64", 1, 8, true, false},
    {28, "F64", 1, 8, true, false},        {29, "IQ1_M", 256, 56, true, false},
    {30, "BF16", 1, 2, true, false},       {34, "TQ1_0", 256, 54, true, false},
    {35, "TQ2_0", 256, 66, true, false},   {39, "MXFP4", 32, 17, true, false},
    {40, "NVFP4", 64, 36, true, false},    {41, "Q1_0", 128, 18, true, false},
    {42, "Q2_0", 64, 18, false, false},
});

// Null if there is no such type.
constexpr const mlx_gguf_type* find_gguf_type(uint32_t id) {
  auto found = std::ranges::find(gguf_types, id, &mlx_gguf_type::id);
  return found == gguf_types.end() ? nullptr : &*found;
}

}  // namespace mlx_c
