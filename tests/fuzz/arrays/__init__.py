"""Random programs of operations on arrays, against NumPy in double precision."""

from __future__ import annotations

import mlx_core_py as mx


def arrays_of(seed: str) -> dict[str, mx.array]:
    """What the inputs of a seed's program are made of, for programs that are too long to print."""
    from .programs import draw_program
    from .values import to_mlx

    program = draw_program(seed)
    if program is None:
        raise ValueError(f"no program comes of the seed {seed!r}")
    return {value.name: to_mlx(value.base, value.dtype) for value in program.inputs}
