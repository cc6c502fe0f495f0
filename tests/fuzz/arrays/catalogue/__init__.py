"""The operations, each with its exact result and the error that its result may have."""

from fuzz.arrays.calls import Operation

from . import (
    elementwise,
    indexing,
    matrices,
    networks,
    ordering,
    products,
    randoms,
    reductions,
    shapes,
    spectra,
)

MODULES = (
    elementwise,
    reductions,
    ordering,
    shapes,
    indexing,
    products,
    spectra,
    matrices,
    networks,
    randoms,
)
CATALOGUE: dict[str, Operation] = {
    name: operation for module in MODULES for name, operation in module.OPERATIONS.items()
}
