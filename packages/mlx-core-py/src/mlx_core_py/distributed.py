"""Processes that compute together.

Source: https://ml-explore.github.io/mlx/build/html/python/distributed.html
"""

from mlx_sys_py.distributed import Group as Group
from mlx_sys_py.distributed import all_gather as all_gather
from mlx_sys_py.distributed import all_max as all_max
from mlx_sys_py.distributed import all_min as all_min
from mlx_sys_py.distributed import all_sum as all_sum
from mlx_sys_py.distributed import init as init
from mlx_sys_py.distributed import is_available as is_available
from mlx_sys_py.distributed import recv as recv
from mlx_sys_py.distributed import recv_like as recv_like
from mlx_sys_py.distributed import send as send
from mlx_sys_py.distributed import sum_scatter as sum_scatter
