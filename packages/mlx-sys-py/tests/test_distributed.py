"""The group of one process, and two processes that talk."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlx_sys_py import array, cpu, distributed, float32


def test_a_group_of_one() -> None:
    group = distributed.init()
    assert (group.rank(), group.size()) == (0, 1)
    with pytest.raises((RuntimeError, ValueError), match="split"):
        group.split(0)


@pytest.mark.parametrize("name", ["all_sum", "all_max", "all_min", "all_gather", "sum_scatter"])
def test_reductions_of_one_process(name: str) -> None:
    operation: Callable[..., array] = getattr(distributed, name)
    assert operation(array([1.0, 2.0])).tolist() == [1, 2]
    assert operation([1.0], group=distributed.init(), stream=cpu).tolist() == [1]
    with pytest.raises(TypeError, match="group"):
        operation(array(1.0), group=3)
    with pytest.raises(TypeError, match="stream"):
        operation(array(1.0), stream=3)


def test_one_process_has_nobody_to_talk_to() -> None:
    with pytest.raises(ValueError, match="singleton"):
        distributed.send(array(1.0), 1)
    with pytest.raises(ValueError, match="singleton"):
        distributed.recv((1,), float32, 1)
    with pytest.raises(ValueError, match="singleton"):
        distributed.recv_like(array(1.0), 1)
    with pytest.raises(ValueError, match="negative"):
        distributed.recv((-1,), float32, 1)
    with pytest.raises(TypeError, match="dst"):
        distributed.send(array(1.0), "1")  # type: ignore[arg-type]


def test_backends() -> None:
    assert not distributed.is_available("no such backend")
    with pytest.raises(ValueError, match="no such backend"):
        distributed.init(True, "no such backend")
    with pytest.raises(TypeError, match="use init"):
        distributed.Group()


TALK = """
from mlx_sys_py import array, distributed, float32, ops
group = distributed.init(True, "ring")
mine = array([float(group.rank() + 1), 2.0])
print(
    distributed.all_sum(mine).tolist(),
    distributed.all_max(mine).tolist(),
    distributed.all_min(mine, group=group).tolist(),
    distributed.all_gather(mine).tolist(),
)
print(distributed.sum_scatter(array([[1.0, 2.0], [3.0, 4.0]]), group=group).tolist())
for wrong in (array(1.0), array([1.0, 2.0, 3.0])):
    try:
        distributed.sum_scatter(wrong)
        print("no error")
    except ValueError:
        pass
if group.rank() == 0:
    ops.add(distributed.send(mine, 1), 0).tolist()
else:
    print(distributed.recv_like(mine, 0).tolist())
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.skipif(not distributed.is_available("ring"), reason="MLX was built without it")
def test_two_processes(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.json"
    hosts.write_text(json.dumps([[f"127.0.0.1:{free_port()}"] for _ in range(2)]))
    processes: list[subprocess.Popen[Any]] = [
        subprocess.Popen(
            [sys.executable, "-c", TALK],
            env={**os.environ, "MLX_RANK": str(rank), "MLX_HOSTFILE": str(hosts)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        results = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
    common = "[3.0, 4.0] [2.0, 2.0] [1.0, 2.0] [1.0, 2.0, 2.0, 2.0]\n"
    parts = ["[[2.0, 4.0]]\n", "[[6.0, 8.0]]\n[1.0, 2.0]\n"]
    assert [out for out, _ in results] == [common + part for part in parts], results
