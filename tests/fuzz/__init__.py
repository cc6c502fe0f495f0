"""Programs and files at random, against independent answers."""
