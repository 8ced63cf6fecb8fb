"""Texts as tasks: the documentation that comes with Python, read character by character."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from workbench.tasks.task import Images, Reader

CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))
"""The characters that have a token of their own, 1, 2, ... in this order; token 0 stands for every other one."""

VOCABULARY = 1 + len(CHARACTERS)
LENGTH = 64  # characters to read before the one to be told


@dataclass(frozen=True)
class PythonTopics(Reader):
    """The help texts of Python's language reference, which `help()` shows: the module `pydoc_data.topics`.

    Every run of `length` characters is an example, the character after it its class. The text is that of the running
    Python: it differs a little from release to release.
    """

    length: int = LENGTH
    module: str = "pydoc_data.topics"

    def read(self) -> Images:
        """All runs of characters, as views of one text."""
        self.need()
        text = _tokens_of_module(self.module)
        runs = np.lib.stride_tricks.sliding_window_view(text, self.length)
        return Images(runs[:-1], text[self.length :])

    def present(self) -> bool:
        """Whether this Python has the module, without importing it."""
        try:
            return find_spec(self.module) is not None
        except ModuleNotFoundError:  # the package around it is missing too
            return False

    def missing(self) -> str:
        """How to complete the Python that runs."""
        return (
            f"The text is Python's own module {self.module}, which the Python in {sys.prefix} lacks: install the "
            "whole standard library (on Debian: `apt-get install libpython3-stdlib`), or use a Python from python.org."
        )


def tokens(text: str) -> np.ndarray:
    """One token for each character of `text`: uint8 (n,), numbers below `VOCABULARY`."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    token_of = np.zeros(128, np.uint8)
    token_of[[ord(character) for character in CHARACTERS]] = np.arange(1, VOCABULARY)
    return np.where(codes < 128, token_of[np.minimum(codes, 127)], np.uint8(0))


@lru_cache(maxsize=1)
def _tokens_of_module(module: str) -> np.ndarray:
    topics: dict[str, str] = import_module(module).topics
    return tokens("\n".join(topics[name] for name in sorted(topics)))
