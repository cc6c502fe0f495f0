"""mlx-lm: a tiny Llama fine-tuned in each way, and quantized by what it learns from data."""

import sys
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from common import fill, run
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.models import llama
from mlx_lm.quant.awq import AWQ_MODEL_CONFIGS, awq_quantize
from mlx_lm.quant.dwq import dwq_quantize
from mlx_lm.quant.gptq import gptq_quantize
from mlx_lm.tuner.datasets import CacheDataset
from mlx_lm.tuner.trainer import TrainingArgs, TrainingCallback, train
from mlx_lm.tuner.utils import build_schedule, linear_to_lora_layers
from mlx_lm.utils import quantize_model

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 128,
}
LORA = {"rank": 4, "scale": 2.0, "dropout": 0.1}
SCHEDULE = {"name": "cosine_decay", "warmup": 3, "arguments": [2e-3, 12]}


class Texts:
    """Sequences of tokens that count up."""

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        starts, lengths = rng.integers(0, 50, count), rng.integers(6, 40, count)
        self.texts = [
            [int(start + i) for i in range(length)]
            for start, length in zip(starts, lengths, strict=True)
        ]

    def process(self, text: list[int]) -> tuple[list[int], int]:
        return text, 2

    def __getitem__(self, index: int) -> list[int]:
        return self.texts[index]

    def __len__(self) -> int:
        return len(self.texts)


class Losses(TrainingCallback):  # type: ignore[misc]
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_loss_report(self, train_info: dict[str, Any]) -> None:
        self.losses += [train_info["train_loss"], train_info["learning_rate"]]

    def on_val_loss_report(self, val_info: dict[str, Any]) -> None:
        self.losses.append(val_info["val_loss"])


def llama_model() -> Any:
    return fill(llama.Model(llama.ModelArgs.from_dict(CONFIG)))


def trained(model: Any, optimizer: Any, name: str, **options: Any) -> dict[str, Any]:
    """The losses on the way and the weights that were learned."""
    np.random.seed(7)
    losses = Losses()
    file = Path(sys.argv[1]) / f"{name}.safetensors"
    args = TrainingArgs(
        iters=12,
        val_batches=2,
        steps_per_report=4,
        steps_per_eval=6,
        adapter_file=str(file),
        **options,
    )
    texts = CacheDataset(Texts(16, 0)), CacheDataset(Texts(8, 1))
    train(model, optimizer, *texts, args=args, training_callback=losses)
    weights: Any = mx.load(str(file))
    return {"losses": losses.losses, **weights}


def adapted(name: str, model: Any, **options: Any) -> dict[str, Any]:
    """Low-rank adapters of the last layer, and the model that they are fused into."""
    mx.random.seed(5)
    model.freeze()
    linear_to_lora_layers(model, 1, LORA, **options)
    optimizer = optim.Adam(build_schedule(SCHEDULE))
    found = trained(model, optimizer, name)
    model.eval()
    fused = [(key, part.fuse()) for key, part in model.named_modules() if hasattr(part, "fuse")]
    model.update_modules(tree_unflatten(fused))
    return {**found, "logits": model(mx.array([[1, 5, 9]]))}


def q_lora() -> dict[str, Any]:
    model, _ = quantize_model(llama_model(), dict(CONFIG), 32, 4)
    return adapted("q_lora", model)


def full(name: str, optimizer: Any, **options: Any) -> dict[str, Any]:
    """All weights of the last layer."""
    model = llama_model()
    model.freeze()
    model.layers[-1].unfreeze()
    return trained(model, optimizer, name, **options)


def tokens() -> mx.array:
    return mx.array(np.random.default_rng(3).integers(0, CONFIG["vocab_size"], (8, 24)))


def logits_of(model: Any) -> dict[str, Any]:
    """What a model with rounded weights answers: single ones may round to a neighbour."""
    loss = nn.losses.cross_entropy(model(tokens()[:, :-1]), tokens()[:, 1:], reduction="mean")
    return {"loss": loss, "layers": len(tree_flatten(model.parameters()))}


def gptq() -> dict[str, Any]:
    model, _ = gptq_quantize(llama_model(), tokens(), 4, 32, 8, 32)
    return logits_of(model)


def awq() -> dict[str, Any]:
    model = llama_model()
    awq_quantize(model, tokens(), AWQ_MODEL_CONFIGS["llama"], 32, 4, n_grid=4)
    return logits_of(model)


def dwq() -> dict[str, Any]:
    """Scales and biases that learn from the model before it was quantized."""
    np.random.seed(7)
    teacher = llama_model()
    model, _ = quantize_model(llama_model(), dict(CONFIG), 32, 4)
    texts = CacheDataset(Texts(16, 0)), CacheDataset(Texts(8, 1))

    def target(batch: mx.array, index: int, split: str) -> Any:
        return teacher(batch)

    dwq_quantize(model, target, optim.Adam(1e-3), *texts, 4, 64, 1, dtype=mx.float32)
    weights = dict(tree_flatten(model.trainable_parameters()))
    return {name: weight for name, weight in weights.items() if name.endswith("scales")}


run(
    [
        ("lora", lambda: adapted("lora", llama_model())),
        ("dora", lambda: adapted("dora", llama_model(), use_dora=True)),
        ("q_lora", q_lora),
        ("adamw", lambda: full("adamw", optim.AdamW(1e-3))),
        ("muon", lambda: full("muon", optim.Muon(1e-3))),
        ("sgd", lambda: full("sgd", optim.SGD(1e-2, momentum=0.9))),
        ("adafactor", lambda: full("adafactor", optim.Adafactor(1e-3))),
        ("accumulated", lambda: full("sum", optim.Adam(1e-3), grad_accumulation_steps=3)),
        ("checkpointed", lambda: full("again", optim.Adam(1e-3), grad_checkpoint=True)),
        ("gptq", gptq),
        ("awq", awq),
        ("dwq", dwq),
    ]
)
