"""For tests of programs that compute with arrays: what Hypothesis draws, and comparisons.

The strategies need Hypothesis, which ``pip install mlx-core-py[testing]`` brings; the comparisons
need nothing. Import the module by its name, as ``mlx_core_py`` does not load it::

    import mlx_core_py as mx
    from hypothesis import given
    from mlx_core_py import testing


    @given(testing.arrays(mx.float32, testing.shapes(min_dims=1), max_value=80))
    def test_exp_and_log(x):
        testing.assert_allclose(mx.log(mx.exp(x)), x, atol=1e-4)

See: https://hypothesis.readthedocs.io.
"""

from __future__ import annotations

from mlx_sys_py import show_as as _show_as

from mlx_core_py.testing._comparing import assert_allclose as assert_allclose
from mlx_core_py.testing._comparing import assert_array_equal as assert_array_equal
from mlx_core_py.testing._strategies import arrays as arrays
from mlx_core_py.testing._strategies import axes as axes
from mlx_core_py.testing._strategies import broadcastable_arrays as broadcastable_arrays
from mlx_core_py.testing._strategies import broadcastable_shapes as broadcastable_shapes
from mlx_core_py.testing._strategies import dtypes as dtypes
from mlx_core_py.testing._strategies import indices as indices
from mlx_core_py.testing._strategies import shapes as shapes

_show_as(__name__, globals(), __name__)

__all__ = [
    "arrays",
    "assert_allclose",
    "assert_array_equal",
    "axes",
    "broadcastable_arrays",
    "broadcastable_shapes",
    "dtypes",
    "indices",
    "shapes",
]


def __dir__() -> list[str]:
    return __all__
