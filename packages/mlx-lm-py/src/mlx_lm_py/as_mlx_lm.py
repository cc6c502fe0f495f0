"""``python -m mlx_lm_py.as_mlx_lm COMMAND``: commands of mlx-lm, with its names of options.

What its scripts pass is said in the words of our own command line, which does the work.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .cli import main as run_ours
from .commands.common.parser import USAGE_ERROR, nearest
from .commands.common.streams import print_error

__all__ = ["COMMANDS", "main", "translate"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class _Theirs:
    """A command of mlx-lm.

    Attributes:
        ours: Our command.
        defaults: What it does if nothing is said, in our words.
        values: Its options with a value, and ours for them.
        flags: Its options without one, and ours for them; an empty string for nothing.
        unused: Its options with a value that change nothing here.
        missing: Its options that there is nothing like here.
    """

    ours: str
    defaults: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


# Nothing of a repository is ever run here.
_NEVER = {"--trust-remote-code": ""}
_SAMPLING = _same(
    "--model", "--max-tokens", "--temp", "--top-p", "--xtc-probability", "--xtc-threshold",
    "--seed", "--system-prompt",
)  # fmt: skip

_KV = _same("--max-kv-size", "--kv-bits", "--kv-group-size", "--quantized-kv-start")

COMMANDS = {
    "generate": _Theirs(
        "generate",
        ("--max-tokens", "100", "--prompt", "hello"),
        {
            **_SAMPLING,
            **_KV,
            **_same("--prompt", "--min-p", "--top-k", "--draft-model", "--num-draft-tokens"),
            "--prompt-cache-file": "--prompt-cache",
            "-p": "--prompt",
            "-m": "--max-tokens",
            "--prefill-response": "--prefill",
            "--extra-eos-token": "--stop",
            "--chat-template-config": "--chat-template-args",
        },
        {**_NEVER, "--ignore-chat-template": "--raw", "--use-default-chat-template": ""},
        ("--min-tokens-to-keep", "--prefill-step-size"),
        ("--adapter-path", "--image", "--quantize-activations", "-qa"),
    ),
    "chat": _Theirs(
        "chat",
        ("--max-tokens", "256", "--temp", "0"),
        {**_SAMPLING, **_same("--max-kv-size"), "-m": "--max-tokens"},
        _NEVER,
        ("--prefill-step-size",),
        ("--adapter-path", "--pipeline"),
    ),
    "cache_prompt": _Theirs(
        "cache-prompt",
        (),
        {**_KV, **_same("--model", "--prompt")},
        _NEVER,
        ("--eos-token",),
        ("--adapter-path",),
    ),
    "convert": _Theirs(
        "convert",
        (),
        {
            "--dtype": "--dtype",
            "--q-group-size": "--group-size",
            "--q-bits": "--bits",
            "--q-mode": "--mode",
            "--quant-predicate": "--recipe",
        },
        {**_NEVER, "-d": "--dequantize", "--dequantize": "--dequantize"},
        (),
        ("--upload-repo",),
    ),
    "perplexity": _Theirs(
        "perplexity",
        ("--chunks", "256"),
        {
            **_same("--model"),
            "--data-path": "--file",
            "--sequence-length": "--context",
            "--num-samples": "--chunks",
        },
        _NEVER,
        ("--batch-size", "--seed"),
    ),
    "benchmark": _Theirs(
        "bench",
        ("--generation-tokens", "1024"),
        {
            **_same("--model", "--prompt-tokens", "--generation-tokens", "--batch-size"),
            "-p": "--prompt-tokens",
            "-g": "--generation-tokens",
            "-b": "--batch-size",
            "--num-trials": "--repetitions",
            "-n": "--repetitions",
        },
        _NEVER,
        ("--delay", "--prefill-step-size"),
        ("--pipeline", "--quantize-activations", "-qa"),
    ),
}


def translate(name: str, arguments: Sequence[str]) -> list[str]:
    """Say arguments of mlx-lm in the words of our command line.

    Args:
        name: One of ``COMMANDS``.
        arguments: What follows it.

    Returns:
        The arguments for our command line, the command first.

    Raises:
        SystemExit: If an option is not known, or there is nothing like it here.

    Example:
        >>> translate("benchmark", ["-p", "64", "-n", "2"])
        ['bench', '--generation-tokens', '1024', '--prompt-tokens=64', '--repetitions=2']
    """
    command = COMMANDS[name]
    program = f"python -m mlx_lm_py.as_mlx_lm {name}"
    parser = argparse.ArgumentParser(prog=program, usage=f"{program} [options]")
    said: list[str] = []

    class Say(argparse.Action):
        def __call__(self, _: object, __: object, values: Any, option: str | None = None) -> None:
            if option in command.missing:
                parser.error(f"{option}: there is nothing like it in mlx-lm-py")
            ours = command.values.get(str(option)) or command.flags.get(str(option))
            if ours:
                # What begins with a dash would else be taken for an option.
                each = values if self.nargs == "+" else [values]
                said.extend([ours] if self.nargs == 0 else [f"{ours}={value}" for value in each])

    for option in (*command.values, *command.unused):
        several = "+" if option == "--extra-eos-token" else None
        parser.add_argument(option, action=Say, nargs=several, metavar="VALUE")
    for option in command.flags:
        parser.add_argument(option, action=Say, nargs=0)
    for option in command.missing:
        parser.add_argument(option, action=Say, nargs="*", help=argparse.SUPPRESS)
    if name == "convert":
        parser.add_argument("--hf-path", "--model", required=True, metavar="VALUE")
        parser.add_argument("--mlx-path", default="mlx_model", metavar="VALUE")
        parser.add_argument("-q", "--quantize", action="store_true")
    if name == "cache_prompt":
        parser.add_argument("--prompt-cache-file", required=True, metavar="VALUE")
    verbose = None
    if name == "generate":
        verbose = parser.add_argument("--verbose", default="true", metavar="BOOL")
    options = parser.parse_args(arguments)
    if verbose is not None and options.verbose.lower() in ("false", "f", "no", "0"):
        said.append("--quiet")
    if name == "convert":
        # Theirs says by a flag of its own whether the other options are to count.
        names = ("--bits", "--mode", "--recipe", "--group-size")
        how = [word for word in said if word.startswith(names)]
        said = [word for word in said if word not in how]
        if options.quantize:
            said += how if any(word.startswith(names[:3]) for word in how) else ["--bits=4", *how]
        said = [options.hf_path, options.mlx_path, *said]
    given = {word.partition("=")[0] for word in said}
    if "--draft-model" not in given:
        # It counts for nothing there.
        said = [word for word in said if not word.startswith("--num-draft-tokens=")]
    if "--kv-bits" in given and "--quantized-kv-start" not in given:
        said.append("--quantized-kv-start=5000")
    if name == "cache_prompt":
        said = [options.prompt_cache_file, *said]
    defaults = zip(command.defaults[::2], command.defaults[1::2], strict=True)
    rest = [word for pair in defaults if pair[0] not in given for word in pair]
    return [command.ours, *rest, *said]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of mlx-lm.

    Args:
        arguments: The command, also as ``mlx_lm.generate``, and its arguments. Default: ``None``,
            those of the process.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0].removeprefix("mlx_lm.") if words else ""
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        hint = nearest(name, list(COMMANDS)) if name else ""
        print_error(f"mlx-lm-py: error: name a command of mlx-lm that is here: {known}{hint}")
        return 0 if name in ("-h", "--help") else USAGE_ERROR
    return run_ours(translate(name, words[1:]))


if __name__ == "__main__":
    sys.exit(main())
