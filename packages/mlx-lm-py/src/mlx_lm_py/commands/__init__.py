"""The commands of the command line, a module each: what they are, their arguments, their work.

At its top a module imports only what it takes to read arguments; what computes, its `run` imports.
So help and mistakes are answered at once, and `--threads` is known before there are any.
"""
