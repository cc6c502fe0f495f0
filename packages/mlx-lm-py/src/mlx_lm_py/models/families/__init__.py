"""Families of architectures: from configurations to decoders, and from their weights to ours."""
