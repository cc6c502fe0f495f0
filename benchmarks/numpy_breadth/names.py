"""Names of NumPy that MLX lacks, on a million elements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mlx_core_py as mx
import numpy as np

from .row import Row, evaluated

TITLE = "Names of NumPy"
GOAL = 1.5
SIZE = 1_000_000


def inputs() -> dict[str, np.ndarray]:
    """What rows work on, by the letters that they call it."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(SIZE).astype(np.float32)
    gappy = x.copy()
    gappy[rng.integers(0, SIZE, SIZE // 10)] = np.nan
    return {
        "x": x,
        "m": x.reshape(1000, 1000),
        "g": gappy,
        "h": gappy.reshape(1000, 1000),
        "i": rng.integers(0, 1000, SIZE, dtype=np.int32),
        "j": rng.integers(0, 1_000_000, SIZE, dtype=np.int32),
        "k": rng.integers(0, 1_000_000, 10_000, dtype=np.int32),
        "b": x > 0.5,
        "s": np.sort(x[:1000]),
        "t": np.sort(x),
        "e": np.linspace(-4, 4, 1001, dtype=np.float32),
        "v": x[:30].reshape(3, 10),
        "w": x.reshape(10, 100_000),
    }


# With `n` the library; what has another spelling in NumPy follows "|".
ROWS = """
nonzero: n.nonzero(x > 0.5)
nonzero of float32: n.nonzero(g)
flatnonzero: n.flatnonzero(b)
argwhere: n.argwhere(b.reshape(1000, 1000))
extract: n.extract(b, x)
compress: n.compress(b, x)
unique of float32: n.unique(x)
unique of int32: n.unique(j)
unique of few: n.unique(i)
unique counts: n.unique(j, return_counts=True)
unique inverse: n.unique(j, return_inverse=True)
isin: n.isin(j, k)
isin of few: n.isin(i, k[:100] % 1000)
intersect1d: n.intersect1d(j, k)
union1d: n.union1d(j, k)
setdiff1d: n.setdiff1d(j, k)
setxor1d: n.setxor1d(j, k)
searchsorted 1000: n.searchsorted(s, x)
searchsorted 1000000: n.searchsorted(t, x)
bincount: n.bincount(i)
bincount weights: n.bincount(i, x)
histogram 10: n.histogram(x)
histogram 1000: n.histogram(x, 1000)
histogram edges: n.histogram(x, e)
histogram2d: n.histogram2d(x, g, 20, [[-4, 4], [-4, 4]])
digitize: n.digitize(x, e)
median: n.median(x)
median of rows: n.median(m, 1)
median of columns: n.median(m, 0)
quantile: n.quantile(x, [0.1, 0.5, 0.9])
quantile of rows: n.quantile(m, [0.1, 0.5, 0.9], 1)
percentile nearest: n.percentile(x, 75, method="nearest")
nanmedian: n.nanmedian(g)
nanquantile: n.nanquantile(g, [0.1, 0.9])
nanpercentile: n.nanpercentile(g, 90)
nansum: n.nansum(g)
nansum of rows: n.nansum(h, 1)
nanprod: n.nanprod(g)
nanmean: n.nanmean(g)
nanmean of columns: n.nanmean(h, 0)
nanvar: n.nanvar(g)
nanstd: n.nanstd(g)
nanmin: n.nanmin(g)
nanmax: n.nanmax(g)
nanargmin: n.nanargmin(g)
nanargmax: n.nanargmax(g)
nancumsum: n.nancumsum(g)
nancumprod: n.nancumprod(g)
average: n.average(x, weights=t)
ptp: n.ptp(x)
cov: n.cov(w)
corrcoef: n.corrcoef(w)
lexsort: n.lexsort([i, j])
trapezoid: n.trapezoid(x, t)
gradient: n.gradient(x)
gradient of a matrix: n.gradient(m)
ediff1d: n.ediff1d(x)
interp: n.interp(x, s, s)
polyval: n.polyval(v[0], x)
vander: n.vander(x, 4)
select: n.select([b, x > 0], [x, t], 0)
choose: n.choose(i % 2, [x, t])
vstack: n.vstack([x, t])
hstack: n.hstack([x, t])
dstack: n.dstack([x, t])
column_stack: n.column_stack([x, t])
block: n.block([[m, m], [m, m]])
rot90: n.rot90(m).copy() | mx.contiguous(mx.rot90(m))
append: n.append(x, t)
insert: n.insert(x, 1000, 0)
delete: n.delete(x, 1000)
resize: n.resize(x, 2_000_000)
tril_indices: n.tril_indices(1000)
indices: n.indices((1000, 1000))
ravel_multi_index: n.ravel_multi_index((i, i), (1000, 1000))
unravel_index: n.unravel_index(j, (1000, 1000))
"""


def rows() -> Iterator[Row]:
    """A row for each line of the table."""
    theirs: dict[str, Any] = {"n": np, **inputs()}
    ours: dict[str, Any] = {"n": mx, "mx": mx}
    ours.update({name: mx.array(value) for name, value in inputs().items()})
    mx.eval([ours[name] for name in inputs()])

    def function(text: str, names: dict[str, Any]) -> Callable[[], Any]:
        made: Callable[[], Any] = eval(f"lambda: {text}", names)
        return made

    for line in ROWS.strip().splitlines():
        name, _, text = line.partition(": ")
        theirs_text, _, ours_text = text.partition(" | ")
        yield Row(
            name,
            {
                "ours": evaluated(function(ours_text or theirs_text, ours)),
                "numpy": function(theirs_text, theirs),
            },
        )
