# a[index], with the meaning of NumPy's basic and advanced indexing.
#
# Every index becomes one item per axis: an int, a slice or an array of positions.  `None`
# adds an axis of length 1 first, so it is a full slice like any other.  Ints and slices are
# one slice operation; arrays are a gather over the flattened axes that they index.

cdef extern from "Python.h":
    int PySlice_Unpack(object, Py_ssize_t*, Py_ssize_t*, Py_ssize_t*) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t, Py_ssize_t*, Py_ssize_t*, Py_ssize_t) noexcept

cdef struct Slicing:
    vector[int] start
    vector[int] stop
    vector[int] step


cdef array slice_array(array a, const Slicing& s):
    cdef c.mlx_array res
    cdef c.mlx_stream stream
    res.ctx = stream.ctx = NULL
    check(
        c.mlx_slice(
            &res, a._c, s.start.data(), s.start.size(), s.stop.data(), s.stop.size(),
            s.step.data(), s.step.size(), stream,
        )
    )
    return array._take(res)


cdef array expand(array a, const vector[int]& axes):
    """`a` with axes of length 1 at these places of the result."""
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_expand_dims_axes(&res, a._c, axes.data(), axes.size(), s))
    return array._take(res)


cdef array squeeze(array a, const vector[int]& axes):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_squeeze_axes(&res, a._c, axes.data(), axes.size(), s))
    return array._take(res)


cdef array reshape_to(array a, const vector[int]& dims):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_reshape(&res, a._c, dims.data(), dims.size(), s))
    return array._take(res)


cdef array reshape(array a, object shape):
    cdef vector[int] dims = shape
    return reshape_to(a, dims)


cdef array broadcast(array a, const vector[int]& dims):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_broadcast_to(&res, a._c, dims.data(), dims.size(), s))
    return array._take(res)


cdef array permute(array a, object axes):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    cdef vector[int] order = axes
    res.ctx = s.ctx = NULL
    check(c.mlx_transpose_axes(&res, a._c, order.data(), order.size(), s))
    return array._take(res)


cdef int position(object index, int axis, Py_ssize_t size) except -1:
    """An int index of an axis, counted from the front."""
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(index, &overflow)
    if overflow or not -size <= number < size:
        raise OutOfRangeError(f"index {index} is out of bounds for axis {axis} with size {size}")
    return <int>(number + size if number < 0 else number)


cdef array first_axis_item(array a, object index):
    """a[index] for an int: the most frequent index."""
    cdef c.mlx_array res
    cdef c.mlx_stream stream
    cdef Slicing s
    cdef size_t ndim = c.mlx_array_ndim(a._c), i
    cdef const int* shape = c.mlx_array_shape(a._c)
    if ndim == 0:
        raise OutOfRangeError("a 0-dimensional array has no axis to index")
    cdef int first = position(index, 0, shape[0])
    s.start.assign(ndim, 0)
    s.step.assign(ndim, 1)
    s.stop.assign(shape, shape + ndim)
    s.start[0] = first
    s.stop[0] = first + 1
    row = slice_array(a, s)
    res.ctx = stream.ctx = NULL
    check(c.mlx_squeeze_axis(&res, row._c, 0, stream))
    return array._take(res)


cdef bint is_mask(object item):
    return isinstance(item, array) and c.mlx_array_dtype((<array>item)._c) == c.MLX_BOOL


cdef object as_item(object item):
    """An element of an index as an int, slice, None, Ellipsis or array."""
    if item is None or item is Ellipsis or isinstance(item, (slice, array)):
        return item
    if isinstance(item, bool):
        raise OutOfRangeError(
            "a bool is no index: use an array of booleans, or None to add an axis"
        )
    if isinstance(item, int):
        return item
    if isinstance(item, (list, tuple)):
        if not item:
            return cast(from_sequence(item, -1), c.MLX_INT32)
        return from_sequence(item, -1)
    if hasattr(item, "__index__") and getattr(item, "ndim", 0) == 0:
        return item.__index__()
    try:
        return to_array(item, "index")
    except TypeError:
        raise OutOfRangeError(
            "an index must consist of ints, slices, None, Ellipsis and arrays of ints or "
            f"booleans, not {type(item).__name__}"
        ) from None


cdef list mask_positions(array mask):
    """The coordinates of a mask's true elements: one array of positions per axis."""
    cdef array values = host_values(mask)
    cdef const uint8_t* data = <const uint8_t*>c.mlx_array_data_uint8(values._c)
    cdef size_t size = c.mlx_array_size(values._c), ndim = c.mlx_array_ndim(values._c), i
    cdef const int* shape = c.mlx_array_shape(values._c)
    cdef vector[vector[int32_t]] found
    cdef size_t rest
    cdef int axis, length
    found.resize(ndim)
    for i in range(size):
        if data[i]:
            rest = i
            for axis in range(<int>ndim - 1, -1, -1):
                found[axis].push_back(<int32_t>(rest % shape[axis]))
                rest //= shape[axis]
    res = []
    for axis in range(<int>ndim):
        length = <int>found[axis].size()
        res.append(
            array._take(owned(c.mlx_array_new_data(found[axis].data(), &length, 1, c.MLX_INT32)))
        )
    return res


cdef tuple expand_index(array a, object index):
    """`a` with the axes that None adds, and one item for each of its axes."""
    cdef list items = [as_item(i) for i in index] if isinstance(index, tuple) else [as_item(index)]
    cdef list res = []
    cdef vector[int] added
    cdef int ndim = <int>c.mlx_array_ndim(a._c)
    cdef int used = 0
    cdef int ellipses = 0
    for item in items:
        if item is Ellipsis:
            ellipses += 1
        elif is_mask(item):
            used += (<array>item).ndim
        elif item is not None:
            used += 1
    if ellipses > 1:
        raise OutOfRangeError("an index can have only one Ellipsis")
    if used > ndim:
        raise OutOfRangeError(
            f"too many indices: the array has {ndim} axes, but {used} are indexed"
        )
    if ellipses == 0:
        items.append(Ellipsis)
    old_shape = a.shape
    cdef int axis = 0
    for item in items:
        if item is Ellipsis:
            for _ in range(ndim - used):
                res.append(slice(None))
                axis += 1
        elif item is None:
            added.push_back(<int>len(res))
            res.append(slice(None))
        elif is_mask(item):
            mask_shape = (<array>item).shape
            if mask_shape != old_shape[axis:axis + len(mask_shape)]:
                raise OutOfRangeError(
                    f"a mask of shape {mask_shape} does not fit the axes of shape "
                    f"{old_shape[axis:axis + len(mask_shape)]} that it indexes"
                )
            if not mask_shape:
                raise OutOfRangeError("a mask must have at least one axis")
            res.extend(mask_positions(item))
            axis += len(mask_shape)
        else:
            if isinstance(item, array) and not is_integer(c.mlx_array_dtype((<array>item)._c)):
                raise OutOfRangeError(
                    f"an array index must hold ints or booleans, not {(<array>item).dtype.name}"
                )
            res.append(item)
            axis += 1
    return (a if added.empty() else expand(a, added)), res


cdef bint is_integer(c.mlx_dtype dtype):
    return c.MLX_UINT8 <= dtype <= c.MLX_INT64


cdef Slicing basic_slicing(object shape, list items, list kept) except *:
    """The slice operation of ints and slices; `kept` gets the axes that remain."""
    cdef Slicing s
    cdef Py_ssize_t start, stop, step
    for axis, item in enumerate(items):
        size = shape[axis]
        if isinstance(item, slice):
            start, stop, step = item.indices(size)
            # Before the first element: -1 would mean the last one.
            if start < 0:
                start, stop, step = 0, 0, 1
            s.start.push_back(<int>start)
            s.stop.push_back(<int>(stop if stop >= 0 else -size - 1))
            s.step.push_back(<int>max(-0x7FFFFFFF, min(0x7FFFFFFF, step)))
            kept.append(axis)
        elif isinstance(item, array):
            s.start.push_back(0)
            s.stop.push_back(<int>size)
            s.step.push_back(1)
            kept.append(axis)
        else:
            first = position(item, axis, size)
            s.start.push_back(first)
            s.stop.push_back(first + 1)
            s.step.push_back(1)
    return s


cdef bint is_full(object item):
    return isinstance(item, slice) and item == slice(None)


cdef bint is_basic(tuple index) noexcept:
    for item in index:
        if not (type(item) is slice or type(item) is int or item is Ellipsis or item is None):
            return False
    return True


cdef struct BasicIndex:
    Slicing s
    vector[int] selected  # how many of each axis
    vector[int] shape  # of the result: without the axes of ints, with those of None
    vector[int] squeezed  # axes of ints
    vector[int] added  # axes of None, in the result
    bint sliced


cdef int read_basic(array a, tuple index, BasicIndex& basic) except -1:
    """Reads an index of ints, slices, Ellipsis and None."""
    cdef size_t ndim = c.mlx_array_ndim(a._c), used = 0, ellipses = 0, axis = 0, i
    cdef const int* dims = c.mlx_array_shape(a._c)
    cdef Py_ssize_t start, stop, step, length
    for item in index:
        ellipses += item is Ellipsis
        used += not (item is Ellipsis or item is None)
    if ellipses > 1:
        raise OutOfRangeError("an index can have only one Ellipsis")
    if used > ndim:
        raise OutOfRangeError(
            f"too many indices: the array has {ndim} axes, but {used} are indexed"
        )
    basic.s.start.assign(ndim, 0)
    basic.s.step.assign(ndim, 1)
    basic.s.stop.assign(dims, dims + ndim)
    basic.selected.assign(dims, dims + ndim)
    basic.shape.reserve(ndim + 1)
    basic.sliced = False
    for item in index:
        if item is None:
            basic.added.push_back(<int>basic.shape.size())
            basic.shape.push_back(1)
        elif item is Ellipsis:
            for i in range(ndim - used):
                basic.shape.push_back(dims[axis])
                axis += 1
        elif isinstance(item, slice):
            PySlice_Unpack(item, &start, &stop, &step)
            length = PySlice_AdjustIndices(dims[axis], &start, &stop, step)
            if step != 1 or length != dims[axis]:
                basic.sliced = True
                # Before the first element: -1 would mean the last one.
                if length == 0:
                    start, stop, step = 0, 0, 1
                basic.s.start[axis] = <int>start
                basic.s.stop[axis] = <int>stop if stop >= 0 else -dims[axis] - 1
                basic.s.step[axis] = <int>max(-0x7FFFFFFF, min(0x7FFFFFFF, step))
            basic.selected[axis] = <int>length
            basic.shape.push_back(<int>length)
            axis += 1
        else:
            basic.s.start[axis] = position(item, <int>axis, dims[axis])
            basic.s.stop[axis] = basic.s.start[axis] + 1
            basic.selected[axis] = 1
            basic.squeezed.push_back(<int>axis)
            axis += 1
            basic.sliced = True
    while axis < ndim:
        basic.shape.push_back(dims[axis])
        axis += 1
    return 0


cdef array basic_item(array a, tuple index):
    """a[index] for ints, slices, Ellipsis and None: a slice, without the axes of ints."""
    cdef BasicIndex basic
    read_basic(a, index, basic)
    res = slice_array(a, basic.s) if basic.sliced else a
    if not basic.squeezed.empty():
        res = squeeze(res, basic.squeezed)
    if not basic.added.empty():
        res = expand(res, basic.added)
    # A new object even for all of `a`: assigning to one must not change the other.
    return res if res is not a else array._take(share(a._c))


cdef object get_item(array a, object index):
    cdef list kept = []
    cdef Slicing s
    if type(index) is int:
        return first_axis_item(a, index)
    if type(index) is tuple and is_basic(index):
        return basic_item(a, index)
    if type(index) is slice or index is None or index is Ellipsis:
        return basic_item(a, (index,))
    if type(index) is array and is_integer(c.mlx_array_dtype((<array>index)._c)) and a.ndim > 0:
        return take_axis(a, index, 0)
    a, items = expand_index(a, index)
    # Beside an array, an int is a 0-dimensional array of positions.
    shape = a.shape
    has_arrays = any([isinstance(item, array) for item in items])
    if has_arrays:
        items = [
            from_int(position(item, axis, shape[axis]), c.MLX_INT32)
            if isinstance(item, int)
            else item
            for axis, item in enumerate(items)
        ]
    if not all([is_full(item) or isinstance(item, array) for item in items]):
        s = basic_slicing(shape, items, kept)
        a = slice_array(a, s)
        if len(kept) < len(items):
            a = reshape(a, [a.shape[axis] for axis in kept])
    return gather(a, items) if has_arrays else array._take(share(a._c))


cdef array take_axis(array a, array indices, int axis):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_take_axis(&res, a._c, indices._c, axis, s))
    return array._take(res)


cdef array gather(array a, list items):
    """Select by arrays; the other axes of `a` are kept whole."""
    axes = [axis for axis, item in enumerate(items) if isinstance(item, array)]
    if len(axes) == 1:
        return take_axis(a, items[axes[0]], axes[0])
    cdef VectorArray indices = to_arrays([items[axis] for axis in axes], "index")
    cdef vector[int] indexed = axes
    cdef vector[int] lengths = [
        1 if axis in axes else length for axis, length in enumerate(a.shape)
    ]
    cdef c.mlx_array gathered
    cdef c.mlx_stream s
    gathered.ctx = s.ctx = NULL
    check(
        c.mlx_gather(
            &gathered, a._c, indices._c, indexed.data(), indexed.size(),
            lengths.data(), lengths.size(), s,
        )
    )
    # The axes of the indices, then those of a slice, of which the indexed ones have length 1.
    res = array._take(gathered)
    ndim = res.ndim - a.ndim
    rest = [length for axis, length in enumerate(a.shape) if axis not in axes]
    res = reshape(res, list(res.shape[:ndim]) + rest)
    # NumPy's rule: adjacent indices are replaced in place, others move to the front.
    if axes[-1] - axes[0] + 1 == len(axes) and axes[0] > 0:
        before = axes[0]
        order = list(range(ndim, ndim + before)) + list(range(ndim))
        res = permute(res, order + list(range(ndim + before, res.ndim)))
    return res
