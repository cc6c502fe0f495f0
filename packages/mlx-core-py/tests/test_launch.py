"""Programs are started in several processes, find each other, and end together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import mlx_core_py as mx
import pytest
from mlx_core_py.launch import Host, _Group, _hosts, _parse, main, read_hosts

needs_ring = pytest.mark.skipif(
    not mx.distributed.is_available("ring"), reason="MLX was built without its ring of sockets"
)

# Where there is CUDA, NCCL would be chosen.
LAUNCH = (sys.executable, "-m", "mlx_core_py.launch", "--backend", "ring")


def launched(folder: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    script = folder / "program.py"
    script.write_text(textwrap.dedent(program))
    return subprocess.run(
        [*LAUNCH, *options, str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


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


@needs_ring
def test_one_that_is_killed_from_outside_while_all_train(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent("""
        import os
        import mlx_core_py as mx
        group = mx.distributed.init()
        mx.eval(mx.distributed.all_sum(mx.ones(1)))
        print(os.getpid(), flush=True)
        while True:
            mx.eval(mx.distributed.all_sum(mx.ones(1000)))
    """)
    )
    launcher = started(script, "-n", "4")
    try:
        victim = pids(launcher, 4)[1]
        os.kill(victim, signal.SIGKILL)
        _, errors = launcher.communicate(timeout=30)
    finally:
        launcher.kill()
    assert launcher.returncode == 128 + 9
    assert f"(process {victim} on 127.0.0.1) was ended by the signal SIGKILL" in errors


def test_a_signal_is_the_cause_of_errors_that_are_seen_before_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options, command = _parse(["-n", "3", "--backend", "ring", "true"])
    group = _Group(_hosts(options), command, options, tmp_path)
    group.processes = [subprocess.Popen(["true"]) for _ in range(3)]
    for process in group.processes:
        process.wait()
    for rank, status in ((1, 1), (2, -9), (0, 1)):
        group.ended.put((rank, status))
    assert group._wait() == 128 + 9
    assert "rank 2 (process " in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_for_the_launcher_end_all(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "program.py"
    # One that does not end when it is asked to, and one that does.
    script.write_text(
        textwrap.dedent("""
        import os, signal, time
        if os.environ["MLX_RANK"] == "1":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print(os.getpid(), flush=True)
        time.sleep(300)
    """)
    )
    launcher = started(script, "-n", "2")
    try:
        ranks = pids(launcher, 2)
        launcher.send_signal(number)
        time.sleep(0.3)
        # Whoever asks twice does not want to wait.
        launcher.send_signal(number)
        assert launcher.wait(30) == 128 + signal.SIGINT
    finally:
        launcher.kill()
        launcher.communicate()
    for pid in ranks:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def started(script: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*LAUNCH, *options, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A program in the background may have been told to ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def pids(launcher: subprocess.Popen[str], count: int) -> list[int]:
    assert launcher.stdout is not None
    return [int(launcher.stdout.readline()) for _ in range(count)]


def test_output_is_tagged_where_asked(tmp_path: Path) -> None:
    program = "import os, sys; print('out'); print('error', file=sys.stderr)"
    done = launched(tmp_path, program, "-n", "2", "--tag-output")
    assert sorted(done.stdout.splitlines()) == ["[0] out", "[1] out"]
    assert sorted(done.stderr.splitlines()) == ["[0] error", "[1] error"]


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


# The official package leaves it open.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_files_of_hosts_of_official_mlx(tmp_path: Path) -> None:
    # As mlx.distributed_config writes it: with the backend, variables and devices of RDMA.
    path = tmp_path / "hosts.json"
    whole = {
        "backend": "nccl",
        "envs": ["A=from the file", "B=from the file"],
        "hosts": [
            {"ssh": "127.0.0.1", "ips": ["10.1.1.1"], "rdma": [None, "rdma_en2"]},
            {"ssh": "127.0.0.1", "ips": ["10.1.1.2"], "rdma": ["rdma_en2", None]},
        ],
    }
    path.write_text(json.dumps(whole))
    program = "import os; print(*(os.environ[n] for n in ('MLX_RANK', 'NCCL_HOST_IP', 'A', 'B')))"
    script = tmp_path / "program.py"
    script.write_text(program)
    done = subprocess.run(
        [*LAUNCH[:3], "--hostfile", str(path), "--env", "B=given", str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = [f"{rank} 10.1.1.1 from the file given" for rank in (0, 1)]
    assert sorted(done.stdout.splitlines()) == lines, done.stderr
    common = pytest.importorskip("mlx._distributed_utils.common")
    official = common.Hostfile.from_file(path).hosts
    assert read_hosts(path) == [Host(host.ssh_hostname, tuple(host.ips)) for host in official]


def test_hosts_of_files(tmp_path: Path) -> None:
    path = tmp_path / "hosts.json"
    path.write_text('[{"ssh": "a", "ips": ["1.1.1.1", "2.2.2.2"]}, {"ssh": "b"}]')
    assert read_hosts(path) == [Host("a", ("1.1.1.1", "2.2.2.2")), Host("b", ("b",))]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "3", '{"hosts": 3}', "[3]", '[{"ips": []}]', "[{}]"),
        '{"hosts": [{"ssh": "a"}], "backend": "jaccl"}',
        '{"hosts": [{"ssh": "a"}], "envs": ["A"]}',
    ],
)
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
