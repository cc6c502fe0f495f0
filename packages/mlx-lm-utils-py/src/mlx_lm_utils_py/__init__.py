"""What every language model needs: tokenizers, chat templates, RoPE, masks, model files."""

# The packages share one version.
from mlx_core_py import __version__

from .chat_template import render_chat_template
from .config import from_config, read_json
from .detokenizer import StreamingDetokenizer
from .gguf import read_gguf_header
from .hub import choose_gguf, get_model_path
from .masks import create_attention_mask, create_causal_mask
from .rope import context_length, initialize_rope
from .safetensors import load_safetensors
from .tokenizer import Tokenizer
from .tool_schema import function_schema

__all__ = [
    "StreamingDetokenizer",
    "Tokenizer",
    "__version__",
    "choose_gguf",
    "context_length",
    "create_attention_mask",
    "create_causal_mask",
    "from_config",
    "function_schema",
    "get_model_path",
    "initialize_rope",
    "load_safetensors",
    "read_gguf_header",
    "read_json",
    "render_chat_template",
]


def __dir__() -> list[str]:
    return __all__
