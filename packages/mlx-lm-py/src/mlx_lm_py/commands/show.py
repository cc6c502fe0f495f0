"""``mlx-lm-py show``: say what a model is."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from .common.arguments import integer_in
from .common.sizes import size, table

if TYPE_CHECKING:
    from .common.model_facts import Facts

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Say what a model is: its architecture, parameters, types, context, tokenizer, the memory that "
    "it needs, and whether it can be run here. The weights are not read."
)
EXAMPLES = [
    ("mlx-lm-py show", "the default model"),
    ("mlx-lm-py show --context 2048", "how much memory it needs with so much context"),
    ("mlx-lm-py show --template", "its chat template"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add = parser.add_argument
    add(
        "model",
        nargs="?",
        metavar="PATH_OR_REPO",
        help="GGUF file, folder, or Hugging Face repository (default: the default model)",
    )
    add(
        "-c",
        "--context",
        type=integer_in(1),
        metavar="N",
        help="tokens to work out the memory for (default: the context of the model)",
    )
    add("--template", action="store_true", help="print the chat template and nothing else")
    add("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> None:
    """Print what the files say.

    Args:
        options: What the parser has read.

    Raises:
        OSError: If there is no such model.
        ValueError: If a file is damaged, or the model has no chat template to print.
    """
    from mlx_lm_utils_py import get_model_path

    from mlx_lm_py.loading.default_model import default_model

    from .common.model_facts import facts_of, model_file

    path = default_model() if options.model is None else get_model_path(options.model)
    facts = facts_of(model_file(path))
    if options.template:
        template = facts.tokenizer and facts.tokenizer.chat_template
        if not template:
            raise ValueError(f"{facts.path.name} has no chat template")
        print(template)
        return
    record = _record(facts, options.context)
    if options.json:
        print(json.dumps(record, ensure_ascii=False))
        return
    print("\n".join(table([[name, text] for name, text in _lines(facts, record)])))


def _record(facts: Facts, context: int | None) -> dict[str, Any]:
    from .common.model_facts import cache_by_kind, cache_bytes

    record: dict[str, Any] = {
        "path": str(facts.path),
        "format": facts.format,
        "architecture": facts.architecture,
        "supported": facts.problem is None,
        "problem": facts.problem,
        "parameters": facts.parameters,
        "weight_bytes": facts.nbytes,
        "bits_per_weight": round(8 * facts.nbytes / max(facts.parameters, 1), 3),
        "types": {part: dict(types) for part, types in facts.types().items()},
    }
    if facts.format == "GGUF":
        record["packed"] = _packed(facts)
    if facts.tokenizer is not None:
        record["tokenizer_tokens"] = facts.tokenizer.vocab_size
        record["chat_templates"] = sorted(facts.tokenizer.chat_templates)
        ends = sorted(facts.tokenizer.eos_token_ids)
        record["ends"] = [facts.tokenizer.decode([token]) for token in ends]
    decoder = facts.decoder
    if decoder is not None:
        length = min(context or decoder.context_length, decoder.context_length)
        record |= {
            "layers": len(decoder.layers),
            "width": decoder.width,
            "vocabulary": decoder.vocab_size,
            "context": decoder.context_length,
            "memory_context": length,
            "cache_bytes": cache_bytes(decoder, length),
            "cache": {
                kind: {"layers": layers, "bytes": nbytes}
                for kind, (layers, nbytes) in cache_by_kind(decoder, length).items()
            },
        }
    return record


def _packed(facts: Facts) -> dict[str, list[str]]:
    """The quantized types of a GGUF file by what the CPU multiplies."""
    from mlx_core_py.gguf import TENSOR_TYPES, prefers_blocks

    as_they_are = prefers_blocks()
    names = {name for types in facts.types().values() for name, count in types if count}
    kinds = {name: TENSOR_TYPES[name] for name in sorted(names) if name in TENSOR_TYPES}
    quantized = {
        name: kind.packed and not as_they_are for name, kind in kinds.items() if kind.block_size > 1
    }
    return {
        "repacked": [name for name, repacked in quantized.items() if repacked],
        "as_in_the_file": [name for name, repacked in quantized.items() if not repacked],
    }


def _lines(facts: Facts, record: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        ("model", record["path"]),
        ("format", f"{facts.format}, {size(facts.nbytes)}"),
        ("architecture", facts.architecture),
        (
            "parameters",
            f"{size(facts.parameters, '')}, {record['bits_per_weight']:.2f} bits each",
        ),
    ]
    for part, types in facts.types().items():
        counted = [f"{kind} ({size(count, '')})" for kind, count in types if count]
        if counted:
            lines.append((f"  {part}", ", ".join(counted)))
    if facts.decoder is not None:
        lines += [
            ("layers", f"{record['layers']}, {record['width']} wide"),
            ("vocabulary", f"{record['vocabulary']} tokens"),
            ("context", f"{record['context']} tokens"),
        ]
    if facts.tokenizer is None:
        lines.append(("tokenizer", "cannot be read"))
    else:
        templates = ", ".join(record["chat_templates"]) or "none"
        lines += [("chat template", templates), ("ends with", " ".join(record["ends"]) or "-")]
    if facts.decoder is not None:
        total = size(facts.nbytes + record["cache_bytes"])
        parts = f"weights {size(facts.nbytes)}, cache {size(record['cache_bytes'])}"
        lines.append(("memory", f"{total} at {record['memory_context']} tokens: {parts}"))
        for kind, held in record["cache"].items():
            layers = f"{held['layers']} layer" + "s" * (held["layers"] != 1)
            lines.append((f"  {kind}", f"{layers}, {size(held['bytes'])} of cache"))
    packed = record.get("packed", {})
    for how, what in ("repacked", "packed as MLX has it"), ("as_in_the_file", "as in the file"):
        if packed.get(how):
            lines.append(("on the CPU", f"{', '.join(packed[how])}: {what}"))
    lines.append(("runs here", f"no: {facts.problem}" if facts.problem else "yes"))
    return lines
