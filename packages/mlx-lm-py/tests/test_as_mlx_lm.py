"""The commands of mlx-lm take its options."""

import ast
import importlib.util
from pathlib import Path

import pytest
from command_line import make_default_package
from mlx_lm_py import as_mlx_lm, cli


@pytest.mark.parametrize("name", as_mlx_lm.COMMANDS)
def test_every_option_of_theirs_is_known(name: str) -> None:
    spec = importlib.util.find_spec("mlx_lm")
    if spec is None or spec.origin is None:
        pytest.skip("mlx-lm is not installed")
    tree = ast.parse((Path(spec.origin).parent / f"{name}.py").read_text())
    theirs = {
        argument.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }
    assert theirs
    command = as_mlx_lm.COMMANDS[name]
    ours = {*command.values, *command.flags, *command.unused, *command.missing, "--verbose"}
    if name == "cache_prompt":
        ours |= {"--prompt-cache-file"}
    if name == "convert":
        ours |= {"--hf-path", "--model", "--mlx-path", "-q", "--quantize"}
    assert theirs <= ours
    known = {
        option
        for action in cli.make_parser(command.ours)._actions
        for option in action.option_strings
    }
    assert set(command.values.values()) <= known
    assert {flag for flag in command.flags.values() if flag} <= known
    assert set(command.defaults[::2]) <= known


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        (
            "generate",
            "-p hi -m 5 --ignore-chat-template --temp 0.5",
            "generate --prompt=hi --max-tokens=5 --raw --temp=0.5",
        ),
        ("generate", "--verbose False", "generate --max-tokens 100 --prompt hello --quiet"),
        ("generate", "--verbose T -p a -m 1", "generate --prompt=a --max-tokens=1"),
        (
            "generate",
            "-p a -m 1 --extra-eos-token x y",
            "generate --prompt=a --max-tokens=1 --stop=x --stop=y",
        ),
        ("chat", "--trust-remote-code -m 3 --temp 1", "chat --max-tokens=3 --temp=1"),
        ("convert", "--hf-path a -q", "convert a mlx_model --bits=4"),
        (
            "convert",
            "--model a --mlx-path b -q --q-bits 8 --q-group-size 32",
            "convert a b --bits=8 --group-size=32",
        ),
        ("convert", "--model a --mlx-path b --q-bits 8 -d", "convert a b --dequantize"),
        (
            "generate",
            "-p a -m 1 --kv-bits 4 --num-draft-tokens 3",
            "generate --prompt=a --max-tokens=1 --kv-bits=4 --quantized-kv-start=5000",
        ),
        (
            "generate",
            "-p a -m 1 --prompt-cache-file f",
            "generate --prompt=a --max-tokens=1 --prompt-cache=f",
        ),
        (
            "generate",
            "-p a -m 1 --draft-model d --num-draft-tokens 3",
            "generate --prompt=a --max-tokens=1 --draft-model=d --num-draft-tokens=3",
        ),
        (
            "cache_prompt",
            "--model m --prompt a --prompt-cache-file f.safetensors --eos-token x",
            "cache-prompt f.safetensors --model=m --prompt=a",
        ),
        (
            "perplexity",
            "--model m --data-path t.txt --sequence-length 8 --num-samples 2 --batch-size 4",
            "perplexity --model=m --file=t.txt --context=8 --chunks=2",
        ),
    ],
)
def test_translation(name: str, arguments: str, expected: str) -> None:
    assert as_mlx_lm.translate(name, arguments.split()) == expected.split()


def test_running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_default_package(tmp_path)
    arguments = ["--model", str(path), "--prompt", "hell", "--max-tokens", "3", "--seed", "1"]
    assert as_mlx_lm.main(["mlx_lm.generate", *arguments]) == 0
    assert "Generation: 3 tokens" in capsys.readouterr().err
    bench = ["--model", str(path), "-p", "8", "-g", "2", "-n", "1"]
    assert as_mlx_lm.main(["benchmark", *bench]) == 0
    assert " pp8 |" in capsys.readouterr().out


def test_what_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert as_mlx_lm.main(["chta"]) == 2
    assert "did you mean 'chat'?" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        as_mlx_lm.main(["generate", "--adapter-path", "x"])
    assert caught.value.code == 2
    assert "--adapter-path: there is nothing like it" in capsys.readouterr().err
