"""Write the codebooks of GGUF's IQ types as C++, from the data of the Python package gguf.

    python tools/block_grids.py > src/libmlxc/cpu/kernels/blocks/grid_indices.hpp

They are facts of the format, like the sizes of its blocks. An entry is eight numbers of two bits,
or four of three bits in four, the first in the lowest ones.
"""

import gguf.quants

TYPES = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S")
PER_LINE = 12


def entries(name: str) -> list[int]:
    """Read a codebook: one number of 16 bits for each entry."""
    kind = getattr(gguf.quants, name)
    data = bytes.fromhex(kind.grid_hex.decode())
    count = kind.grid_shape[0]
    if len(data) != 2 * count:
        raise ValueError(f"{name} has {len(data)} bytes for {count} entries")
    return [data[2 * i] | data[2 * i + 1] << 8 for i in range(count)]


def main() -> None:
    """Print the header."""
    print("// The codebooks of GGUF's IQ types, made by tools/block_grids.py.")
    print("#pragma once\n\n#include <cstdint>\n\nnamespace mlx_c::cpu::grids {\n")
    print("// clang-format off")
    for name in TYPES:
        numbers = entries(name)
        print(f"inline constexpr std::uint16_t {name.lower()}_indices[] = {{")
        for i in range(0, len(numbers), PER_LINE):
            print("    " + " ".join(f"{number:#06x}," for number in numbers[i : i + PER_LINE]))
        print("};")
    print("// clang-format on\n\n}  // namespace mlx_c::cpu::grids")


if __name__ == "__main__":
    main()
