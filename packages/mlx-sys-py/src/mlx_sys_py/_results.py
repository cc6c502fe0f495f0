"""What functions return that have several results: tuples with names, those of the array API."""

from collections import namedtuple

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

EigResult = namedtuple("EigResult", ("eigenvalues", "eigenvectors"))
EighResult = namedtuple("EighResult", ("eigenvalues", "eigenvectors"))
LstsqResult = namedtuple("LstsqResult", ("x", "residuals", "rank", "singular_values"))
QRResult = namedtuple("QRResult", ("Q", "R"))
SVDResult = namedtuple("SVDResult", ("U", "S", "Vh"))
SlogdetResult = namedtuple("SlogdetResult", ("sign", "logabsdet"))
UniqueAllResult = namedtuple("UniqueAllResult", ("values", "indices", "inverse_indices", "counts"))
UniqueCountsResult = namedtuple("UniqueCountsResult", ("values", "counts"))
UniqueInverseResult = namedtuple("UniqueInverseResult", ("values", "inverse_indices"))
