"""mlx-audio: signal processing, and a codec with tiny weights."""

from typing import Any

import mlx.core as mx
import numpy as np
from common import bare_package, fill, run

bare_package("mlx_audio")
bare_package("mlx_audio.codec")
bare_package("mlx_audio.codec.models")
from mlx_audio import dsp  # noqa: E402

SOUND = mx.array(np.random.default_rng(0).standard_normal(4000).astype(np.float32) * 0.1)


def spectra() -> dict[str, Any]:
    spectrum = dsp.stft(SOUND, n_fft=400, hop_length=100)
    back = dsp.istft(spectrum.T, hop_length=100, length=4000, normalized=True)
    return {"spectrum": spectrum, "back": back}


def filters() -> dict[str, Any]:
    return {
        "mel": dsp.mel_filters(16000, 400, 40, norm="slaney", mel_scale="slaney"),
        "fbank": dsp.compute_fbank_kaldi(SOUND, num_mels=40, dither=0.0),
        "deltas": dsp.compute_deltas_kaldi(mx.reshape(SOUND[:800], (20, 40))),
        **{name: getattr(dsp, name)(64) for name in ("hanning", "hamming", "blackman", "bartlett")},
    }


def gradients() -> dict[str, Any]:
    def loss(sound: mx.array) -> mx.array:
        return mx.sum(mx.abs(dsp.stft(sound, n_fft=128, hop_length=32)) ** 2)

    return {"gradient": mx.grad(loss)(SOUND[:1000])}


def vocos() -> dict[str, Any]:
    from mlx_audio.codec.models.vocos.vocos import ISTFTHead, VocosBackbone

    backbone = fill(VocosBackbone(16, 32, 64, 2))
    head = fill(ISTFTHead(32, 64, 16))
    mel = mx.array(np.random.default_rng(1).standard_normal((1, 20, 16)).astype(np.float32))
    return {"sound": head(backbone(mel))}


run([("spectra", spectra), ("filters", filters), ("gradients", gradients), ("vocos", vocos)])
