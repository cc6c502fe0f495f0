"""mlx-vlm: models of images and text with tiny weights."""

from typing import Any

import mlx.core as mx
import numpy as np
from common import bare_package, fill, run

bare_package("mlx_vlm")
from mlx_vlm.models import siglip  # noqa: E402
from mlx_vlm.models.cache import KVCache  # noqa: E402
from mlx_vlm.models.qwen2_vl import config as qwen  # noqa: E402
from mlx_vlm.models.qwen2_vl import language, qwen2_vl  # noqa: E402

TEXT = qwen.TextConfig(
    model_type="qwen2_vl",
    hidden_size=32,
    num_hidden_layers=2,
    intermediate_size=64,
    num_attention_heads=4,
    num_key_value_heads=2,
    rms_norm_eps=1e-6,
    vocab_size=100,
    rope_scaling={"type": "mrope", "mrope_section": [1, 1, 2]},
)
VISION = qwen.VisionConfig(
    depth=2, embed_dim=32, hidden_size=32, num_heads=2, patch_size=4, vocab_size=100
)
MODEL = qwen.ModelConfig(
    text_config=TEXT,
    vision_config=VISION,
    model_type="qwen2_vl",
    image_token_id=95,
    video_token_id=96,
    vision_start_token_id=94,
    vocab_size=100,
)
TOKENS = mx.array([[5, 9, 94, 95, 95, 95, 95, 7, 3]])


def qwen_language() -> dict[str, Any]:
    model = fill(language.LanguageModel(TEXT, MODEL))
    cache = [KVCache() for _ in model.layers]
    logits = model(TOKENS[:, :2], cache=cache).logits
    more = model(mx.array([[7]]), cache=cache).logits
    return {"logits": logits, "more": more}


def qwen_positions() -> dict[str, Any]:
    model = language.LanguageModel(TEXT, MODEL)
    positions, deltas = model.get_rope_index(TOKENS, mx.array([[1, 4, 4]]), None, None)
    return {"positions": positions, "deltas": deltas}


def qwen_with_an_image() -> dict[str, Any]:
    model = fill(qwen2_vl.Model(MODEL))
    pixels = np.random.default_rng(1).standard_normal((16, 3 * 2 * 4 * 4)).astype(np.float32)
    logits = model(TOKENS, mx.array(pixels), image_grid_thw=mx.array([[1, 4, 4]])).logits
    return {"logits": logits}


def siglip_text() -> dict[str, Any]:
    text = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 100,
        "max_position_embeddings": 16,
    }
    model = fill(siglip.Model(siglip.ModelConfig(text_config=text, vision_config={})))
    return {"text": model(mx.array([[1, 5, 9, 2]])).text_embeds}


run(
    [
        ("qwen2_vl_language", qwen_language),
        ("qwen2_vl_positions", qwen_positions),
        ("qwen2_vl", qwen_with_an_image),
        ("siglip_text", siglip_text),
    ]
)
