"""``python -m mlx_core_py.launch -n 4 SCRIPT …``: run a program in processes that know each other.

Each process calls ``mx.distributed.init()`` and has a rank in the group. Where one ends with an
error, or is killed, the others are ended too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import mlx_core_py as mx

__all__ = ["Host", "main", "read_hosts"]


def __dir__() -> list[str]:
    return __all__


BACKENDS = ("ring", "mpi", "nccl")
# How long processes have to end by themselves when they are asked to.
_GRACE = 3.0


@dataclass(frozen=True)
class Host:
    """Where a process runs: the name for ``ssh``, and the addresses that others reach it at.

    Example:
        >>> Host("127.0.0.1", ("127.0.0.1",)).is_local()
        True
    """

    ssh: str
    ips: tuple[str, ...]

    def is_local(self) -> bool:
        """Return whether processes of this host are started without ``ssh``."""
        return self.ssh in ("127.0.0.1", "::1", "localhost", socket.gethostname())


def read_hosts(path: str | os.PathLike[str]) -> list[Host]:
    """Return the hosts of a file as official ``mlx.launch`` takes it, one for each process.

    Args:
        path: A JSON file: a list of objects with ``ssh``, a name, and ``ips``, a list of
            addresses; or an object with such a list under ``hosts``.

    Returns:
        The hosts, in the order of ranks.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds something else.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "hosts.json")
        ...     _ = path.write_text('[{"ssh": "node1", "ips": ["10.0.0.1"]}]')
        ...     read_hosts(path)
        [Host(ssh='node1', ips=('10.0.0.1',))]
    """
    return _read_hostfile(path)[0]


def _read_hostfile(path: str | os.PathLike[str]) -> tuple[list[Host], str, list[str]]:
    """Return the hosts of a file, the backend it asks for or "", and variables as NAME=VALUE."""
    try:
        found: Any = json.loads(Path(path).read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    whole = found if isinstance(found, dict) else {"hosts": found}
    rows, backend, variables = whole.get("hosts"), whole.get("backend", ""), whole.get("envs", [])
    if backend not in ("", *BACKENDS):
        raise ValueError(f"{path}: backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if not isinstance(variables, list) or not all(
        isinstance(pair, str) and "=" in pair for pair in variables
    ):
        raise ValueError(f"{path}: envs must be a list of texts NAME=VALUE, not {variables!r}")
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path} must hold a list of at least one host")
    hosts = []
    for row in rows:
        ips = row.get("ips", []) if isinstance(row, dict) else None
        if (
            ips is None
            or not isinstance(row.get("ssh"), str)
            or not isinstance(ips, list)
            or not all(isinstance(ip, str) for ip in ips)
        ):
            raise ValueError(
                f"{path}: a host must be an object with a text 'ssh' and a list 'ips', not {row!r}"
            )
        hosts.append(Host(row["ssh"], tuple(ips) or (row["ssh"],)))
    return hosts, backend, variables


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program in several processes.

    Args:
        arguments: The arguments of the command line; ``None`` (default) are those of this process.

    Returns:
        The exit status: 0 if all processes ended with 0, else that of the first one that did not.
    """
    options, program = _parse(arguments)
    try:
        hosts = _hosts(options)
        command = _command(program, options.python)
    except (OSError, ValueError) as error:
        print(f"mlx_core_py.launch: {error}", file=sys.stderr)
        return 2
    if options.backend == "mpi":
        return _run_mpi(hosts, command, options)
    with tempfile.TemporaryDirectory(prefix="mlx-launch-") as folder:
        return _Group(hosts, command, options, Path(folder)).run()


def _parse(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m mlx_core_py.launch",
        description="Run a program in several processes that know each other.",
        epilog="What follows the options is the program: a file of Python, -m and a module, or a "
        "command, with its arguments.",
    )
    add = parser.add_argument
    add("--hosts", default="127.0.0.1", help="names or addresses, with commas between")
    add("-n", "--repeat-hosts", type=int, default=1, help="how many processes each host has")
    add("--hostfile", help="a JSON file with the hosts, as of official mlx.launch")
    add("--backend", choices=BACKENDS, help="what connects them (default: nccl or ring)")
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="for each process")
    add("--cwd", help="the folder that processes start in (default: this one)")
    add("-p", "--starting-port", type=int, default=0, help="the first port (default: free ones)")
    add("--connections-per-ip", type=int, default=1, help="connections between neighbours")
    add("--nccl-port", type=int, default=12345, help="the port of NCCL's first process")
    add("--mpi-arg", action="append", default=[], help="an argument of mpirun")
    add("--python", help="the interpreter (default: this one)")
    add("--tag-output", action="store_true", help="begin each line of output with [rank]")
    add("--verbose", action="store_true", help="say what is started")
    add("-m", nargs=argparse.REMAINDER, dest="module", metavar="MODULE", help="a module to run")
    add("program", nargs=argparse.REMAINDER, metavar="PROGRAM ...")
    options = parser.parse_args(arguments)
    program = options.program[1:] if options.program[:1] == ["--"] else options.program
    if options.module is not None:
        program = ["-m", *options.module]
    if not program:
        parser.error("name the program to run")
    if options.repeat_hosts < 1:
        parser.error(f"-n must be at least 1, but is {options.repeat_hosts}")
    for pair in options.env:
        if "=" not in pair:
            parser.error(f"--env must be NAME=VALUE, but is {pair!r}")
    return options, program


def _hosts(options: argparse.Namespace) -> list[Host]:
    """Return a host for each process; what a file says of the backend completes the options."""
    if options.hostfile:
        hosts, backend, variables = _read_hostfile(options.hostfile)
        options.backend = options.backend or backend
        options.env = variables + options.env
    else:
        names = [name.strip() for name in options.hosts.split(",") if name.strip()]
        if not names:
            raise ValueError("--hosts must name at least one host")
        hosts = [Host(name, (name,)) for name in names]
    options.backend = options.backend or ("nccl" if mx.cuda.is_available() else "ring")
    return [host for host in hosts for _ in range(options.repeat_hosts)]


def _command(program: list[str], python: str | None) -> list[str]:
    interpreter = python or sys.executable
    if program[0] == "-m":
        if len(program) < 2:
            raise ValueError("-m must be followed by a module")
        return [interpreter, *program]
    if program[0].endswith(".py"):
        if python is None and not os.path.exists(program[0]):
            raise ValueError(f"there is no file {program[0]!r}")
        return [interpreter, *program]
    if shutil.which(program[0]) is None:
        raise ValueError(f"there is no command {program[0]!r}")
    return program


def _run_mpi(hosts: list[Host], command: list[str], options: argparse.Namespace) -> int:
    if shutil.which("mpirun") is None:
        print("mlx_core_py.launch: --backend mpi needs mpirun on the path", file=sys.stderr)
        return 2
    line = ["mpirun", "-n", str(len(hosts)), "--host", ",".join(f"{h.ssh}:1" for h in hosts)]
    for pair in options.env:
        line += ["-x", pair]
    for argument in options.mpi_arg:
        line += shlex.split(argument)
    if options.cwd:
        line += ["-wdir", options.cwd]
    return subprocess.run([*line, "--", *command], check=False).returncode


class _Group:
    """The processes of one run."""

    def __init__(
        self, hosts: list[Host], command: list[str], options: argparse.Namespace, folder: Path
    ) -> None:
        self.hosts = hosts
        self.command = command
        self.options = options
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        # Ranks and their statuses, in the order in which they ended.
        self.ended: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()

    def run(self) -> int:
        previous = {
            number: signal.signal(number, self._ended_from_outside)
            for number in (signal.SIGTERM, signal.SIGHUP)
        }
        readers = []
        try:
            for rank, environment in enumerate(self._environments()):
                process = self._start(rank, environment)
                self.processes.append(process)
                tag = f"[{rank}] " if self.options.tag_output else ""
                for source, target in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
                    readers.append(_in_thread(_pass_on, source, target, tag))
                _in_thread(self._report_end, rank, process)
            return self._wait()
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        finally:
            self._end()
            for thread in readers:
                thread.join(_GRACE)
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _environments(self) -> list[dict[str, str]]:
        """Return what each process finds in its environment, apart from the file of hosts."""
        size, options = len(self.hosts), self.options
        given = dict(pair.split("=", 1) for pair in options.env)
        if options.backend == "nccl":
            shared = {
                "NCCL_HOST_IP": self.hosts[0].ips[0],
                "NCCL_PORT": str(options.nccl_port),
                "MLX_WORLD_SIZE": str(size),
            }
            seen: dict[str, int] = {}
            result = []
            for rank, host in enumerate(self.hosts):
                # The processes of a host take its devices in turn.
                device = seen[host.ssh] = seen.get(host.ssh, -1) + 1
                own = {"MLX_RANK": str(rank), "CUDA_VISIBLE_DEVICES": str(device)}
                result.append({**shared, **own, **given})
            return result
        if size == 1:
            # A ring of one has nobody to connect to: the group that MLX makes without a backend.
            return [given]
        return [{"MLX_RANK": str(rank), **given} for rank in range(size)]

    def _ring(self) -> str:
        """Return the text of the file that the ring reads: the addresses of each rank."""
        each = self.options.connections_per_ip
        count = sum(len(host.ips) * each for host in self.hosts)
        if self.options.starting_port:
            ports = list(range(self.options.starting_port, self.options.starting_port + count))
        elif all(host.is_local() for host in self.hosts):
            ports = _free_ports(count)
        else:
            # What is free on another host is not known.
            ports = list(range(32323, 32323 + count))
        rest = iter(ports)
        return json.dumps(
            [[f"{ip}:{next(rest)}" for ip in host.ips for _ in range(each)] for host in self.hosts]
        )

    def _start(self, rank: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        host = self.hosts[rank]
        in_ring = self.options.backend == "ring" and len(self.hosts) > 1
        if in_ring and rank == 0:
            self.ring = self._ring()
            # Before the first process reads it.
            (self.folder / "hosts.json").write_text(self.ring)
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        if self.options.verbose:
            print(f"rank {rank} on {host.ssh}: {shlex.join(self.command)}", file=sys.stderr)
        if host.is_local():
            if in_ring:
                environment = {"MLX_HOSTFILE": str(self.folder / "hosts.json"), **environment}
            return subprocess.Popen(
                self.command,
                env={**os.environ, **environment},
                cwd=self.options.cwd,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **options,
            )
        script = self._remote_script(environment)
        # With a terminal, a process over there ends with the connection.
        return subprocess.Popen(
            ["ssh", "-tt", "-o", "LogLevel=QUIET", host.ssh, script],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **options,
        )

    def _remote_script(self, environment: dict[str, str]) -> str:
        lines = [f"cd {shlex.quote(self.options.cwd or os.getcwd())}"]
        if "MLX_RANK" in environment and self.options.backend == "ring":
            lines += [
                "hosts=$(mktemp)",
                f"printf %s {shlex.quote(self.ring)} > $hosts",
                "export MLX_HOSTFILE=$hosts",
            ]
        lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        return " && ".join([*lines, "exec " + shlex.join(self.command)])

    def _report_end(self, rank: int, process: subprocess.Popen[bytes]) -> None:
        self.ended.put((rank, process.wait()))

    def _wait(self) -> int:
        """Wait until all processes have ended, or one with an error."""
        for left in reversed(range(len(self.processes))):
            rank, status = self.ended.get()
            if status != 0:
                rank, status = self._culprit(rank, status)
                others = f"; ending the {left} others" if left else ""
                print(
                    f"mlx_core_py.launch: rank {rank} (process {self.processes[rank].pid} on "
                    f"{self.hosts[rank].ssh}) {_described(status)}{others}",
                    file=sys.stderr,
                )
                return status if status > 0 else 128 - status
        return 0

    def _culprit(self, rank: int, status: int) -> tuple[int, int]:
        """Return which process ended the run: the first to end, unless a signal killed another.

        Those that miss a process end with errors of their own, sometimes before it is seen here.
        """
        time.sleep(0.05)
        while status > 0 and not self.ended.empty():
            other, its_status = self.ended.get()
            if its_status < 0:
                return other, its_status
        return rank, status

    def _end(self) -> None:
        """End what still runs: ask first, and insist after a while or when asked again."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                self._send(number)
                deadline = time.monotonic() + _GRACE
                while time.monotonic() < deadline and self._running():
                    time.sleep(0.02)
            except KeyboardInterrupt:
                continue

    def _running(self) -> list[subprocess.Popen[bytes]]:
        return [process for process in self.processes if process.poll() is None]

    def _send(self, number: int) -> None:
        for process in self._running():
            # A process and those it started.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def _ended_from_outside(self, number: int, frame: Any) -> None:
        raise KeyboardInterrupt


def _described(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    try:
        return f"was ended by the signal {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by the signal {-status}"


def _in_thread(function: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def _pass_on(source: IO[bytes] | None, target: Any, tag: str) -> None:
    """Copy lines as they come, whole, so that those of processes do not mix."""
    if source is None:
        return
    for line in source:
        target.write(tag + line.decode(errors="replace"))
        target.flush()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


if __name__ == "__main__":
    sys.exit(main())
