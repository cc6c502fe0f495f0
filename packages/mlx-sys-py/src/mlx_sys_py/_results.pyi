"""What functions return that have several results: tuples with names, those of the array API."""

from typing import NamedTuple

from mlx_sys_py._array import array

__all__ = [
    "EigResult",
    "EighResult",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "UniqueAllResult",
    "UniqueCountsResult",
    "UniqueInverseResult",
]

class EigResult(NamedTuple):
    eigenvalues: array
    eigenvectors: array

class EighResult(NamedTuple):
    eigenvalues: array
    eigenvectors: array

class LstsqResult(NamedTuple):
    x: array
    residuals: array
    rank: array
    singular_values: array

class QRResult(NamedTuple):
    Q: array
    R: array

class SVDResult(NamedTuple):
    U: array
    S: array
    Vh: array

class SlogdetResult(NamedTuple):
    sign: array
    logabsdet: array

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
