"""Derives the C, Cython and stub code of MLX's operations from one table, the rows of `spec/`."""
