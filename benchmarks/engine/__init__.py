"""What ``bench_engine.py`` measures: sequences at once, guesses, structure, warm prompts."""
