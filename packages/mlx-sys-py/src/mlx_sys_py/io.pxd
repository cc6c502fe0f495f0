# The name of a file, for C; raises unless it is a path.
cdef bytes to_path(object file)
