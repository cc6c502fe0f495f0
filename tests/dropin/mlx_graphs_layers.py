"""mlx-graphs: layers on a small graph, their gradients, and a batch of graphs."""

from typing import Any

import mlx.core as mx
import mlx_graphs.nn as gnn
import numpy as np
from common import fill, run
from mlx_graphs.data import GraphData
from mlx_graphs.data.batch import batch as batched
from mlx_graphs.data.batch import unbatch
from mlx_graphs.utils import degree, index_to_mask, scatter

EDGES = mx.array([[0, 1, 2, 3, 4, 0, 2], [1, 0, 1, 1, 3, 4, 4]])
NODES = mx.array(np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32))


def layer(make: Any) -> Any:
    def case() -> dict[str, Any]:
        model = fill(make())
        model.eval()
        gradient = mx.grad(lambda x: mx.sum(model(EDGES, x) ** 2))(NODES)
        return {"nodes": model(EDGES, NODES), "gradient": gradient}

    return case


def scattered() -> dict[str, Any]:
    target = EDGES[1]
    values = NODES[EDGES[0]]
    results = {name: scatter(values, target, 5, aggr=name) for name in ("add", "mean", "max")}
    pooled = gnn.global_mean_pool(NODES, mx.array([0, 0, 1, 1, 1]))
    mask = index_to_mask(mx.array([1, 3]), 5)
    return {**results, "degree": degree(target, 5), "pooled": pooled, "mask": mask}


def graphs() -> dict[str, Any]:
    one = GraphData(edge_index=EDGES, node_features=NODES)
    two = GraphData(edge_index=EDGES[:, :3], node_features=NODES[:3] * 2)
    both = batched([one, two])
    first, second = unbatch(both)
    return {
        "edges": both.edge_index,
        "nodes": both.node_features,
        "first": first.edge_index,
        "second": second.node_features,
    }


run(
    [
        ("gcn", layer(lambda: gnn.GCNConv(8, 4))),
        ("gat", layer(lambda: gnn.GATConv(8, 4, heads=2))),
        ("gat_v2", layer(lambda: gnn.GATv2Conv(8, 4, heads=2))),
        ("sage", layer(lambda: gnn.SAGEConv(8, 4))),
        ("scatter", scattered),
        ("batch", graphs),
    ]
)
