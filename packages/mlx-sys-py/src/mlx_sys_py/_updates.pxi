# a[index] = value and a.at[index], with the meaning of a[index].

ctypedef int (*slice_updater)(
    c.mlx_array*, const c.mlx_array, const c.mlx_array, const int*, size_t, const int*, size_t,
    const int*, size_t, const c.mlx_stream,
) noexcept nogil
ctypedef int (*scatterer)(
    c.mlx_array*, const c.mlx_array, const c.mlx_array, const c.mlx_array, int, const c.mlx_stream
) noexcept nogil


cdef array updated(array a, object index, object value, slice_updater update, scatterer scatter):
    """`a` with the elements that `index` selects combined with `value`."""
    cdef array source = cast(to_operand(value, a, None, "value"), c.mlx_array_dtype(a._c))
    cdef array target
    if type(index) is int or type(index) is slice or index is None or index is Ellipsis:
        return basic_updated(a, (index,), source, update)
    if type(index) is tuple and is_basic(index):
        return basic_updated(a, index, source, update)
    target, items = expand_index(a, index)
    arrays = [axis for axis, item in enumerate(items) if isinstance(item, array)]
    if arrays:
        whole = sum([is_full(item) for item in items])
        if len(arrays) == 1 and whole + 1 == len(items) == a.ndim == target.ndim:
            return scattered_slices(a, items[arrays[0]], arrays[0], source, scatter)
        return scattered(a, index, source, scatter)
    target = basic_updated(target, tuple(items), source, update)
    return reshape(target, a.shape) if target.ndim != a.ndim else target


cdef array basic_updated(array a, tuple index, array source, slice_updater update):
    """The same for ints, slices, Ellipsis and None: an update of one slice."""
    cdef BasicIndex basic
    cdef c.mlx_array res
    read_basic(a, index, basic)
    # A scalar broadcasts to any shape.
    if c.mlx_array_ndim(source._c) > 0:
        source = fit(source, basic.shape)
        if basic.selected != basic.shape:
            source = reshape_to(source, basic.selected)
    res.ctx = NULL
    check(
        update(
            &res, a._c, source._c, basic.s.start.data(), basic.s.start.size(),
            basic.s.stop.data(), basic.s.stop.size(), basic.s.step.data(), basic.s.step.size(),
            default_stream,
        )
    )
    return array._take(res)


cdef array fit(array source, vector[int]& shape):
    """`source` broadcast to `shape`, after dropping leading axes of length 1."""
    cdef size_t ndim = c.mlx_array_ndim(source._c), extra = 0
    cdef const int* have = c.mlx_array_shape(source._c)
    cdef vector[int] dims
    while ndim - extra > shape.size() and have[extra] == 1:
        extra += 1
    dims.assign(have + extra, have + ndim)
    if extra > 0:
        source = reshape_to(source, dims)
    if dims == shape:
        return source
    try:
        return broadcast(source, shape)
    except ValueError:
        raise ValueError(
            f"a value of shape {tuple(dims)} does not broadcast to the indexed shape {tuple(shape)}"
        ) from None


cdef array scattered_slices(
    array a, array positions, int axis, array source, scatterer scatter
):
    """Scatter whole slices to positions along one axis."""
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    where, before, behind = positions.shape, a.shape[:axis], a.shape[axis + 1 :]
    cdef vector[int] indexed = before + where + behind
    source = fit(source, indexed)
    if axis > 0:
        order = list(range(len(indexed)))
        order[: axis + len(where)] = order[axis : axis + len(where)] + order[:axis]
        source = permute(source, order)
    source = reshape(source, where + before + (1,) + behind)
    check(scatter(&res, a._c, positions._c, source._c, axis, s))
    return array._take(res)


cdef array scattered(array a, object index, array source, scatterer scatter):
    """Scatter by the flat positions that the index selects."""
    cdef c.mlx_array res, numbers
    cdef c.mlx_stream s
    cdef int size = <int>c.mlx_array_size(a._c)
    res.ctx = numbers.ctx = s.ctx = NULL
    check(c.mlx_arange(&numbers, 0, size, 1, c.MLX_INT32, s))
    positions = get_item(reshape(array._take(numbers), a.shape), index)
    cdef vector[int] indexed = positions.shape
    source = fit(source, indexed)
    count = (<array>positions).size
    flat = reshape(a, [size])
    positions = reshape(positions, [count])
    # One update of one element per position.
    source = reshape(source, [count, 1])
    check(scatter(&res, (<array>flat)._c, (<array>positions)._c, source._c, 0, s))
    return reshape(array._take(res), a.shape)


cdef class ArrayAt:
    """``a.at[index]``: updates that add up where an index occurs more than once."""

    cdef array _array
    cdef object _index

    def __init__(self, *args, **kwargs):
        raise TypeError("ArrayAt has no constructor: use a.at[index]")

    @staticmethod
    cdef ArrayAt of(array a, object index):
        cdef ArrayAt at = ArrayAt.__new__(ArrayAt)
        at._array = a
        at._index = index
        return at

    def __getitem__(self, index):
        if self._index is not None:
            raise OutOfRangeError("a.at takes one index")
        return ArrayAt.of(self._array, (index,) if not isinstance(index, tuple) else index)

    cdef array _update(self, object value, slice_updater update, scatterer scatter):
        if self._index is None:
            raise OutOfRangeError("a.at needs an index: a.at[index].add(value)")
        return updated(self._array, self._index, value, update, scatter)

    def add(self, value):
        """A copy with ``value`` added to the selected elements."""
        return self._update(value, c.mlx_slice_update_add, c.mlx_scatter_add_single)

    def subtract(self, value):
        """A copy with ``value`` subtracted from the selected elements."""
        return self.add(-to_operand(value, self._array, None, "value"))

    def multiply(self, value):
        """A copy with the selected elements multiplied by ``value``."""
        return self._update(value, c.mlx_slice_update_prod, c.mlx_scatter_prod_single)

    def divide(self, value):
        """A copy with the selected elements divided by ``value``."""
        return self.multiply(1.0 / to_operand(value, self._array, None, "value"))

    def maximum(self, value):
        """A copy with the larger of the selected elements and ``value``."""
        return self._update(value, c.mlx_slice_update_max, c.mlx_scatter_max_single)

    def minimum(self, value):
        """A copy with the smaller of the selected elements and ``value``."""
        return self._update(value, c.mlx_slice_update_min, c.mlx_scatter_min_single)
