"""The fuzz finds what is wrong, and what it has found stays mended."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from fuzz import __main__ as command
from fuzz.arrays import arrays_of, bounds
from fuzz.arrays.calls import Call, Draw
from fuzz.arrays.catalogue import CATALOGUE
from fuzz.arrays.checks import check
from fuzz.arrays.execution import make_arrays, program_text
from fuzz.arrays.failures import Wrong
from fuzz.arrays.kind import Arrays
from fuzz.arrays.minimise import minimised
from fuzz.arrays.programs import draw_program
from fuzz.arrays.values import FORMATS, Source, promoted, rounded, to_mlx, to_wide
from fuzz.files.cases import FORMATS as FILE_FORMATS
from fuzz.files.cases import draw_case, draw_changes
from fuzz.files.kind import Files
from fuzz.kinds import Failure, kinds, regressions_of
from fuzz.runner import Report, run, work

SEEDS = [(name, seed) for name, kind in kinds().items() for seed in regressions_of(kind)]


@pytest.mark.parametrize(("kind", "seed"), SEEDS)
def test_seeds_that_have_failed(kind: str, seed: str) -> None:
    result = kinds()[kind].run(seed)
    assert not isinstance(result, Failure), result


@pytest.mark.parametrize("name", CATALOGUE)
def test_an_operation(name: str) -> None:
    kind = Arrays((name,))
    compared = 0
    for number in range(8):
        result = kind.run(f"{name}:{number}")
        assert not isinstance(result, Failure), f"{result.what}\n{result.program}"
        compared += result
    assert compared > 0


@pytest.fixture
def wrong_operation() -> Iterator[str]:
    """An operation of the catalogue whose exact result is another one."""

    def draw(d: Draw) -> Call:
        call = CATALOGUE["exp"](d)
        return replace(call, exact=lambda x: np.exp(x) * (1 + 2e-6))

    CATALOGUE["wrong"] = draw
    yield "wrong"
    del CATALOGUE["wrong"]


def failures(name: str, count: int = 30) -> list[Failure]:
    kind = Arrays((name,))
    results = [kind.run(f"{name}:{i}") for i in range(count)]
    return [result for result in results if isinstance(result, Failure)]


class TestItCanFail:
    def test_with_a_wrong_oracle(self, wrong_operation: str) -> None:
        found = failures(wrong_operation)
        assert {failure.cause for failure in found} == {"wrong"}
        shortest = min((Arrays().minimise(f) for f in found), key=lambda f: len(f.program))
        assert "mx.exp(x0)" in shortest.program
        assert "mx.vmap" not in shortest.program
        assert "mx.compile" not in shortest.program

    def test_with_a_wrong_operation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cumsum = mx.cumsum
        monkeypatch.setattr(
            mx, "cumsum", lambda a, **options: cumsum(mx.stop_gradient(a), **options)
        )
        assert {failure.cause for failure in failures("cumsum")} == {"cumsum derivative"}

    def test_with_a_result_that_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = count()

        def sometimes(a: mx.array) -> mx.array:
            return a if next(calls) % 2 == 0 else a + mx.array(1, a.dtype)

        # Called twice by the name that is imported, once for each way.
        monkeypatch.setattr(mx, "stop_gradient", sometimes)
        causes = {failure.cause for failure in failures("stop_gradient")}
        assert causes & {"stop_gradient alone", "stop_gradient the second time"}

    def test_with_an_input_that_changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fill(a: mx.array) -> mx.array:
            result = mx.array(a)
            if a.size:
                a[...] = 7
            return result

        program = next(
            p
            for i in range(99)
            if (p := draw_program(f"stop_gradient:{i}"))
            and p.mode == "eager"
            and not p.levels
            and not p.derivative
            and p.inputs[0].values.size
        )
        program = replace(program, steps=program.steps[:1], out_axes=program.out_axes[:1])
        monkeypatch.setattr(mx, "stop_gradient", fill)
        with pytest.raises(Wrong, match=r"has changed|is another"):
            check(program)


@pytest.mark.parametrize("name", FILE_FORMATS)
def test_files(name: str) -> None:
    kind = Files((name,))
    for number in range(60):
        result = kind.run(f"{name}:{number}")
        assert not isinstance(result, Failure), f"{result.what}\n{result.program}"


class TestFilesCanFail:
    """A reader that is wrong in one way is found, and told apart from others."""

    def causes(self, name: str) -> set[str]:
        kind = Files((name,))
        results = [kind.run(f"{name}:{number}") for number in range(60)]
        return {result.cause for result in results if isinstance(result, Failure)}

    @pytest.mark.parametrize("name", ["npy", "npz", "safetensors"])
    def test_with_another_value(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        load = mx.load

        def changed(x: mx.array) -> mx.array:
            return mx.where(x == x, mx.zeros_like(x), x)

        def wrong(*args: Any, **options: Any) -> Any:
            loaded = load(*args, **options)
            if isinstance(loaded, dict):
                return {name: changed(x) for name, x in loaded.items()}
            return changed(loaded)

        monkeypatch.setattr(mx, "load", wrong)
        assert self.causes(name) == {f"{name}: other values"}

    def test_with_another_exception(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def wrong(*args: Any, **options: Any) -> Any:
            raise KeyError(args, options)

        monkeypatch.setattr(mx, "load", wrong)
        assert self.causes("gguf") == {"gguf: raises KeyError"}

    def test_with_a_reader_that_refuses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def wrong(*args: Any, **options: Any) -> Any:
            raise OSError("never")

        monkeypatch.setattr(mx, "load", wrong)
        assert self.causes("safetensors") == {"safetensors: we refuse: never"}

    def test_a_case_is_made_shorter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def wrong(*args: Any, **options: Any) -> Any:
            raise KeyError

        seed = next(f"npy:{i}" for i in range(99) if len(draw_changes(f"npy:{i}")) == 4)
        monkeypatch.setattr(mx, "load", wrong)
        failure = Files().run(seed)
        assert isinstance(failure, Failure)
        shorter = Files().minimise(failure)
        assert repr(draw_case(seed, []).content) in shorter.program
        assert shorter.cause == failure.cause


class TestPrograms:
    def test_a_seed_gives_one_program(self) -> None:
        for name in ("add", "attention", "index"):
            first, second = draw_program(f"{name}:3"), draw_program(f"{name}:3")
            assert first is not None
            assert second is not None
            assert program_text(first) == program_text(second)

    def test_the_text_of_a_program_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        program = next(
            p for i in range(99) if (p := draw_program(f"add:{i}")) and len(p.levels) == 2
        )
        exec(program_text(program), {})
        assert "array(" in capsys.readouterr().out

    def test_arrays_of_a_seed(self) -> None:
        program = draw_program("add:5")
        assert program is not None
        made = arrays_of("add:5")
        assert [made[x.name].shape for x in program.inputs] == [
            x.base.shape for x in program.inputs
        ]

    def test_layouts_show_their_elements(self) -> None:
        views = set()
        for i in range(40):
            program = draw_program(f"add:{i}")
            assert program is not None
            for value, array in zip(program.inputs, make_arrays(program.inputs), strict=True):
                np.testing.assert_array_equal(to_wide(array), value.values)
                views.add(value.view.partition("(")[0] if "(" in value.view else value.view[:3])
        assert len(views) > 3

    def test_minimising_keeps_the_cause(self, wrong_operation: str) -> None:
        program = draw_program(failures(wrong_operation)[0].seed)
        assert program is not None
        with pytest.raises(Wrong) as wrong:
            check(program)
        smaller, again = minimised(program, wrong.value)
        assert again.cause == wrong.value.cause
        assert len(smaller.steps) <= len(program.steps)


class TestValues:
    @pytest.mark.parametrize("dtype", FORMATS)
    def test_elements_are_those_of_the_type(self, dtype: str) -> None:
        values = Source("elements").elements((500,), dtype)
        np.testing.assert_array_equal(to_wide(to_mlx(values, dtype)), values)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
    def test_rounding_is_that_of_mlx(self, dtype: str) -> None:
        wide = Source("rounding").elements((2000,), "float64", "finite")
        got = to_wide(mx.array(wide, mx.float64).astype(mx.float32).astype(getattr(mx, dtype)))
        np.testing.assert_array_equal(got, rounded(rounded(wide, "float32"), dtype))

    def test_promotion_is_that_of_mlx(self) -> None:
        for a in ("bool", "uint8", "uint32", "uint64", "int8", "int64", *FORMATS):
            for b in ("bool", "uint16", "uint64", "int8", "int32", *FORMATS):
                x, y = (mx.zeros(1, getattr(mx, t + "_" * (t == "bool"))) for t in (a, b))
                assert str((x + y).dtype).endswith("." + promoted(a, b)), (a, b)


class TestBounds:
    WANT = bounds.Want(np.array([1.0, np.inf, np.nan, 65504.0]), "float16", np.array([1e-3] * 4))

    @pytest.mark.parametrize(
        ("at", "value", "right"),
        [
            (0, 1.0005, True),
            (0, 1.002, False),
            (0, np.nan, False),
            (1, -np.inf, False),
            (1, 65504.0, False),
            (2, 1.0, False),
            (3, np.inf, True),
            (3, -np.inf, False),
        ],
    )
    def test_of_elements(self, at: int, value: float, right: bool) -> None:
        got = np.array(self.WANT.value)
        got[at] = value
        assert (bounds.difference(got, "float16", self.WANT) is None) == right

    def test_of_types_and_shapes(self) -> None:
        got = self.WANT.value
        assert "of type" in str(bounds.difference(got, "float32", self.WANT))
        assert "of shape" in str(bounds.difference(got[:2], "float16", self.WANT))


@dataclass
class Counting:
    """A kind whose cases are numbers, of which some fail."""

    regressions: Path
    ran: list[str] = field(default_factory=list)

    def seeds(self, start: int) -> Iterator[str]:
        return (f"n:{i}" for i in range(start, start + 10))

    def run(self, seed: str) -> int | Failure:
        self.ran.append(seed)
        return Failure(seed, "five", "is 5", "print(5)") if seed.endswith("5") else 2

    def minimise(self, failure: Failure) -> Failure:
        return replace(failure, program="5")


class TestRunner:
    def test_a_worker_tells_what_it_does(self, tmp_path: Path) -> None:
        out = io.StringIO()
        work(Counting(tmp_path / "seeds"), 0, 4, 60, out)
        lines: list[dict[str, Any]] = [json.loads(line) for line in out.getvalue().splitlines()]
        assert lines[:2] == [{"seed": "n:4"}, {"calls": 2}]
        assert lines[3]["failure"]["program"] == "5"

    def test_failures_are_kept(self, tmp_path: Path) -> None:
        kind = Counting(tmp_path / "seeds")
        kind.regressions.write_text("n:1  # one\n")
        report = Report(0)
        for seed in ("n:5", "n:1"):
            report.add(Failure(seed, seed, "", ""))
        command.keep(kind, report)
        assert regressions_of(kind) == ["n:1", "n:5"]

    def test_in_a_process_of_its_own(self) -> None:
        report = run("arrays", 1, 6, ("add", "sum"), print)
        assert report.failures == {}
        assert report.calls > 0
        assert set(report.counts) <= {"add", "sum"}

    def test_the_command_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["arrays", "--case", "add:1"]) == 0
        assert "nothing wrong" in capsys.readouterr().out
        with pytest.raises(SystemExit):
            command.main(["nothing"])
