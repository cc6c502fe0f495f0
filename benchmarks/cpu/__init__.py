"""The CPU kernels beside their peers: see ``bench_cpu.py``."""
