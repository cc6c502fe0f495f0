"""What ``bench_gguf.py`` measures: models in the types of GGUF files."""
