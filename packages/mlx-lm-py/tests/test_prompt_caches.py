"""Guesses, caches of all kinds and prompts that were read before, from the command line."""

import json
import re
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import pytest
from command_line import TEMPLATE, make_default_package, run_main, use_model
from mlx_lm_py import cli, load
from mlx_lm_py.cache import (
    QuantizedKVCache,
    QuantizedRotatingKVCache,
    RotatingKVCache,
    load_prompt_cache,
    make_prompt_cache,
    save_prompt_cache,
)
from mlx_lm_py.utils import save_config, save_model
from tiny_models import make_folder, read_config, wide


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model in place of the default one, in an empty folder, without a hub."""
    return use_model(tmp_path, monkeypatch)


def answers(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert run_main(cli.main, ["generate", "--json", "-n", "12", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def folder_with_a_template(folder: Path, name: str = "llama") -> Path:
    folder.mkdir()
    make_folder(folder, name)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def wide_folder(folder: Path) -> Path:
    """A model whose heads are wide enough for groups of 32."""
    folder_with_a_template(folder)
    (folder / "model.safetensors").unlink()
    save_model(folder, wide())
    save_config({**read_config("llama"), "head_dim": 32}, folder / "config.json")
    return folder


@pytest.mark.parametrize("temp", ["0", "0.8"])
def test_guesses_change_no_answer(
    temp: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["-p", "hellhellhell", "--temp", temp, "-s", "3", "-n", "40"]
    # Two tokens that are much more likely than others: an answer that repeats itself.
    often = [*asked, "--logit-bias", '{"56": 20, "57": 19}']
    draft = ["--draft-model", str(model), "--num-draft-tokens", "3"]
    for question, options in ((often, ["--ngram", "1"]), (asked, ["--ngram", "2"]), (asked, draft)):
        (plain,) = answers(question, capsys)
        (guessed,) = answers([*question, *options], capsys)
        assert guessed["text"] == plain["text"]
        assert plain["guessed_tokens"] == 0
        assert guessed["guessed_tokens"] > 0 or (question is not often and options is not draft)
    assert run_main(cli.main, ["generate", *asked, "--ngram", "2"]) == 0
    assert re.search(r"^Guessed: \d+ of \d+ tokens$", capsys.readouterr().err, re.M)


def test_a_draft_model_of_other_tokens(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_with_a_template(tmp_path / "draft")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["h"], vocabulary["e"] = vocabulary["e"], vocabulary["h"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert run_main(cli.main, ["generate", "-p", "a", "--draft-model", str(folder)]) == 1
    assert "draft_tokenizer has other tokens than tokenizer" in capsys.readouterr().err


def test_at_least_so_many_tokens(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Without it, the answer ends at once.
    asked = ["-p", "a", "--logit-bias", '{"95": 1000}']
    assert [one["generation_tokens"] for one in answers(asked, capsys)] == [1]
    for more in ([], ["--answers", "2"]):
        for one in answers([*asked, "--min-tokens", "5", *more], capsys):
            assert (one["generation_tokens"], one["finish_reason"]) == (6, "stop")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["--max-kv-size", "6"], RotatingKVCache),
        (["--kv-bits", "8", "--kv-group-size", "32"], QuantizedKVCache),
        (
            ["--kv-bits", "8", "--kv-group-size", "32", "--max-kv-size", "9"],
            QuantizedRotatingKVCache,
        ),
    ],
)
def test_caches_of_one_answer_and_of_several(
    options: list[str],
    kind: type,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlx_lm_py import engine, generation

    seen: list[Any] = []
    stream, insert = generation.stream_generate, engine.BatchGenerator.insert

    def streaming(*arguments: Any, prompt_cache: Any, **more: Any) -> Any:
        seen.append(prompt_cache)
        return stream(*arguments, prompt_cache=prompt_cache, **more)

    def inserting(self: Any, prompts: Any, limits: Any, caches: Any, **more: Any) -> Any:
        seen.extend(caches)
        return insert(self, prompts, limits, caches, **more)

    monkeypatch.setattr(generation, "stream_generate", streaming)
    monkeypatch.setattr(engine.BatchGenerator, "insert", inserting)
    folder = str(wide_folder(tmp_path / "wide"))
    asked = ["-m", folder, "-p", "hellohello", *options]
    (one,) = answers(asked, capsys)
    both = answers([*asked, "--answers", "2"], capsys)
    assert [other["text"] for other in both] == [one["text"]] * 2
    assert len(seen) == 3
    for cache in seen:
        assert all(type(layer) is kind for layer in cache)
        if kind is not QuantizedKVCache:
            assert {layer.max_size for layer in cache} == {int(options[-1])}
        if kind is not RotatingKVCache:
            assert {(layer.bits, layer.group_size) for layer in cache} == {(8, 32)}


def test_quantized_from_a_position_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(wide_folder(tmp_path / "wide"))
    asked = ["-m", folder, "-p", "hellohello"]
    bits = ["--kv-bits", "2", "--kv-group-size", "32"]
    (plain,) = answers(asked, capsys)
    (coarse,) = answers([*asked, *bits], capsys)
    (late,) = answers([*asked, *bits, "--quantized-kv-start", "1000"], capsys)
    assert late["text"] == plain["text"] != coarse["text"]


# A cache that can be cut, one of layers that keep a state, and one with a window.
@pytest.mark.parametrize("name", ["llama", "lfm2", "gemma3_text"])
@pytest.mark.parametrize("several", [False, True])
def test_a_prompt_that_was_read_before(
    name: str, several: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(folder_with_a_template(tmp_path / name, name))
    file = str(tmp_path / "p.safetensors")
    arguments = ["-m", folder, "-S", "s", "-p", "hell"]
    assert run_main(cli.main, ["cache-prompt", *arguments, file]) == 0
    assert re.match(rf"{re.escape(file)}: 8 tokens, .* tokens/s\n", capsys.readouterr().out)
    count = ["--answers", "2"] if several else []
    whole = answers(["-m", folder, "-S", "s", "-p", "hello you", *count], capsys)
    after = answers(["-m", folder, "-p", "o you", "--prompt-cache", file, *count], capsys)
    assert [one["text"] for one in after] == [one["text"] for one in whole]
    for one, other in zip(after, whole, strict=True):
        assert one["cached_tokens"] == 8
        assert one["prompt_tokens"] == other["prompt_tokens"] - 8
    if not several:
        guessing = ["--prompt-cache", file, "--draft-model", folder]
        (guessed,) = answers(["-m", folder, "-p", "o you", *guessing], capsys)
        assert guessed["text"] == whole[0]["text"]


def test_a_text_that_was_read_before(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = "hello"[:3]
    assert run_main(cli.main, ["cache-prompt", "--raw", "-p", begun, "t.safetensors", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    (whole,) = answers(["--raw", "-p", "hellox"], capsys)
    (after,) = answers(["--raw", "-p", "lox", "--prompt-cache", "t.safetensors"], capsys)
    assert after["text"] == whole["text"]
    # The second token of what was read goes on in the whole text.
    assert after["cached_tokens"] == 1
    assert run_main(cli.main, ["generate", "-p", "a", "--prompt-cache", "t.safetensors"]) == 1
    assert "t.safetensors holds a text: give --raw" in capsys.readouterr().err
    assert run_main(cli.main, ["cache-prompt", "-p", begun, "c.safetensors", "-q"]) == 0
    raw = ["generate", "--raw", "-p", "a", "--prompt-cache", "c.safetensors"]
    assert run_main(cli.main, raw) == 1
    assert "holds a conversation: leave --raw away" in capsys.readouterr().err
    assert run_main(cli.main, ["chat", "--prompt-cache", "t.safetensors"]) == 1
    assert "t.safetensors holds no conversation" in capsys.readouterr().err


def test_a_file_of_mlx_lm(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    language_model, tokenizer = load(model)
    tokens = tokenizer.encode("uhell")
    cache = make_prompt_cache(language_model)
    mx.eval(language_model(mx.array([tokens]), cache=cache))
    metadata = {"model": "m", "tokenizer_config": "{}"}
    save_prompt_cache("theirs.safetensors", cache, metadata)
    (whole,) = answers(["-p", "hellzyx"], capsys)
    (after,) = answers(["-p", "zyx", "--prompt-cache", "theirs.safetensors"], capsys)
    assert after["text"] == whole["text"]
    assert after["prompt_tokens"] == whole["prompt_tokens"] - len(tokens)
    draft = ["--prompt-cache", "theirs.safetensors", "--draft-model", str(model)]
    assert run_main(cli.main, ["generate", "-p", "zyx", *draft]) == 1
    assert "does not say what --draft-model has to read" in capsys.readouterr().err
    assert run_main(cli.main, ["chat", "--prompt-cache", "theirs.safetensors"]) == 1
    assert "holds no conversation" in capsys.readouterr().err


def test_mlx_lm_reads_our_file(model: Path) -> None:
    theirs = pytest.importorskip("mlx_lm.models.cache")
    assert (
        run_main(cli.main, ["cache-prompt", "-m", str(model), "-p", "hell", "a.safetensors"]) == 0
    )
    cache, metadata = theirs.load_prompt_cache("a.safetensors", return_metadata=True)
    # What mlx_lm.generate looks for.
    assert metadata["model"] == str(model)
    assert json.loads(metadata["tokenizer_config"]) == {}
    assert {layer.offset for layer in cache} == {len(json.loads(metadata["tokens"]))}


def test_a_cache_is_written_whole_or_not_at_all(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_main(cli.main, ["cache-prompt", "-p", "hell", "a.safetensors"]) == 0
    before = Path("a.safetensors").read_bytes()
    capsys.readouterr()
    assert run_main(cli.main, ["cache-prompt", "-p", "he", "a.safetensors"]) == 1
    assert "a.safetensors exists already" in capsys.readouterr().err
    assert Path("a.safetensors").read_bytes() == before
    monkeypatch.setattr("mlx_lm_py.commands.common.reuse.read_tokens", lambda *_, **__: 1 / 0)
    assert run_main(cli.main, ["cache-prompt", "-p", "he", "b.safetensors"]) == 1
    assert [path.name for path in Path().iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": "["}, "does not say which tokens it holds"),
        ({"tokens": "[1, 2, 96, 4, 5]"}, "does not say which tokens it holds"),
        ({"tokens": '"abcde"'}, "does not say which tokens it holds"),
        ({"tokens": "[1]"}, "positions, and names 1 tokens"),
        ({"conversation": "{"}, "is not JSON"),
        ({"conversation": '{"messages": [{"role": 1, "content": ""}]}'}, "holds no conversation"),
    ],
)
def test_damaged_files(
    change: dict[str, str], message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(cli.main, ["cache-prompt", "-p", "hell", "a.safetensors"]) == 0
    cache, metadata = load_prompt_cache("a.safetensors", True)
    save_prompt_cache("b.safetensors", cache, {**metadata, **change})
    for command in (["generate", "-p", "a"], ["chat"]):
        assert run_main(cli.main, [*command, "--prompt-cache", "b.safetensors"]) == 1
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1


def test_the_cache_of_another_model(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = str(folder_with_a_template(tmp_path / "other"))
    assert run_main(cli.main, ["cache-prompt", "-m", other, "-p", "hell", "a.safetensors"]) == 0
    capsys.readouterr()
    assert run_main(cli.main, ["generate", "-p", "a", "--prompt-cache", "a.safetensors"]) == 1
    assert "is the cache of another model" in capsys.readouterr().err
    # One that does not say whose it is, of another shape.
    cache, metadata = load_prompt_cache("a.safetensors", True)
    save_prompt_cache("b.safetensors", cache[:-1], metadata)
    assert run_main(cli.main, ["generate", "-p", "a", "--prompt-cache", "b.safetensors"]) == 1
    assert "is the cache of another model" in capsys.readouterr().err


def test_a_cache_moves_with_its_model(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(cli.main, ["cache-prompt", "-p", "hell", "a.safetensors"]) == 0
    capsys.readouterr()
    moved = make_default_package(tmp_path / "elsewhere")
    asked = ["-m", str(moved), "-p", "o", "--prompt-cache", "a.safetensors"]
    assert answers(asked, capsys)[0]["cached_tokens"] > 0
