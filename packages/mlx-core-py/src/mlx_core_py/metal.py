"""Metal, Apple's interface to GPUs.

Source: https://ml-explore.github.io/mlx/build/html/python/metal.html
"""

# What concerns memory and devices is older here than in the package itself.
from mlx_sys_py import device_info as device_info
from mlx_sys_py.memory import clear_cache as clear_cache
from mlx_sys_py.memory import get_active_memory as get_active_memory
from mlx_sys_py.memory import get_cache_memory as get_cache_memory
from mlx_sys_py.memory import get_peak_memory as get_peak_memory
from mlx_sys_py.memory import reset_peak_memory as reset_peak_memory
from mlx_sys_py.memory import set_cache_limit as set_cache_limit
from mlx_sys_py.memory import set_memory_limit as set_memory_limit
from mlx_sys_py.memory import set_wired_limit as set_wired_limit
from mlx_sys_py.metal import is_available as is_available
from mlx_sys_py.metal import start_capture as start_capture
from mlx_sys_py.metal import stop_capture as stop_capture
