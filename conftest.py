"""Without PyTorch (as in the book's environment) what needs it is left out; `make torch` has it."""

import importlib.util

if importlib.util.find_spec("torch") is None:
    collect_ignore = ["noiseprune/torch.py", "tests/torch"]
