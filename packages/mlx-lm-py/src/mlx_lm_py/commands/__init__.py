"""The commands of the command line, a module each: what they are, their arguments, their work."""
