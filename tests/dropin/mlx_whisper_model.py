"""mlx-whisper: the mel spectrogram, and the model with tiny weights."""

from typing import Any

import mlx.core as mx
import numpy as np
from common import bare_package, fill, run

bare_package("mlx_whisper")
from mlx_whisper import audio, whisper  # noqa: E402

DIMENSIONS = whisper.ModelDimensions(80, 20, 32, 2, 2, 60, 16, 32, 2, 2)


def mel() -> dict[str, Any]:
    time = np.arange(16000) / 16000
    sound = np.sin(2 * np.pi * 440 * time * (1 + time)).astype(np.float32)
    return {"mel": audio.log_mel_spectrogram(sound, padding=800)}


def decoder() -> dict[str, Any]:
    model = fill(whisper.TextDecoder(60, 16, 32, 2, 2, dtype=mx.float32))
    states = mx.array(np.random.default_rng(1).standard_normal((1, 20, 32)).astype(np.float32))
    logits, cache, _ = model(mx.array([[1, 5, 9]]), states)
    more, _, weights = model(mx.array([[7]]), states, cache)
    return {"logits": logits, "more": more, "weights": weights[0]}


def whole() -> dict[str, Any]:
    model = fill(whisper.Whisper(DIMENSIONS, mx.float32))
    sound = mx.array(np.random.default_rng(1).standard_normal((1, 40, 80)).astype(np.float32))
    return {"logits": model(sound, mx.array([[1, 5, 9]]))}


run([("mel", mel), ("decoder", decoder), ("whole", whole)])
