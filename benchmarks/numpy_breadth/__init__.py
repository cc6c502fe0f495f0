"""The sections of the benchmark ``numpy``, each a module of its name here.

A section has a ``TITLE``, a ``GOAL`` for the geometric mean of its ratios, and ``rows()``, which
yields a ``Row`` at a time.
"""

SECTIONS = ("linalg", "fft", "names", "special")
