"""What functions return that have several results: tuples with names, those of the array API."""

from typing import NamedTuple

from mlx_sys_py._array import array

__all__ = ["UniqueAllResult", "UniqueCountsResult", "UniqueInverseResult"]

class UniqueAllResult(NamedTuple):
    values: array
    indices: array
    inverse_indices: array
    counts: array

class UniqueCountsResult(NamedTuple):
    values: array
    counts: array

class UniqueInverseResult(NamedTuple):
    values: array
    inverse_indices: array
