"""Programs started in several processes compute what one process computes, and end together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import mlx_core_py as mx
import pytest
from mlx_core_py.launch import Host, main, read_hosts

needs_ring = pytest.mark.skipif(
    not mx.distributed.is_available("ring"), reason="MLX was built without its ring of sockets"
)

# Trains on shares of the same batches, and prints the parameters.
TRAINING = """
import sys
import mlx_core_py as mx, mlx_core_py.nn as nn, mlx_core_py.optimizers as optim

group = mx.distributed.init()
rank, size = group.rank(), group.size()
assert size == int(sys.argv[1]), size
mx.random.seed(0)
model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = optim.Adam(0.01)
x, y = mx.random.normal((16, 3)), mx.random.normal((16, 1))
share = slice(rank * 16 // size, (rank + 1) * 16 // size)
step = nn.value_and_grad(model, lambda x, y: nn.losses.mse_loss(model(x), y))
for _ in range(5):
    loss, gradients = step(x[share], y[share])
    optimizer.update(model, nn.average_gradients(gradients))
    mx.eval(model.parameters())
if rank == size - 1:
    print([round(v, 5) for v in model.layers[2].weight[0].tolist()])
"""


def launched(
    folder: Path, program: str, *options: str, arguments: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    script = folder / "program.py"
    script.write_text(textwrap.dedent(program))
    return subprocess.run(
        [sys.executable, "-m", "mlx_core_py.launch", *options, str(script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@needs_ring
def test_processes_have_the_numbers_of_one(tmp_path: Path) -> None:
    one = launched(tmp_path, TRAINING, arguments=("1",))
    assert one.returncode == 0, one.stderr
    for count in ("2", "4"):
        several = launched(tmp_path, TRAINING, "-n", count, arguments=(count,))
        assert several.returncode == 0, several.stderr
        got, expected = json.loads(several.stdout), json.loads(one.stdout)
        assert got == pytest.approx(expected, abs=2e-5)


@needs_ring
def test_one_that_is_killed_ends_all_and_is_named(tmp_path: Path) -> None:
    program = """
        import os, signal, time
        import mlx_core_py as mx
        group = mx.distributed.init()
        mx.eval(mx.distributed.all_sum(mx.ones(1)))
        if group.rank() == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        # Waits for one that does not answer any more.
        mx.eval(mx.distributed.all_sum(mx.ones(1)))
        time.sleep(60)
    """
    began = time.monotonic()
    done = launched(tmp_path, program, "-n", "4")
    assert done.returncode == 128 + 9
    assert "rank 2 (process " in done.stderr
    assert "SIGKILL; ending the 3 others" in done.stderr
    assert time.monotonic() - began < 30


def test_an_error_ends_all(tmp_path: Path) -> None:
    program = """
        import os, sys, time
        if os.environ["MLX_RANK"] == "1":
            sys.exit(7)
        time.sleep(60)
    """
    done = launched(tmp_path, program, "-n", "3")
    assert done.returncode == 7
    assert "rank 1 (process " in done.stderr
    assert "status 7" in done.stderr


def test_environment_and_folder(tmp_path: Path) -> None:
    program = "import os; print(os.environ['A'], os.environ['MLX_RANK'], os.getcwd())"
    done = launched(tmp_path, program, "-n", "2", "--env", "A=b=c", "--cwd", str(tmp_path))
    folder = os.path.realpath(tmp_path)
    assert sorted(done.stdout.splitlines()) == [f"b=c {rank} {folder}" for rank in (0, 1)]


def test_nccl_gets_its_variables(tmp_path: Path) -> None:
    names = "'MLX_RANK MLX_WORLD_SIZE NCCL_HOST_IP NCCL_PORT CUDA_VISIBLE_DEVICES'"
    program = f"import os; print(*(os.environ[n] for n in {names}.split()))"
    done = launched(tmp_path, program, "-n", "2", "--backend", "nccl", "--nccl-port", "99")
    assert sorted(done.stdout.splitlines()) == ["0 2 127.0.0.1 99 0", "1 2 127.0.0.1 99 1"]


def test_hosts_over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In place of ssh: a program that runs the script that it is given, and says for whom.
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nshift 3\necho "to $1"\nexec sh -c "$2"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    hosts = tmp_path / "hosts.json"
    rows = [{"ssh": "one", "ips": ["10.0.0.1"]}, {"ssh": "two", "ips": ["10.0.0.2"]}]
    hosts.write_text(json.dumps({"hosts": rows}))
    program = """
        import json, os
        print(os.environ["MLX_RANK"], json.load(open(os.environ["MLX_HOSTFILE"])), flush=True)
    """
    done = launched(tmp_path, program, "--hostfile", str(hosts), "-p", "500")
    ring = "[['10.0.0.1:500'], ['10.0.0.2:501']]"
    lines = sorted(done.stdout.splitlines())
    assert lines == [f"0 {ring}", f"1 {ring}", "to one", "to two"]


def test_hosts_of_files(tmp_path: Path) -> None:
    path = tmp_path / "hosts.json"
    path.write_text('[{"ssh": "a", "ips": ["1.1.1.1", "2.2.2.2"]}, {"ssh": "b"}]')
    assert read_hosts(path) == [Host("a", ("1.1.1.1", "2.2.2.2")), Host("b", ("b",))]


@pytest.mark.parametrize("text", ["", "[]", "3", '{"hosts": 3}', "[3]", '[{"ips": []}]', "[{}]"])
def test_wrong_files_of_hosts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hosts.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"hosts\.json"):
        read_hosts(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the program"),
        (["-n", "0", "x.py"], "-n must be"),
        (["--env", "A", "x.py"], "--env must be"),
        (["nothing.py"], "there is no file 'nothing.py'"),
        (["no-such-command"], "there is no command 'no-such-command'"),
        (["-m"], "-m must be followed by a module"),
        (["--hostfile", "nothing.json", "-m", "x"], "nothing.json"),
        (["--hosts", ",", "-m", "x"], "--hosts"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = main(arguments)
    except SystemExit as error:
        status = error.code
    assert status == 2
    assert message in capsys.readouterr().err
