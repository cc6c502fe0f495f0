"""Which programs run, what each of them tries, and what does not run yet."""

ARCHITECTURES = """
afmoe cohere cohere2 deepseek deepseek_v3 deepseek_v32 ernie4_5 exaone falcon_h1 gear gemma gemma2
gemma3_text glm glm4 glm4_moe_lite gpt2 gpt_bigcode gpt_oss granite granitemoe helium
hunyuan_v1_dense internlm2 internlm3 iquestloopcoder laguna llama mimo minicpm mixtral muse_glimmer
nanbeige nanochat nemotron olmo2 olmo3 olmoe phi phi3 phimoe qwen qwen2 qwen2_moe qwen3 qwen3_moe
seed_oss smollm3 stablelm starcoder2
""".split()

# The cases of each program, which is a file of this folder.
PROGRAMS = {
    "einops_arrays": ["einsum", "rearrange", "reduce", "transforms"],
    "mflux_blocks": ["attention", "clip", "decoder", "norms"],
    "mlx_audio_signals": ["filters", "gradients", "spectra", "vocos"],
    "mlx_embeddings_models": ["bert", "modernbert", "qwen3", "xlm_roberta"],
    "mlx_graphs_layers": ["batch", "gat", "gat_v2", "gcn", "sage", "scatter"],
    "mlx_lm_generate": [
        "convert",
        "folder",
        "gradients",
        "greedy",
        "module_order",
        "prompt_cache",
        "quantized",
        "quantized_cache",
        "rotating_cache",
        "sampled",
    ],
    "mlx_lm_models": ARCHITECTURES,
    "mlx_lm_training": [
        "accumulated",
        "adafactor",
        "adamw",
        "awq",
        "checkpointed",
        "dora",
        "dwq",
        "gptq",
        "lora",
        "muon",
        "q_lora",
        "sgd",
    ],
    "mlx_vlm_models": ["qwen2_vl", "qwen2_vl_language", "qwen2_vl_positions", "siglip_text"],
    "mlx_whisper_model": ["decoder", "mel", "whole"],
}

# Imports of modules beside those that the programs above use.
IMPORTS = ("import mlx.optimizers", "import mlx_optimizers", "import mlx_lm.lora")

# Statements that need a module which this package has not, and that module.
WAITING_IMPORTS = {"import mlx_lm.share": "mlx_core_py._distributed_utils"}
