"""Defects that are known and not mended. A run counts them and goes on.

A row is the cause that failures are told under, and what is behind it. Whoever mends one removes
its row. What would hide other defects behind its cause is left out of the catalogue instead.
"""

KNOWN = {
    "IndexError: [moveaxis] Invalid axis # for array with # dimensions.": (
        "vmap of vmap of a mean, compiled for all shapes: the number of elements is mapped wrongly"
    ),
    "ValueError: [addmm] input c must broadcast to the output shape": (
        "vmap of addmm over its summand alone"
    ),
    "ValueError: updates is empty, but indices is not": "updates of rows that have no elements",
    "ValueError: [scatter] Updates with shape (#) are too large for array with shape (#": (
        "updates by a mask, and gradients of diagonals, of arrays that have no elements"
    ),
    "matmul of another shape": "vmap of a vector times matrices, compiled for all shapes",
    "ValueError: [broadcast_shapes] Shapes (#) and (#) cannot be broadcast.": (
        "the same, where the lengths differ"
    ),
    "ValueError: [argmax] Cannot argmax reduce zero size array.": (
        "derivatives along tangents of max and min of an array that has no elements"
    ),
    "take_along_axis derivative of another shape": (
        "vmap of the gradient of take_along_axis of an array that has no elements"
    ),
}
