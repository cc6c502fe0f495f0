"""Extensions of mlx_sys_py in Cython, by its types and by the C interface alone."""
