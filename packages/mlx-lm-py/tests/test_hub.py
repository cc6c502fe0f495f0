"""Downloads from a hub on this machine, which speaks as much of its protocol as it takes."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

COMMIT = "0123456789012345678901234567890123456789"
FILES = {
    "config.json": b"{}",
    "README.md": b"words",
    "model-Q4_0.gguf": b"GGUF small",
    "model-Q8_0.gguf": b"GGUF" + b"x" * 100_000,
}


class Hub(ThreadingHTTPServer):
    """A hub with the repository ``org/repo``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.wrong: set[str] = set()
        self.down: set[str] = set()
        # Of each file, from which byte on it was asked for.
        self.asked: list[tuple[str, int]] = []


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/org/repo/tree/"):
            return self.answer(json.dumps(self.tree()).encode(), "application/json")
        if path.startswith("/api/models/org/repo"):
            return self.answer(json.dumps(self.info()).encode(), "application/json")
        name = path.rpartition("/")[2]
        if path.startswith("/org/repo/resolve/") and name in FILES.keys() - self.server.down:
            return self.file(name)
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def info(self) -> dict[str, Any]:
        siblings = []
        for name, data in FILES.items():
            sibling: dict[str, Any] = {"rfilename": name, "size": len(data)}
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            sibling["blobId"] = git
            if name.endswith(".gguf"):
                digest = hashlib.sha256(data).hexdigest()
                sibling["lfs"] = {"sha256": digest, "size": len(data), "pointerSize": 1}
            siblings.append(sibling)
        return {"id": "org/repo", "sha": COMMIT, "siblings": siblings}

    def tree(self) -> list[dict[str, Any]]:
        entries = []
        for sibling in self.info()["siblings"]:
            entry = {"type": "file", "path": sibling["rfilename"], "size": sibling["size"]}
            entry["oid"] = sibling["blobId"]
            if "lfs" in sibling:
                entry["lfs"] = {**sibling["lfs"], "oid": sibling["lfs"]["sha256"]}
            entries.append(entry)
        return entries

    def file(self, name: str) -> None:
        data = FILES[name]
        etag = hashlib.sha256(data).hexdigest()
        if name in self.server.wrong:
            data = data[:-1] + b"!"
        start = 0
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            start = int(asked[6:].partition("-")[0])
        if self.command == "GET":
            self.server.asked.append((name, start))
        self.answer(
            data[start:],
            "application/octet-stream",
            206 if start else 200,
            {
                "ETag": f'"{etag}"',
                "X-Repo-Commit": COMMIT,
                "Accept-Ranges": "bytes",
                "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}",
            },
        )

    def answer(
        self, data: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(hub: Hub, home: Path, *arguments: str, **environment: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "mlx_lm_py", *arguments],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_address[1]}",
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            **environment,
        },
        timeout=120,
        check=False,
    )


def test_one_of_several_files(hub: Hub, tmp_path: Path) -> None:
    result = run(hub, tmp_path, "pull", "org/repo:Q8_0")
    assert (result.returncode, result.stderr) == (0, "")
    path = Path(result.stdout.rstrip("\n"))
    assert path.read_bytes() == FILES["model-Q8_0.gguf"]
    assert [name for name, _ in hub.asked] == ["model-Q8_0.gguf"]
    listed = run(hub, tmp_path, "ls", "--json")
    (record,) = [json.loads(line) for line in listed.stdout.splitlines() if "org/" in line]
    assert record["name"] == "org/repo/model-Q8_0.gguf"
    assert record["bytes"] == len(FILES["model-Q8_0.gguf"])
    # It is there: nothing is fetched again.
    assert run(hub, tmp_path, "pull", "org/repo:Q8_0").returncode == 0
    assert len(hub.asked) == 1
    removed = run(hub, tmp_path, "rm", "org/repo", "--yes")
    assert (removed.returncode, removed.stdout) == (0, "removed org/repo\n")
    assert not path.exists()


def test_what_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    hub.down = {"model-Q8_0.gguf"}
    arguments = ["pull", "org/repo", "--include", "*.json", "--include", "*Q8_0*"]
    assert run(hub, tmp_path, *arguments).returncode == 1
    hub.down = set()
    hub.asked.clear()
    result = run(hub, tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    assert hub.asked == [("model-Q8_0.gguf", 0)]


def test_a_file_that_is_not_what_the_hub_has(hub: Hub, tmp_path: Path) -> None:
    hub.wrong = {"model-Q4_0.gguf"}
    result = run(hub, tmp_path, "pull", "org/repo/model-Q4_0.gguf")
    assert (result.returncode, result.stdout) == (1, "")
    assert "model-Q4_0.gguf is not what the hub has (its checksum differs)" in result.stderr
    hub.wrong = set()
    result = run(hub, tmp_path, "pull", "org/repo/model-Q4_0.gguf")
    assert result.returncode == 0
    assert Path(result.stdout.rstrip("\n")).read_bytes() == FILES["model-Q4_0.gguf"]


def test_some_files(hub: Hub, tmp_path: Path) -> None:
    result = run(hub, tmp_path, "pull", "org/repo", "--include", "*.json", "--include", "READ*")
    assert result.returncode == 0
    folder = Path(result.stdout.rstrip("\n"))
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json"]
    result = run(hub, tmp_path / "other", "pull", "org/repo", "--include", "*.nothing")
    assert result.returncode == 1
    assert "org/repo has no file like *.nothing" in result.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("org/repo", "org/repo has several GGUF files; name one: model-Q4_0.gguf, model-Q8_0.gguf"),
        ("org/repo:Q5_K", "org/repo: no GGUF file of kind 'Q5_K'"),
        ("org/none", "no such repository on the hub: org/none"),
    ],
)
def test_what_cannot_be_had(hub: Hub, tmp_path: Path, name: str, message: str) -> None:
    result = run(hub, tmp_path, "pull", name)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_no_network(hub: Hub, tmp_path: Path) -> None:
    result = run(hub, tmp_path, "pull", "org/repo:Q8_0", HF_ENDPOINT="http://127.0.0.1:9")
    assert (result.returncode, result.stdout) == (1, "")
    assert "org/repo could not be had from the hub: " in result.stderr
    assert result.stderr.count("\n") == 1
