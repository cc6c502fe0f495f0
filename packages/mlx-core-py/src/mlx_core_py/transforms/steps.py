"""Functions that are called again and again, each time a little further."""

from mlx_sys_py.transforms import record_steps

__all__ = ["record_steps"]
