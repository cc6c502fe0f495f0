"""Each command does what its help says, and every example of the help runs."""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from command_line import Stdin, run_main, use_model
from gguf_files import make_gguf
from mlx_lm_py import cli, load
from mlx_lm_py.commands.common import bench_table, disk, scoring
from mlx_lm_py.commands.common.man import man_page
from tiny_models import make_folder


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model in place of the default one, in an empty folder, without a hub."""
    return use_model(tmp_path, monkeypatch)


def run(arguments: list[str], stdin: str = "") -> int:
    before = sys.stdin
    sys.stdin = Stdin(stdin)
    try:
        return run_main(cli.main, arguments)
    finally:
        sys.stdin = before


EXAMPLES = [
    line
    for name in cli.COMMANDS
    for line, _ in importlib.import_module(f"mlx_lm_py.commands.{name.replace('-', '_')}").EXAMPLES
]
# There is no hub here; test_hub.py has one of its own.
NEEDS_HUB = re.compile(r"mlx-lm-py (pull|rm org)")


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_runs(line: str, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("README.md").write_text("Some words about pears, apples and quinces. " * 20)
    Path("model.gguf").write_bytes(model.read_bytes())
    piped, _, command = line.rpartition(" | ")
    stdin = ""
    if piped:
        stdin = subprocess.run(["sh", "-c", piped], capture_output=True, text=True).stdout
        assert stdin
    program, *arguments = shlex.split(command)
    assert program == "mlx-lm-py"
    status = run(arguments, stdin)
    out, err = capsys.readouterr()
    if NEEDS_HUB.match(command):
        assert status == 1
        assert err.count("\n") == 1
    else:
        assert status == 0, err
        assert out or arguments == ["chat"] or arguments[0] == "chat"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in ("40", "120"):
        monkeypatch.setenv("COLUMNS", columns)
        assert run([name, "--help"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"usage: mlx-lm-py {name} [options]")
        assert "examples:\n  " in out
        lines = out.partition("examples:")[0].splitlines()[1:]
        # The names of an option and its value stay on a line.
        assert all(len(line) < int(columns) for line in lines if not line.startswith("  -"))
    assert run(["help", name]) == 0
    assert capsys.readouterr().out == out


def test_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["-h"], ["help"]):
        assert run(arguments) == 0
        out = capsys.readouterr().out
        assert all(f"\n  {name} " in out for name in cli.COMMANDS)
    assert run(["-V"]) == 0
    assert capsys.readouterr().out.startswith("mlx-lm-py ")


def test_help_loads_no_arrays() -> None:
    code = (
        "import sys; from mlx_lm_py import cli\n"
        "try: cli.main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print({'mlx_core_py', 'tokenizers', 'jinja2', 'huggingface_hub'} & sys.modules.keys())"
    )
    for arguments in (["--help"], ["generate", "--help"], ["bench", "--wrong"], ["chatt"]):
        command = [sys.executable, "-c", code, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        assert result.stdout.endswith("set()\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a COMMAND is needed: " + ", ".join(cli.COMMANDS) + ""),
        (["chta"], "unknown command 'chta'; did you mean 'chat'?"),
        (["xyzzy"], "unknown command 'xyzzy'"),
        (["--bogus"], "unknown option '--bogus'"),
        (
            ["generate", "--max", "3"],
            "unknown option '--max'; did you mean '--max-tokens'?",
        ),
        (
            ["generate", "--promt=a"],
            "unknown option '--promt'; did you mean '--prompt'?",
        ),
        (["generate", "hello"], "unexpected argument 'hello'; a prompt goes after --prompt"),
        (
            ["bench", "--plot", "x.gif"],
            "--plot: the name must end in .svg, .png or .pdf, not 'x.gif'",
        ),
        (["bench", "--plot", "no/x.svg"], "--plot: there is no folder no"),
        (
            ["generate"],
            "what to ask is missing: give --prompt TEXT, or pipe it in",
        ),
        (
            ["generate", "-p", "a", "--logprobs", "2"],
            "--logprobs needs --json",
        ),
        (
            ["generate", "-p", "a", "-f", "b"],
            "argument -f/--prompt-file: not allowed with argument -p/--prompt",
        ),
        (
            ["chat", "--temp"],
            "argument --temp: expected one argument",
        ),
        (
            ["chat", "--threads", "0"],
            "argument -t/--threads: 0 is not in 1..4096",
        ),
        (
            ["generate", "--chat-template-args", "3"],
            "argument --chat-template-args: '3' is not a JSON object, such as '{\"a\": 1}'",
        ),
        (
            ["bench", "-p", "0", "-g", "0"],
            "there is nothing to measure: --prompt-tokens and --generation-tokens",
        ),
        (
            ["bench", "-p", "1,x"],
            "argument -p/--prompt-tokens: invalid integer value: '1,x'",
        ),
        (
            ["pull", "pears"],
            "'pears' is not the name of a repository, such as org/repo",
        ),
        (["rm"], "the following arguments are required: PATH_OR_REPO"),
        (
            ["generate", "-p", "a", "--num-draft-tokens", "2"],
            "--num-draft-tokens needs --draft-model or --ngram",
        ),
        (
            ["chat", "--ngram", "2", "--draft-model", "m"],
            "argument --draft-model: not allowed with argument --ngram",
        ),
        *(
            (
                ["generate", "-p", "a", "--answers", "2", option, "3"],
                f"{option} is for a single answer: it cannot be used for several at once",
            )
            for option in ("--ngram", "--draft-model", "--quantized-kv-start")
        ),
        *(
            (
                [name, *rest, "--prompt-cache", "f", "-S", "a"],
                "--system-prompt is what the file of --prompt-cache has: leave it away",
            )
            for name, rest in (("generate", ["-p", "a"]), ("chat", []))
        ),
        (
            ["generate", "-p", "a", "--prompt-cache", "f", "--max-kv-size", "9"],
            "--max-kv-size is what the file of --prompt-cache has: leave it away",
        ),
        (
            ["quantize", "a", "b", "--type", "Q8_0"],
            "--type is for a GGUF file: name an OUTPUT that ends with .gguf",
        ),
        (
            ["quantize", "a", "b.gguf", "--bits", "4"],
            "the weights of a GGUF file are what --type says",
        ),
    ],
)
def test_mistakes_in_the_command_line(
    arguments: list[str], message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    program = (
        f"mlx-lm-py {arguments[0]}"
        if arguments[:1] and arguments[0] in cli.COMMANDS
        else "mlx-lm-py"
    )
    expected = f"mlx-lm-py: error: {message} (see {program} --help)\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "-p", "a", "-m", "no.gguf"], "no such file or folder: no.gguf"),
        (
            ["generate", "-p", "a", "--chat-template", "no"],
            "--chat-template: 'no' is neither a file nor a template of the model (it has: default)",
        ),
        (
            ["generate", "-p", "a", "--raw", "-S", "b"],
            "--system-prompt cannot be used with --raw",
        ),
        (
            ["generate", "-p", "a", "--logit-bias", '{"96": 1}'],
            "--logit-bias: '96' is none of the 96 tokens",
        ),
        (
            ["generate", "-p", "a", "--logit-bias", '{"1": "x"}'],
            "--logit-bias: the bias of token 1 must be a number",
        ),
        (["generate", "-f", "no.txt"], "no.txt: no such file or directory"),
        (["generate", "-f", "empty.txt"], "empty.txt holds no prompt"),
        (["generate", "-f", "bad.jsonl"], "line 2 of bad.jsonl is not JSON"),
        (
            ["generate", "-f", "odd.jsonl"],
            "line 1 of odd.jsonl has neither a 'prompt' that is text nor 'messages'",
        ),
        (["bench", "-p", "5000"], "a test of 5000 tokens is longer than the context of 4096"),
        (["perplexity", "-f", "empty.txt"], "the text must have at least two tokens"),
        (["perplexity", "-c", "5000"], "--context 5000 is more than the 4096 of the model"),
        (["ls", "nowhere"], "no such folder: nowhere"),
        (["rm", "empty.txt"], "empty.txt is not a GGUF file"),
        (["rm", "."], ". is a folder; rm removes GGUF files and what pull has downloaded"),
        (["rm", "nothing"], "no such file: nothing"),
        (["rm", "org/repo"], "org/repo is not in the cache of the hub, which is empty"),
        (
            ["generate", "-p", "a", "--draft-model", "no.gguf"],
            "no such file or folder: no.gguf",
        ),
        (
            ["generate", "-p", "a", "--prompt-cache", "no.safetensors"],
            "there is no file 'no.safetensors'",
        ),
        (["chat", "--prompt-cache", "no.safetensors"], "there is no file 'no.safetensors'"),
        (
            ["cache-prompt", "-p", "a", "x.bin"],
            "the name of the file must end in .safetensors, not 'x.bin'",
        ),
        (
            ["cache-prompt", "-p", "", "--raw", "x.safetensors"],
            "there is nothing to read: the prompt has no tokens",
        ),
        (
            ["cache-prompt", "-p", "x" * 5000, "x.safetensors"],
            "the prompt has 5001 tokens; the context has room for 4096",
        ),
        (["quantize", "empty.txt", "b"], "empty.txt is not a GGUF file"),
        (["show", "empty.txt"], "empty.txt is not a GGUF file"),
    ],
)
def test_errors(
    arguments: list[str], message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.txt").touch()
    Path("bad.jsonl").write_text('"a"\n{\n')
    Path("odd.jsonl").write_text("{}\n")
    assert run(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"mlx-lm-py: error: {message}\n"


def test_there_is_no_gpu(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if mx.device_count(mx.gpu):
        pytest.skip("there is one")
    assert run(["generate", "-p", "a", "--device", "gpu"]) == 1
    assert "--device gpu: there is none here that can be used" in capsys.readouterr().err


def test_threads(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLX_SYS_PY_NUM_THREADS", "1")
    seen: list[str | None] = []
    # A function of the package has the name of the module.
    monkeypatch.setattr(
        importlib.import_module("mlx_lm_py.loading.load"),
        "load_parts",
        lambda *_, **__: seen.append(os.environ["MLX_SYS_PY_NUM_THREADS"]) or 1 / 0,  # type: ignore[func-returns-value, redundant-expr]
    )
    assert run(["generate", "-p", "a", "-t", "3"]) == 1
    assert seen == ["3"]


def test_a_prompt_from_a_pipe(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for arguments, stdin in (
        (["-p", "hell"], ""),
        ([], "hell\n"),
        (["-p", "-"], "hell\n"),
    ):
        assert run(["generate", "-n", "5", "-q", *arguments], stdin) == 0
        outputs.append(capsys.readouterr())
    assert outputs[0] == outputs[1] == outputs[2]
    assert outputs[0].err == ""


def test_json(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.jsonl").write_text('"hell"\n\n{"messages": [{"role": "user", "content": "he"}]}\n')
    arguments = ["-f", "p.jsonl", "--answers", "2", "--temp", "1", "-s", "1", "-n", "3"]
    assert run(["generate", "--json", "--logprobs", "2", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    records = [json.loads(line) for line in out.splitlines()]
    assert [(r["prompt"], r["answer"]) for r in records] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    language_model, tokenizer = load(model)
    lengths = [len(tokenizer.encode(f"u{text}</s>a")) for text in ("hell", "he")]
    assert [r["prompt_tokens"] for r in records] == [lengths[0]] * 2 + [lengths[1]] * 2
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hell"}], add_generation_prompt=True
    )
    first = records[0]["logprobs"][0]
    logits = np.array(language_model(mx.array([prompt]))[0, -1]).astype(np.float64)
    expected = logits - np.log(np.exp(logits).sum())
    best = np.argsort(-expected)[:2]
    assert [top["token"] for top in first["top"]] == best.tolist()
    assert [top["logprob"] for top in first["top"]] == pytest.approx(expected[best], abs=1e-4)
    assert first["logprob"] == pytest.approx(expected[first["token"]], abs=1e-4)
    assert first["text"] == tokenizer.decode([first["token"]])


def test_options_reach_generation(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def sampler(*arguments: Any, **options: Any) -> Any:
        seen.update(options, positional=arguments)
        return lambda logprobs: mx.argmax(logprobs, axis=-1)

    monkeypatch.setattr("mlx_lm_py.sampling.make_sampler", sampler)
    monkeypatch.setattr(
        "mlx_lm_py.sampling.make_logits_processors",
        lambda *a: seen.update(processors=a) or [],  # type: ignore[redundant-expr]
    )
    monkeypatch.setattr(
        "mlx_lm_py.sampling.make_dry_penalty",
        lambda *a, **o: seen.update(dry=a) or (lambda _, logits: logits),  # type: ignore[redundant-expr]
    )
    options = (
        "--temp 0.5 --top-p 0.9 --min-p 0.1 --top-k 7 --xtc-probability 0.2 --xtc-threshold 0.3 "
        "--typical-p 0.8 --top-n-sigma 1.5 --repetition-penalty 1.2 --presence-penalty 0.4 "
        "--frequency-penalty 0.6 --penalty-context 9 --dry-multiplier 0.8 --dry-base 2 "
        "--dry-allowed-length 3 --dynatemp-range 0.3 --dynatemp-exponent 2"
    ).split()
    assert run(["generate", "-p", "a", "-n", "1", *options, "--logit-bias", '{"3": -1}']) == 0
    assert seen["positional"] == (0.5, 0.9, 0.1)
    assert seen["top_k"] == 7
    assert (seen["xtc_probability"], seen["xtc_threshold"]) == (0.2, 0.3)
    assert (seen["typical_p"], seen["top_n_sigma"]) == (0.8, 1.5)
    assert (seen["dynatemp_range"], seen["dynatemp_exponent"]) == (0.3, 2)
    assert 95 in seen["xtc_special_tokens"]
    assert seen["processors"] == ({3: -1.0}, 1.2, 9, 0.4, 9, 0.6, 9)
    assert seen["dry"] == (0.8, 2.0, 3)


def test_mirostat(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlx_lm_py.sampling import greedy

    seen: list[tuple[float, ...]] = []

    def make(*numbers: float) -> Any:
        seen.append(numbers)
        return greedy

    monkeypatch.setattr("mlx_lm_py.sampling.make_mirostat", make)
    asked = ["generate", "-p", "a", "-n", "1", "--mirostat", "5", "--mirostat-eta", "0.2"]
    assert run([*asked, "--temp", "0.7"]) == 0
    assert seen == [(5, 0.2, 0.7)]
    capsys.readouterr()
    assert run(asked) == 1
    assert capsys.readouterr().err == "mlx-lm-py: error: --mirostat needs a --temp above 0\n"


def test_stop_strings_alone_and_together(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", "-p", "hell", "-n", "12", "-q"]) == 0
    whole = capsys.readouterr().out[:-1]
    end = whole[5:7]
    cut = whole[: whole.index(end)]
    assert run(["generate", "-p", "hell", "-n", "12", "-q", "--stop", end]) == 0
    assert capsys.readouterr().out == f"{cut}\n"
    Path("p.txt").write_text("hell\nhell\n")
    assert run(["generate", "-f", "p.txt", "-n", "12", "--json", "--stop", end]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(r["text"], r["finish_reason"]) for r in records] == [(cut, "stop")] * 2


def test_answers_of_a_form(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("llguidance")
    Path("p.txt").write_text("hell\nhe\n")
    Path("s.json").write_text('{"type": "integer", "minimum": 10, "maximum": 99}')
    Path("g.gbnf").write_text('root ::= "xy" | "zy"')
    for options, pattern in (
        (["--regex", "[ab]{3}"], "[ab]{3}"),
        (["--json-schema", "s.json"], "[0-9]{2}"),
        (["--grammar", "g.gbnf"], "[xz]y"),
    ):
        for asked in (["-p", "hell"], ["-f", "p.txt"]):
            assert run(["generate", "-n", "9", "-q", "--temp", "2", *asked, *options]) == 0
            for line in capsys.readouterr().out.splitlines():
                assert re.fullmatch(pattern, line)


def test_prefill_and_raw(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    language_model, tokenizer = load(model)
    del language_model

    def prompt_tokens(*arguments: str) -> int:
        assert run(["generate", "-n", "1", "--json", *arguments]) == 0
        return int(json.loads(capsys.readouterr().out)["prompt_tokens"])

    assert prompt_tokens("-p", "xyz") == len(tokenizer.encode("uxyz</s>a"))
    assert prompt_tokens("-p", "xyz", "--raw") == 3
    assert prompt_tokens("-p", "xyz", "--raw", "--prefill", "ab") == 5
    assert prompt_tokens("-p", "xyz", "--prefill", "ab") == len(tokenizer.encode("uxyz</s>aab"))
    assert prompt_tokens("-p", "xyz", "-S", "s") == len(tokenizer.encode("ss</s>uxyz</s>a"))
    Path("t.jinja").write_text("{{ messages[0].content }}{{ extra }}")
    options = ["--chat-template", "t.jinja", "--chat-template-args", '{"extra": "12345"}']
    assert prompt_tokens("-p", "xyz", *options) == 8


def test_verbose(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", "-p", "a", "-n", "2", "-v"]) == 0
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(
        r"Before the first token: imports \d+\.\d{3} s, loading \d+\.\d{3} s, "
        r"prompt \d+\.\d{3} s",
        last,
    )


def test_completion_of_bash(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--completion", "bash"]) == 0
    script = capsys.readouterr().out

    def completed(*words: str) -> list[str]:
        code = (
            f"{script}\nCOMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}\n"
            "_mlx_lm_py; echo ${COMPREPLY[@]}"
        )
        result = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
        assert result.stderr == ""
        return result.stdout.split()

    assert completed("mlx-lm-py", "ge") == ["generate"]
    assert completed("mlx-lm-py", "generate", "--top") == ["--top-k", "--top-p", "--top-n-sigma"]
    assert completed("mlx-lm-py", "chat", "--dtype", "f") == ["float16", "float32"]
    Path("pear.gguf").touch()
    assert completed("mlx-lm-py", "generate", "--model", "pe") == ["pear.gguf"]
    assert completed("mlx-lm-py", "generate", "--seed", "") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_names_all_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--completion", shell]) == 0
    script = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert name in script
        for action in cli.make_parser(name)._actions:
            for option in action.option_strings:
                written = f"-l {option[2:]}" if option[:2] == "--" else f"-s {option[1:]}"
                assert (written if shell == "fish" else f"{option}[") in script


def test_man_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--man"]) == 0
    page = capsys.readouterr().out
    assert page.startswith('.TH MLX-LM-PY 1 "" "mlx-lm-py" "User Commands"\n.SH NAME\n')
    for name in cli.COMMANDS:
        for action in cli.make_parser(name)._actions:
            for option in action.option_strings:
                assert option.replace("-", "\\-") in page
    parser = cli.make_parser("generate")
    parser.epilog = ".x\\y"
    assert "\\&.x\\ey\n" in man_page(parser, {"generate": parser})


def test_ls(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a").mkdir()
    make_folder(Path("a"))
    Path("b.gguf").write_bytes(b"123")
    Path("c-00001-of-00002.gguf").write_bytes(b"12")
    Path("c-00002-of-00002.gguf").write_bytes(b"345")
    Path("mmproj-b.gguf").touch()
    Path(".hidden").mkdir()
    Path(".hidden/d.gguf").touch()
    assert run(["ls", ".", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    size = Path("a/model.safetensors").stat().st_size
    assert [(r["name"], r["kind"], r["bytes"]) for r in records] == [
        ("b.gguf", "GGUF", 3),
        ("c-00001-of-00002.gguf", "GGUF", 5),
        ("a", "safetensors", size),
    ]
    assert run(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["NAME", "KIND", "SIZE", "WHERE"]
    assert lines[1].startswith("(default)")
    assert any(line.startswith("b.gguf") and line.split()[2:4] == ["3", "B"] for line in lines)


def test_nothing_is_looked_for_without_end(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    (deep / "m.gguf").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(disk.find_in_folder(tmp_path)) == []


def test_rm(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in (1, 2):
        Path(f"c-0000{i}-of-00002.gguf").write_bytes(b"12")
    Path("d.gguf").touch()
    name = "c-00001-of-00002.gguf"
    assert run(["rm", name, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("would remove c-00001-of-00002.gguf, c-00002")
    assert run(["rm", name]) == 1
    assert "give --yes" in capsys.readouterr().err
    assert run(["rm", "d.gguf", "no.gguf", "--yes"]) == 1
    assert Path("d.gguf").exists()
    assert run(["rm", name, "-y"]) == 0
    assert sorted(path.name for path in Path().glob("*.gguf")) == ["d.gguf"]


def test_bench(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "-p", "16,8", "-g", "4", "-b", "1,2", "-r", "2"]
    assert run([*arguments, "-o", "json", "--plot", "p.svg"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [r["test"] for r in records] == ["pp16", "pp16x2", "pp8", "pp8x2", "tg4", "tg4x2"]
    assert all(len(r["rates"]) == r["repetitions"] == 2 for r in records)
    assert all(r["model"] == "llama F32" and min(r["rates"]) > 0 for r in records)
    assert Path("p.svg").read_text().startswith("<?xml")
    seen = run(["bench", "-p", "8", "-g", "4", "-r", "1", "--concurrency", "2,3", "-o", "csv"])
    assert seen == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[5] for line in lines[3:]] == ["pp8+tg4 c2", "pp8+tg4 c3"]
    assert run([*arguments, "-o", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_the_table_of_a_benchmark() -> None:
    row = bench_table.Row("llama Q4_1", 96_576_768, 134_515_008, "CPU", 2, "pp512", (10.0, 14.0))
    head, rule, line = bench_table.to_markdown([row]).splitlines()
    assert [cell.strip() for cell in head.split("|")[1:-1]] == [
        "model", "size", "params", "backend", "threads", "test", "tokens/s",
    ]  # fmt: skip
    assert set(rule) == set("| -:")
    # The deviation of 10 and 14 is the root of 8.
    assert [cell.strip() for cell in line.split("|")[1:-1]] == [
        "llama Q4_1", "96.6 MB", "135 M", "CPU", "2", "pp512", "12.00 ± 2.83",
    ]  # fmt: skip
    assert len({len(text) for text in (head, rule, line)}) == 1
    assert bench_table.to_csv([row]).splitlines()[1] == (
        "llama Q4_1,96576768,134515008,CPU,2,pp512,12.0,2.8284,2"
    )


def test_scores(model: Path) -> None:
    language_model, tokenizer = load(model)
    other, _ = load(make_gguf(Path("other.gguf"), "llama_tied"))
    pieces = scoring.pieces_of("hello pears and apples" * 3, tokenizer, 16, None)
    assert {len(piece) for piece in pieces} == {16}
    ours, theirs, kept = [], [], []  # type: ignore[var-annotated]
    for piece in pieces:
        for logits, rows in (
            (language_model(mx.array([piece])), ours),
            (other(mx.array([piece])), theirs),
        ):
            values = np.array(logits[0, :-1]).astype(np.float64)
            rows.append(values - np.log(np.exp(values).sum(-1, keepdims=True)))
        kept += piece[1:]
    p, q = np.concatenate(ours), np.concatenate(theirs)
    nll = -p[np.arange(len(kept)), kept]
    found = scoring.compare(language_model, other, pieces)
    alone = scoring.score(language_model, pieces)
    assert alone == found.model
    assert alone.count == len(kept)
    assert alone.perplexity == pytest.approx(np.exp(nll.mean()), rel=1e-4)
    error = nll.std(ddof=1) / np.sqrt(len(nll))
    assert alone.perplexity_error == pytest.approx(np.exp(nll.mean()) * error, rel=1e-3)
    divergence = (np.exp(q) * (q - p)).sum(-1)
    assert found.divergence.mean == pytest.approx(divergence.mean(), rel=1e-3)
    assert found.same_top.mean == pytest.approx((p.argmax(-1) == q.argmax(-1)).mean())


def test_output_that_cannot_be_written(model: Path) -> None:
    command = [sys.executable, "-m", "mlx_lm_py", "show", str(model)]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 1
    assert result.stderr == "mlx-lm-py: error: no space left on device\n"


def test_stdin_of_chat(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chat", "-n", "4", "--temp", "0"], 'he\n\n"""ll\nhe"""\n/nonsense\n') == 1
    out, err = capsys.readouterr()
    assert out.count("\n") >= 2
    assert "unknown command '/nonsense'" in err
