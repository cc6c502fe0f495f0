"""What llama.cpp makes of architectures in GGUF files, and how it is undone.

`metadata` reads what a file says. The other modules have, for each mechanism, the names that files
have for its weights, what is done to these, and the entries of the configuration; families put them
together.
"""
