"""What ``bench_engine.py`` measures: many sequences at once, guesses, structure and warm prompts."""
