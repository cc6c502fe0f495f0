# a[index], with the meaning of NumPy's basic and advanced indexing.
#
# An index of ints, slices, `None` and `...` is one slice operation (`BasicIndex`). One with arrays
# is read into an `AdvancedIndex`, for reading and for writing: its ints and slices are a slice, its
# arrays of positions a gather or a scatter over the axes that they index. A mask is read by the
# positions of its true elements, which takes its values; it is written through without them.

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


cdef array expand_first(array a):
    """a[None]"""
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_expand_dims(&res, a._c, 0, s))
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


cdef array broadcast(array a, const vector[int]& dims):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_broadcast_to(&res, a._c, dims.data(), dims.size(), s))
    return array._take(res)


cdef array permute(array a, const vector[int]& order):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_transpose_axes(&res, a._c, order.data(), order.size(), s))
    return array._take(res)


cdef array flatten(array a, int first, int last):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    res.ctx = s.ctx = NULL
    check(c.mlx_flatten(&res, a._c, first, last, s))
    return array._take(res)


cdef int position(object index, int axis, Py_ssize_t size) except -1:
    """An int index of an axis, counted from the front."""
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(index, &overflow)
    if overflow or not -size <= number < size:
        raise OutOfRangeError(f"index {index} is out of bounds for axis {axis} with size {size}")
    return <int>(number + size if number < 0 else number)


cdef int read_slice(object item, int length, int* start, int* stop, int* step) except -1:
    """The bounds of a slice of an axis, as a slice operation takes them; how many it selects."""
    cdef Py_ssize_t first, last, by, selected
    PySlice_Unpack(item, &first, &last, &by)
    selected = PySlice_AdjustIndices(length, &first, &last, by)
    # Before the first element: -1 would mean the last one.
    if selected == 0:
        first, last, by = 0, 0, 1
    elif selected == 1:
        # MLX's arithmetic overflows with large steps.
        last, by = first + 1, 1
    start[0] = <int>first
    stop[0] = <int>last if last >= 0 else -length - 1
    step[0] = <int>max(-0x7FFFFFFF, min(0x7FFFFFFF, by))
    return <int>selected


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


cdef bint is_integer(c.mlx_dtype dtype):
    return c.MLX_UINT8 <= dtype <= c.MLX_INT64


cdef bint is_mask(object item):
    return isinstance(item, array) and c.mlx_array_dtype((<array>item)._c) == c.MLX_BOOL


cdef object as_item(object item):
    """An element of an index as an int, slice, None, Ellipsis or array."""
    cdef array res
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, array):
        res = <array>item
    elif isinstance(item, bool):
        res = from_scalar(item, c.MLX_BOOL)
    elif isinstance(item, int):
        return item
    elif isinstance(item, (list, tuple, range)):
        res = from_sequence(list(item), -1)
        if c.mlx_array_size(res._c) == 0:
            # Of no elements the type is not known: they are positions.
            res = cast(res, c.MLX_INT32)
    else:
        try:
            if getattr(item, "ndim", 0) == 0:
                return PyNumber_Index(item)
        except TypeError:
            pass
        try:
            res = to_array(item, "index")
        except TypeError:
            raise OutOfRangeError(
                "an index must consist of ints, slices, None, Ellipsis and arrays of ints or "
                f"booleans, not {type(item).__name__}"
            ) from None
    if not (is_integer(c.mlx_array_dtype(res._c)) or is_mask(res)):
        raise OutOfRangeError(f"an array index must hold ints or booleans, not {res.dtype.name}")
    return res


cdef bint is_basic(tuple index) noexcept:
    for item in index:
        if not (type(item) is slice or type(item) is int or item is Ellipsis or item is None):
            return False
    return True


cdef int check_counts(size_t ndim, size_t used, size_t ellipses) except -1:
    if ellipses > 1:
        raise OutOfRangeError("an index can have only one Ellipsis")
    if used > ndim:
        raise OutOfRangeError(
            f"too many indices: the array has {ndim} axes, but {used} are indexed"
        )
    return 0


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
    cdef int start, stop, step, length
    for item in index:
        ellipses += item is Ellipsis
        used += not (item is Ellipsis or item is None)
    check_counts(ndim, used, ellipses)
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
            length = read_slice(item, dims[axis], &start, &stop, &step)
            if step != 1 or length != dims[axis]:
                basic.sliced = True
                basic.s.start[axis] = start
                basic.s.stop[axis] = stop
                basic.s.step[axis] = step
            basic.selected[axis] = length
            basic.shape.push_back(length)
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


cdef class AdvancedIndex:
    """An index with arrays, taken apart. Axes are those of `source`."""

    cdef array source  # what is indexed, with an axis of length 1 for each boolean without axes
    cdef vector[int] added  # those axes
    cdef Slicing s  # of ints and slices; whole axes where arrays index
    cdef bint sliced
    cdef vector[int] selected  # how many of each axis the slice selects
    cdef list arrays  # of positions; or one mask, if `masked`
    cdef vector[int] axes  # the axis, or the first of the mask's axes, that each array indexes
    cdef bint masked
    cdef vector[int] ints  # axes of ints, which the result lacks
    cdef vector[int] kept  # axes of slices in the result; -1 is one that None adds
    cdef int place  # how many of those come before the axes of the arrays


cdef object advanced_index(array a, object index, bint positions):
    """The index of `a` as an AdvancedIndex; as a tuple for `read_basic` if it has no arrays.

    A mask is replaced by the positions of its elements if `positions` is true, or if there are
    other arrays.
    """
    cdef AdvancedIndex res = AdvancedIndex.__new__(AdvancedIndex)
    cdef tuple items = (
        tuple([as_item(i) for i in index]) if isinstance(index, tuple) else (as_item(index),)
    )
    cdef size_t ndim = c.mlx_array_ndim(a._c), used = 0, ellipses = 0, arrays = 0, dim = 0
    cdef const int* dims = c.mlx_array_shape(a._c)
    cdef int start, stop, step, axis, runs = 0
    cdef bint in_run = False
    for item in items:
        if item is Ellipsis:
            ellipses += 1
        elif isinstance(item, array):
            arrays += 1
            used += (<array>item).ndim if is_mask(item) else 1
        elif item is not None:
            used += 1
    if arrays == 0:
        return items
    check_counts(ndim, used, ellipses)
    if ellipses == 0:
        items += (Ellipsis,)
    res.arrays = []
    res.masked = False
    res.sliced = False
    for item in items:
        axis = <int>res.s.start.size()
        # NumPy's rule: adjacent arrays and ints are replaced in place, others move to the front.
        if isinstance(item, (array, int)):
            if not in_run:
                runs += 1
                res.place = <int>res.kept.size() if runs == 1 else 0
            in_run = True
        else:
            in_run = False
        if item is None:
            res.kept.push_back(-1)
        elif item is Ellipsis:
            for _ in range(<int>(ndim - used)):
                res.kept.push_back(<int>res.s.start.size())
                whole_axis(res, dims[dim])
                dim += 1
        elif isinstance(item, slice):
            res.kept.push_back(axis)
            whole_axis(res, dims[dim])
            res.selected[axis] = read_slice(item, dims[dim], &start, &stop, &step)
            if step != 1 or res.selected[axis] != dims[dim]:
                res.sliced = True
                res.s.start[axis], res.s.stop[axis], res.s.step[axis] = start, stop, step
            dim += 1
        elif is_mask(item):
            read_mask(res, item, dims, dim, not positions and arrays == 1)
            dim += (<array>item).ndim
        elif isinstance(item, array):
            res.axes.push_back(axis)
            res.arrays.append(item)
            whole_axis(res, dims[dim])
            dim += 1
        else:
            start = position(item, <int>dim, dims[dim])
            res.ints.push_back(axis)
            whole_axis(res, dims[dim])
            res.s.start[axis], res.s.stop[axis] = start, start + 1
            res.selected[axis] = 1
            res.sliced = True
            dim += 1
    res.source = a if res.added.empty() else expand(a, res.added)
    return res


cdef int whole_axis(AdvancedIndex res, int length) except -1:
    res.s.start.push_back(0)
    res.s.stop.push_back(length)
    res.s.step.push_back(1)
    res.selected.push_back(length)
    return 0


cdef int read_mask(
    AdvancedIndex res, array mask, const int* dims, size_t dim, bint lazily
) except -1:
    """Adds a mask to an index, as it is if `lazily`."""
    cdef size_t ndim = c.mlx_array_ndim(mask._c), i
    cdef const int* have = c.mlx_array_shape(mask._c)
    cdef int axis = <int>res.s.start.size()
    for i in range(ndim):
        if have[i] != dims[dim + i]:
            raise OutOfRangeError(
                f"a mask of shape {mask.shape} does not fit the axes of shape "
                f"{tuple([dims[dim + j] for j in range(ndim)])} that it indexes"
            )
    if lazily:
        res.masked = True
        res.arrays.append(mask)
        res.axes.push_back(axis)
    elif ndim == 0:
        # All of an axis of length 1, or nothing.
        res.arrays.append(zero_positions(scalar_item(mask_values(mask))))
        res.axes.push_back(axis)
        res.added.push_back(axis)
        whole_axis(res, 1)
    else:
        res.arrays.extend(mask_positions(mask))
        for i in range(ndim):
            res.axes.push_back(axis + <int>i)
    for i in range(ndim):
        whole_axis(res, have[i])
    return 0


cdef array zero_positions(int length):
    cdef int zero = 0
    return array._take(owned(c.mlx_array_new_data(&zero, &length, 1, c.MLX_INT32)))


cdef array mask_values(array mask):
    """A mask, evaluated and row-contiguous."""
    try:
        return host_values(mask)
    except ValueError as error:
        if not str(error).startswith("[eval]"):
            raise
        raise ValueError(
            "how many elements a mask selects is not known while compile or vmap traces it, so it "
            "cannot be read by: use mx.where(mask, a, other), or assign by the mask"
        ) from None


cdef bint is_available(array a):
    cdef c.c_bool res = False
    check(c._mlx_array_is_available(&res, a._c))
    return res


cdef size_t count_true(array values):
    """How many elements of an evaluated mask are true."""
    cdef const uint8_t* data = data_of(values)
    cdef size_t size = c.mlx_array_size(values._c), i, count = 0
    for i in range(size):
        count += data[i]
    return count


cdef array flat_positions(array mask):
    """The positions of a mask's true elements in its flattened axes."""
    cdef array values = mask_values(mask)
    cdef const uint8_t* data = data_of(values)
    cdef size_t size = c.mlx_array_size(values._c), i, found = 0
    cdef int length = <int>count_true(values)
    cdef vector[int32_t] res
    # One more: what is written behind the last is never read.
    res.resize(length + 1)
    for i in range(size):
        res[found] = <int32_t>i
        found += data[i]
    return array._take(owned(c.mlx_array_new_data(res.data(), &length, 1, c.MLX_INT32)))


cdef list mask_positions(array mask):
    """The coordinates of a mask's true elements: one array of positions per axis."""
    cdef array values = mask_values(mask)
    cdef const uint8_t* data = data_of(values)
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


cdef object get_item(array a, object index):
    cdef AdvancedIndex advanced
    cdef array mask
    if type(index) is int:
        return first_axis_item(a, index)
    if type(index) is tuple and is_basic(index):
        return basic_item(a, index)
    if index is None:
        return expand_first(a)
    if type(index) is slice or index is Ellipsis:
        return basic_item(a, (index,))
    if type(index) is array and is_integer(c.mlx_array_dtype((<array>index)._c)) and a.ndim > 0:
        return take_axis(a, index, 0)
    found = advanced_index(a, index, False)
    if isinstance(found, tuple):
        return basic_item(a, found)
    advanced = found
    if advanced.masked:
        mask = advanced.arrays[0]
        if mask.ndim == 0 or mask.size > 0x7FFFFFFF:
            advanced = advanced_index(a, index, True)
    return gathered(advanced)


cdef array nothing(array a, const vector[int]& shape):
    """No elements of `a`: MLX has no gradient of a gather from an empty array."""
    cdef c.mlx_array res
    res.ctx = NULL
    check(
        c.mlx_zeros(&res, shape.data(), shape.size(), c.mlx_array_dtype(a._c), default_stream)
    )
    return array._take(res)


cdef array take_axis(array a, array indices, int axis):
    cdef c.mlx_array res
    cdef c.mlx_stream s
    cdef vector[int] dims
    if c.mlx_array_size(indices._c) == 0 and c.mlx_array_size(a._c) == 0:
        dims = a.shape
        dims.erase(dims.begin() + axis)
        for i, length in enumerate(indices.shape):
            dims.insert(dims.begin() + axis + <int>i, <int>length)
        return nothing(a, dims)
    res.ctx = s.ctx = NULL
    check(c.mlx_take_axis(&res, a._c, indices._c, axis, s))
    return array._take(res)


cdef array gathered(AdvancedIndex index):
    """The elements that an index with arrays selects."""
    cdef array a = slice_array(index.source, index.s) if index.sliced else index.source
    cdef array positions
    cdef vector[int] without, order, new
    cdef size_t i
    # The axes of the arrays: where they are, where they belong, how many there are.
    cdef int place = 0, target = 0, count, first, merged = 0, ndim
    if len(index.arrays) == 1:
        positions = index.arrays[0]
        first = index.axes[0]
        if index.masked:
            merged = <int>positions.ndim - 1
            if merged > 0:
                a = flatten(a, first, first + merged)
            positions = flat_positions(positions)
        a = take_axis(a, positions, first)
        count = <int>positions.ndim
        place = first
        for axis in index.ints:
            without.push_back(axis if axis < first else axis - merged + count - 1)
            place -= axis < first
    else:
        ndim = <int>c.mlx_array_ndim(a._c)
        a = gather_axes(a, index)
        count = <int>c.mlx_array_ndim(a._c) - ndim
        for axis in index.axes:
            without.push_back(axis + count)
        for axis in index.ints:
            without.push_back(axis + count)
    if not without.empty():
        a = squeeze(a, without)
    for i in range(<size_t>index.place):
        target += index.kept[i] >= 0
    if place != target and count > 0:
        ndim = <int>c.mlx_array_ndim(a._c)
        for i in range(<size_t>ndim):
            if not place <= <int>i < place + count:
                order.push_back(<int>i)
        for i in range(<size_t>count):
            order.insert(order.begin() + target + i, place + <int>i)
        a = permute(a, order)
    for i in range(index.kept.size()):
        if index.kept[i] < 0:
            new.push_back(<int>i + (count if <int>i >= index.place else 0))
    return a if new.empty() else expand(a, new)


cdef array gather_axes(array a, AdvancedIndex index):
    """Select by several arrays: their broadcast axes, then all of `a` with 1 in place of theirs."""
    cdef VectorArray indices = to_arrays(like_integers(index.arrays), "index")
    cdef const int* dims = c.mlx_array_shape(a._c)
    cdef vector[int] lengths, before
    cdef c.mlx_array res
    cdef c.mlx_stream s
    lengths.assign(dims, dims + c.mlx_array_ndim(a._c))
    for axis in index.axes:
        lengths[axis] = 1
    if c.mlx_array_size(a._c) == 0:
        before = broadcast_shape(index.arrays)
        for length in before:
            if length == 0:
                lengths.insert(lengths.begin(), before.begin(), before.end())
                return nothing(a, lengths)
    res.ctx = s.ctx = NULL
    if c.mlx_gather(
        &res, a._c, indices._c, index.axes.data(), index.axes.size(), lengths.data(),
        lengths.size(), s,
    ):
        # Says it in other words.
        broadcast_shape(index.arrays)
        check(1)
    return array._take(res)


cdef list like_integers(list arrays):
    """Index arrays of one type, as MLX has none for int64 beside uint64."""
    cdef bint differ = False, wide = False
    cdef c.mlx_dtype first = c.mlx_array_dtype((<array>arrays[0])._c), dtype
    for item in arrays:
        dtype = c.mlx_array_dtype((<array>item)._c)
        differ |= dtype != first
        wide |= dtype == c.MLX_INT64 or dtype == c.MLX_UINT64 or dtype == c.MLX_UINT32
    if not differ:
        return arrays
    return [cast(item, c.MLX_INT64 if wide else c.MLX_INT32) for item in arrays]


cdef vector[int] broadcast_shape(list arrays) except *:
    """The shape that index arrays broadcast to."""
    cdef vector[int] res
    cdef const int* dims
    cdef size_t ndim = 0, n, i
    cdef int length
    for item in arrays:
        ndim = max(ndim, c.mlx_array_ndim((<array>item)._c))
    res.assign(ndim, 1)
    for item in arrays:
        n = c.mlx_array_ndim((<array>item)._c)
        dims = c.mlx_array_shape((<array>item)._c)
        for i in range(n):
            length = dims[i]
            if length == 1 or length == res[ndim - n + i]:
                continue
            if res[ndim - n + i] != 1:
                shapes = ", ".join([str(other.shape) for other in arrays])
                raise OutOfRangeError(f"index arrays of shapes {shapes} do not broadcast")
            res[ndim - n + i] = length
    return res
