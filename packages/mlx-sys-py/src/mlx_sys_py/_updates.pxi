# a[index] = value and a.at[index], with the meaning of a[index].

ctypedef int (*slice_updater)(
    c.mlx_array*, const c.mlx_array, const c.mlx_array, const int*, size_t, const int*, size_t,
    const int*, size_t, const c.mlx_stream,
) noexcept nogil
ctypedef int (*scatterer)(
    c.mlx_array*, const c.mlx_array, const c.mlx_vector_array, const c.mlx_array, const int*,
    size_t, const c.mlx_stream,
) noexcept nogil


cdef struct Update:
    # How values are combined with elements: of a slice, at positions, one by one.
    slice_updater slice
    scatterer scatter
    binary_op combine  # NULL where values replace the elements


cdef Update assignment = Update(c.mlx_slice_update, c.mlx_scatter, NULL)
cdef Update addition = Update(c.mlx_slice_update_add, c.mlx_scatter_add, c.mlx_add)
cdef Update product = Update(c.mlx_slice_update_prod, c.mlx_scatter_prod, c.mlx_multiply)
cdef Update larger = Update(c.mlx_slice_update_max, c.mlx_scatter_max, c.mlx_maximum)
cdef Update smaller = Update(c.mlx_slice_update_min, c.mlx_scatter_min, c.mlx_minimum)


cdef array updated(array a, object index, object value, const Update& how):
    """`a` with the elements that `index` selects combined with `value`."""
    cdef array source = cast(to_operand(value, a, None, "value"), c.mlx_array_dtype(a._c))
    cdef AdvancedIndex advanced
    cdef array res
    if type(index) is int or type(index) is slice or index is None or index is Ellipsis:
        return basic_updated(a, (index,), source, how.slice)
    if type(index) is tuple and is_basic(index):
        return basic_updated(a, index, source, how.slice)
    found = advanced_index(a, index, False)
    if isinstance(found, tuple):
        return basic_updated(a, found, source, how.slice)
    advanced = found
    if advanced.masked:
        return masked(advanced, source, how)
    res = scattered(advanced, source, how.scatter)
    return res if advanced.added.empty() else squeeze(res, advanced.added)


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


cdef vector[int] selected_shape(AdvancedIndex index, const vector[int]& positions):
    """The shape of what an index with arrays selects, whose own axes have this shape."""
    cdef vector[int] res
    # No conditional expression: Cython would take the address of its constant.
    for axis in index.kept:
        if axis < 0:
            res.push_back(1)
        else:
            res.push_back(index.selected[axis])
    res.insert(res.begin() + index.place, positions.begin(), positions.end())
    return res


cdef array arrays_first(AdvancedIndex index, array source, size_t count):
    """Values with the `count` axes of the arrays first, without the axes that None adds."""
    cdef vector[int] added, order
    cdef size_t i, axis = 0
    cdef size_t place = <size_t>index.place
    for i in range(count):
        order.push_back(<int>i)
    for i in range(index.kept.size()):
        if index.kept[i] < 0:
            added.push_back(<int>(i if i < place else i + count))
        else:
            order.push_back(<int>(axis if i < place else axis + count))
            axis += 1
    if not added.empty():
        source = squeeze(source, added)
    axis = 0
    for i in range(place):
        axis += index.kept[i] >= 0
    if axis > 0 and count > 0:
        for i in range(count):
            order[i] = <int>(axis + i)
        source = permute(source, order)
    return source


cdef array scattered(AdvancedIndex index, array source, scatterer scatter):
    """Scatter values to the positions along the axes that arrays, ints and parts of axes index."""
    cdef c.mlx_array res
    cdef c.mlx_stream s
    cdef VectorArray indices
    cdef list arrays = index.arrays
    cdef vector[int] axes = index.axes, dims = broadcast_shape(arrays), order, whole, slice_dims
    cdef size_t count = dims.size(), partial = 0, i, ndim = c.mlx_array_ndim(index.source._c)
    cdef const int* lengths = c.mlx_array_shape(index.source._c)
    source = fit(source, selected_shape(index, dims))
    if c.mlx_array_size(source._c) == 0:
        return array._take(share(index.source._c))
    source = arrays_first(index, source, count)
    slice_dims.assign(lengths, lengths + ndim)
    for axis in axes:
        slice_dims[axis] = 1
    for axis in index.ints:
        slice_dims[axis] = 1
    if index.sliced:
        # A part of an axis is indexed by its positions, which have an axis of their own behind
        # those of the arrays.
        for axis in index.kept:
            partial += axis >= 0 and is_partial(index, axis, lengths[axis])
        if partial > 0:
            arrays = [with_axes_behind(item, partial) for item in arrays]
            for i in range(count):
                order.push_back(<int>i)
            i = count
            for axis in index.kept:
                if axis < 0:
                    continue
                if is_partial(index, axis, lengths[axis]):
                    partial -= 1
                    arrays.append(with_axes_behind(slice_positions(index, axis), partial))
                    axes.push_back(axis)
                    dims.push_back(index.selected[axis])
                    slice_dims[axis] = 1
                    order.push_back(<int>i)
                else:
                    whole.push_back(<int>i)
                i += 1
            order.insert(order.end(), whole.begin(), whole.end())
            source = permute(source, order)
        elif index.arrays is arrays:
            arrays = list(arrays)
        for axis in index.ints:
            arrays.append(from_int(index.s.start[axis], c.MLX_INT32))
            axes.push_back(axis)
    dims.insert(dims.end(), slice_dims.begin(), slice_dims.end())
    source = reshape_to(source, dims)
    indices = to_arrays(like_integers(arrays), "index")
    res.ctx = s.ctx = NULL
    check(
        scatter(
            &res, index.source._c, indices._c, source._c, axes.data(), axes.size(), s,
        )
    )
    return array._take(res)


cdef bint is_partial(AdvancedIndex index, int axis, int length) noexcept:
    return index.selected[axis] != length or index.s.step[axis] != 1


cdef array slice_positions(AdvancedIndex index, int axis):
    """The positions that a slice selects along an axis."""
    cdef vector[int] values
    cdef int i, length = index.selected[axis]
    # One more, as a vector of none has no data.
    values.resize(length + 1)
    for i in range(length):
        values[i] = index.s.start[axis] + i * index.s.step[axis]
    return array._take(owned(c.mlx_array_new_data(values.data(), &length, 1, c.MLX_INT32)))


cdef array with_axes_behind(array a, size_t count):
    """`a` with this many more axes of length 1."""
    cdef vector[int] dims
    cdef const int* have = c.mlx_array_shape(a._c)
    if count == 0:
        return a
    dims.assign(have, have + c.mlx_array_ndim(a._c))
    dims.resize(dims.size() + count, 1)
    return reshape_to(a, dims)


cdef array masked(AdvancedIndex index, array source, const Update& how):
    """The same for a mask, whose values are not needed."""
    cdef array a = index.source, mask = index.arrays[0], values, chosen
    cdef array part = slice_array(a, index.s) if index.sliced else a
    cdef size_t masked_axes = mask.ndim, ndim = source.ndim
    cdef size_t behind = index.kept.size() - index.place
    cdef int axis = index.axes[0], count = 1
    cdef c.mlx_array res
    # The axis of values for the elements under the mask, in order; of length 1 for all the same.
    if ndim > behind:
        count = c.mlx_array_shape(source._c)[ndim - 1 - behind]
    if count != 1:
        check_values(mask, count)
        if how.combine == NULL:
            part = put_in_order(index, part, source, count)
        else:
            # Where the mask is false the values are ones, so that no infinity gets into a gradient.
            res.ctx = NULL
            check(c.mlx_ones_like(&res, part._c, default_stream))
            values = put_in_order(index, array._take(res), source, count)
    else:
        values = values_for_all(index, source, masked_axes)
    if count == 1 or how.combine != NULL:
        chosen = with_axes_behind(mask, part.ndim - axis - masked_axes)
        if how.combine != NULL:
            if count == 1:
                values = select(chosen, values, from_int(1, c.mlx_array_dtype(a._c)))
            values = cast(binary(how.combine, part, values), c.mlx_array_dtype(a._c))
        part = select(chosen, values, part)
    if not index.sliced:
        return part
    res.ctx = NULL
    check(
        c.mlx_slice_update(
            &res, a._c, part._c, index.s.start.data(), index.s.start.size(), index.s.stop.data(),
            index.s.stop.size(), index.s.step.data(), index.s.step.size(), default_stream,
        )
    )
    return array._take(res)


cdef array select(array condition, array x, array y):
    cdef c.mlx_array res
    res.ctx = NULL
    check(c.mlx_where(&res, condition._c, x._c, y._c, default_stream))
    return array._take(res)


cdef int check_values(array mask, int count) except -1:
    """Compare the number of values with what a mask selects, if that is known."""
    cdef size_t selected
    if not is_available(mask):
        if mask.ndim > 0 or count == 0:
            return 0
        selected = 1
    else:
        selected = count_true(host_values(mask))
    if selected != <size_t>count:
        raise ValueError(f"value has {count} elements for the {selected} that the mask selects")
    return 0


cdef array values_for_all(AdvancedIndex index, array source, size_t masked_axes):
    """Values that are the same for all elements under a mask, as they broadcast with `source`."""
    cdef vector[int] one, dims
    if c.mlx_array_ndim(source._c) == 0:
        return source
    one.push_back(1)
    source = fit(source, selected_shape(index, one))
    dims = index.selected
    for i in range(masked_axes):
        dims[index.axes[0] + i] = 1
    return reshape_to(source, dims)


cdef array put_in_order(AdvancedIndex index, array part, array source, int count):
    """`part` with the next of the values, `count` in all, for each element under a mask."""
    cdef array mask = index.arrays[0]
    cdef vector[int] dims, order, back
    cdef size_t masked_axes = mask.ndim, i, ndim
    cdef size_t first = index.axes[0]
    cdef c.mlx_array res
    dims.push_back(count)
    source = arrays_first(index, fit(source, selected_shape(index, dims)), 1)
    if count == 0 or masked_axes == 0:
        return part
    if not index.ints.empty():
        part = squeeze(part, index.ints)
        for axis in index.ints:
            first -= axis < index.axes[0]
    ndim = part.ndim
    if first > 0:
        # The mask's axes first.
        back.resize(ndim)
        for i in range(masked_axes):
            order.push_back(<int>(first + i))
        for i in range(ndim):
            if not first <= i < first + masked_axes:
                order.push_back(<int>i)
        for i in range(ndim):
            back[order[i]] = <int>i
        part = permute(part, order)
    res.ctx = NULL
    check(c.mlx_masked_scatter(&res, part._c, mask._c, source._c, default_stream))
    part = array._take(res)
    if first > 0:
        part = permute(part, back)
    return part if index.ints.empty() else expand(part, index.ints)


cdef class ArrayAt:
    """ArrayAt()\n--\n
    ``a.at[index]``: updates that add up where an index occurs more than once.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.zeros(3).at[mx.array([0, 0, 2])].add(1)
        array([2, 0, 1], dtype=float32)

    See: MLX ``mlx.core.array.at``.
    """

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

    cdef array _update(self, object value, const Update& how):
        if self._index is None:
            raise OutOfRangeError("a.at needs an index: a.at[index].add(value)")
        return updated(self._array, self._index, value, how)

    def add(self, value):
        """A copy with ``value`` added to the selected elements.

        Args:
            value: an array or number that broadcasts to the shape of the selection.

        Returns:
            array: the copy; where an index occurs more than once, all its values count.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([1, 2, 3]).at[0].add(2)
            array([3, 2, 3], dtype=int32)
        """
        return self._update(value, addition)

    def subtract(self, value):
        """A copy with ``value`` subtracted from the selected elements.

        Args:
            value: an array or number that broadcasts to the shape of the selection.

        Returns:
            array: the copy; where an index occurs more than once, all its values count.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([1, 2, 3]).at[0].subtract(2)
            array([-1, 2, 3], dtype=int32)
        """
        return self.add(-to_operand(value, self._array, None, "value"))

    def multiply(self, value):
        """A copy with the selected elements multiplied by ``value``.

        Args:
            value: an array or number that broadcasts to the shape of the selection.

        Returns:
            array: the copy; where an index occurs more than once, all its values count.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([1, 2, 3]).at[0].multiply(2)
            array([2, 2, 3], dtype=int32)
        """
        return self._update(value, product)

    def divide(self, value):
        """A copy with the selected elements divided by ``value``.

        Args:
            value: an array or number that broadcasts to the shape of the selection.

        Returns:
            array: the copy; where an index occurs more than once, all its values count.

        Raises:
            ValueError: if the array holds integers.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([1.0, 2.0, 3.0]).at[0].divide(2)
            array([0.5, 2, 3], dtype=float32)
        """
        cdef c.mlx_array ones
        if is_integer(c.mlx_array_dtype(self._array._c)):
            raise ValueError(
                "an array of ints cannot be divided in place: the result has fractions"
            )
        ones.ctx = NULL
        check(c.mlx_ones_like(&ones, self._array._c, default_stream))
        divisors = ArrayAt.of(array._take(ones), self._index)
        return binary(c.mlx_divide, self._array, divisors._update(value, product))

    def maximum(self, value):
        """A copy with the larger of the selected elements and ``value``.

        Args:
            value: an array or number that broadcasts to the shape of the selection.

        Returns:
            array: the copy; where an index occurs more than once, all its values count.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([1, 2, 3]).at[0].maximum(2)
            array([2, 2, 3], dtype=int32)
        """
        return self._update(value, larger)

    def minimum(self, value):
        """A copy with the smaller of the selected elements and ``value``.

        Args:
            value: an array or number that broadcasts to the shape of the selection.

        Returns:
            array: the copy; where an index occurs more than once, all its values count.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([1, 2, 3]).at[0].minimum(2)
            array([1, 2, 3], dtype=int32)
        """
        return self._update(value, smaller)
