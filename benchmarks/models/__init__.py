"""What the benchmark of architectures measures."""
