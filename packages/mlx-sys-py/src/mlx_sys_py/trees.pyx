"""Arrays in trees, which are nested lists, tuples and dictionaries: taken out and put in.

The transforms walk through their arguments and results at every call, which in Python takes longer
than what they do to a small function.
"""

from cpython.dict cimport PyDict_Check, PyDict_Next
from cpython.list cimport PyList_Check
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check

from mlx_sys_py._array cimport array

__all__ = ["Loan", "arrays_of", "only_arrays_of", "with_arrays", "without_arrays"]


def __dir__():
    return __all__


# Stands for an array in the tree that without_arrays returns.
cdef object HOLE = object()


cdef inline bint is_container(object tree) noexcept:
    return PyList_Check(tree) or PyTuple_Check(tree) or PyDict_Check(tree)


cdef inline object children_of(object container):
    return container.values() if PyDict_Check(container) else container


cdef inline object entries_of(object container):
    return container.items() if PyDict_Check(container) else enumerate(container)


cdef object like(object tree, list children):
    """A list or tuple of the class of `tree`."""
    cdef object kind = type(tree)
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    # A named tuple takes its entries one by one.
    return getattr(kind, "_make", kind)(children)


cdef list arrays_in(object tree):
    cdef list found = []
    if isinstance(tree, array):
        found.append(tree)
    elif is_container(tree):
        collect(tree, found, None)
    return found


cdef list only_arrays_in(object tree, str where):
    cdef list found = []
    if isinstance(tree, array):
        found.append(tree)
    elif is_container(tree):
        collect(tree, found, where)
    else:
        refuse(tree, where)
    return found


cdef int refuse(object leaf, str where) except -1:
    raise ValueError(f"{where} must hold arrays only, but it holds a {type(leaf).__name__}")


cdef int collect(object container, list found, str where) except -1:
    """Append the arrays of a container; if `where` is given, there must be nothing else."""
    enter_recursion(" while looking for arrays")
    try:
        for child in children_of(container):
            if isinstance(child, array):
                found.append(child)
            elif is_container(child):
                collect(child, found, where)
            elif where is not None:
                refuse(child, where)
    finally:
        Py_LeaveRecursiveCall()
    return 0


cdef object emptied(object tree):
    if isinstance(tree, array):
        return HOLE
    if not is_container(tree):
        return tree
    enter_recursion(" while taking out arrays")
    try:
        if PyDict_Check(tree):
            return {key: emptied(child) for key, child in tree.items()}
        return like(tree, [emptied(child) for child in tree])
    finally:
        Py_LeaveRecursiveCall()


cdef object filled(object tree, object arrays, bint constants):
    if tree is HOLE or isinstance(tree, array):
        return next(arrays)
    if not is_container(tree):
        return tree if constants else None
    enter_recursion(" while putting in arrays")
    try:
        if PyDict_Check(tree):
            return {key: filled(child, arrays, constants) for key, child in tree.items()}
        return like(tree, [filled(child, arrays, constants) for child in tree])
    finally:
        Py_LeaveRecursiveCall()


def arrays_of(tree):
    """Return the arrays of a tree, in order, passing over everything else."""
    return arrays_in(tree)


def only_arrays_of(tree, str where):
    """Return the arrays of a tree that must hold nothing but arrays.

    Raises:
        ValueError: If a leaf is not an array; the message names ``where``.
    """
    return only_arrays_in(tree, where)


def without_arrays(tree):
    """Return the structure and the constants of a tree, to be filled by :func:`with_arrays`."""
    return emptied(tree)


def with_arrays(tree, arrays, bint constants=True):
    """Return the tree with its arrays replaced by the next ones of the iterator ``arrays``.

    Everything else that is not a container becomes ``None`` unless ``constants``.
    """
    return filled(tree, arrays, constants)


cdef class Loan:
    """Trees with other arrays in place of theirs, lent to a function.

    The function may change the lists and dictionaries, and whoever lent them sees it: lists and
    dictionaries are lent as copies, as other threads may read them meanwhile, and those of
    subclasses, such as modules, are lent themselves, as a copy would be another object.

    Args:
        trees: A container of the trees.
        arrays: What takes the place of the arrays, one after the other.
    """

    def __init__(self, trees, arrays):
        self.arrays = arrays
        # Pairs of what is there and what was lent in its place: the latter of lists and
        # dictionaries, and of these and arrays.
        self.containers = []
        self.originals = []
        # What each of the former held when it was lent.
        self.entries = []
        self.trees = self.lend(trees)

    cdef object lend(self, object tree):
        cdef object lent
        if isinstance(tree, array):
            lent = next(self.arrays)
            self.originals.append((tree, lent))
            return lent
        if not is_container(tree):
            return tree
        enter_recursion(" while lending a tree")
        try:
            if PyTuple_Check(tree):
                return like(tree, [self.lend(child) for child in tree])
            if type(tree) is list:
                entries = [self.lend(child) for child in <list>tree]
                lent = entries.copy()
                self.originals.append((tree, lent))
            elif type(tree) is dict:
                lent = (<dict>tree).copy()
                self.originals.append((tree, lent))
                entries = []
                for key, child in (<dict>tree).items():
                    entry = self.lend(child)
                    entries.append(entry)
                    (<dict>lent)[key] = entry
            else:
                lent = tree
                self.originals.append((tree, lent))
                entries = []
                for key, child in [*entries_of(tree)]:
                    entries.append(self.lend(child))
                    lent[key] = entries[-1]
            self.containers.append((tree, lent))
            self.entries.append(entries)
            return lent
        finally:
            Py_LeaveRecursiveCall()

    def give_back(self):
        """Put the arrays back, and into copied containers what has been changed in the copy."""
        self.put_back()

    cdef int put_back(self) except -1:
        cdef dict originals
        cdef list entries
        if self.is_unchanged():
            return 0
        # By the identity of what was lent, which the list of pairs keeps alive.
        originals = {<size_t><PyObject*>lent: tree for tree, lent in self.originals}
        for original, lent in self.containers:
            if PyList_Check(original):
                entries = [original_of(value, originals) for value in lent]
                if len(entries) != len(original) or differ(entries, original):
                    original[:] = entries
                continue
            for key in [key for key in original if key not in lent]:
                del original[key]
            for key, value in [*lent.items()]:
                entry = original_of(value, originals)
                if original.get(key, HOLE) is not entry:
                    original[key] = entry
        return 0

    cdef bint is_unchanged(self) except -1:
        """Whether there is nothing to put back, as is usual."""
        cdef tuple pair
        cdef Py_ssize_t i
        for i in range(len(self.containers)):
            pair = self.containers[i]
            if pair[0] is pair[1]:
                return False
            if type(pair[1]) is list:
                if not same_list(pair[1], self.entries[i]):
                    return False
            elif not same_dict(pair[1], pair[0], self.entries[i]):
                return False
        return True


cdef bint same_list(list lent, list entries) except -1:
    """Whether a list still holds these entries."""
    cdef Py_ssize_t i
    if len(lent) != len(entries):
        return False
    for i in range(len(lent)):
        if lent[i] is not entries[i]:
            return False
    return True


cdef bint same_dict(dict lent, dict original, list entries) except -1:
    """Whether a dictionary still holds these entries, under the keys of the one it stands for."""
    cdef PyObject* key
    cdef PyObject* value
    cdef PyObject* other
    cdef Py_ssize_t place = 0, place_in_original = 0, i = 0
    if len(lent) != len(entries):
        return False
    while PyDict_Next(lent, &place, &key, &value):
        if PyDict_Next(original, &place_in_original, &other, NULL) and key != other:
            return False
        if value != <PyObject*>entries[i]:
            return False
        i += 1
    return True


cdef inline object original_of(object value, dict originals):
    return originals.get(<size_t><PyObject*>value, value)


cdef bint differ(list entries, object original) except -1:
    for entry, other in zip(entries, original):
        if entry is not other:
            return True
    return False


cdef class Slots:
    """The places in lists and dictionaries of a tree that hold its arrays.

    Raises:
        TypeError: If an array is not inside a list or a dictionary; the message names ``where``.
    """

    def __init__(self, tree, str where):
        self.containers = []
        self.keys = []
        if isinstance(tree, array):
            raise TypeError(
                f"{where} must hold its arrays in lists or dictionaries, not be an array"
            )
        if is_container(tree):
            self.find(tree, where)

    cdef int find(self, object tree, str where) except -1:
        enter_recursion(" while looking for arrays")
        try:
            for key, child in entries_of(tree):
                if isinstance(child, array):
                    if PyTuple_Check(tree):
                        raise TypeError(
                            f"{where} holds an array in a tuple, which cannot be updated"
                        )
                    self.containers.append(tree)
                    self.keys.append(key)
                elif is_container(child):
                    self.find(child, where)
        finally:
            Py_LeaveRecursiveCall()
        return 0

    cdef list values(self):
        return [container[key] for container, key in zip(self.containers, self.keys)]

    cdef int set(self, list values) except -1:
        if len(values) != len(self.keys):
            raise ValueError(f"{len(values)} arrays for the {len(self.keys)} places of a tree")
        for i in range(len(values)):
            self.containers[i][self.keys[i]] = values[i]
        return 0
