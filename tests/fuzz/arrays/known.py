"""Defects that are known and not mended. A run passes over them.

A row is the cause that failures are told under, and what is behind it. Whoever mends one removes
its row. What would hide other defects behind its cause is left out of the catalogue instead.
"""

KNOWN = {
    "ValueError: [reshape] Cannot reshape array of size # into shape (#).": (
        "vmap of vmap of a mean, compiled for all shapes: the number of elements is mapped wrongly"
    ),
    "OutOfRangeError: [expand_dims] Axis # is out of bounds for array with # dimensions.": (
        "the same"
    ),
    "ValueError: [addmm] inputs of the shapes (#), (#), (#) do not fit: the axes before": (
        "the derivative along tangents of matrices times one, compiled for all shapes"
    ),
    "ValueError: [scatter] Updates with shape (#) are too large for array with shape (#": (
        "gradients of diagonals of arrays that have no elements"
    ),
    "ValueError: [Primitive::output_shapes] Slice cannot infer output shapes.": (
        "vmap of a vector times matrices, compiled for all shapes"
    ),
}
