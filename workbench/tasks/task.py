"""A task: the shape of its images or the length of its texts, its classes, and batches drawn from a seed."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from workbench.errors import InvalidInput, MissingData

if TYPE_CHECKING:
    import torch

Source = Literal["images", "text", "noise", "given"]
# A stream of its own beside the seed; batch 0 of 64 is the one the tests' reference values were made with.
_NOISE_STREAM = 777


class NoiseInput(UserWarning):
    """A task's images are not on this machine and seeded noise of the same shape stands in for them."""


class Images(NamedTuple):
    """The training examples of a task: `x` uint8, pixels (N, C, H, W) or tokens (N, L), and `y` int64 (N,)."""

    x: np.ndarray
    y: np.ndarray


class Batch(NamedTuple):
    """Inputs and labels: `x` float32 (n, C, H, W) or int64 (n, L), `y` int64 (n,); `source` tells data from noise."""

    x: torch.Tensor
    y: torch.Tensor
    source: Source = "given"


class Splits(NamedTuple):
    """Examples to train on, to choose by, and to judge the chosen by, each looked at for nothing else."""

    train: Batch
    valid: Batch
    test: Batch


class Reader(ABC):
    """Where a task's training images, or texts, come from."""

    @abstractmethod
    def read(self) -> Images:
        """The examples; raises `MissingData` when they are not there."""

    @abstractmethod
    def present(self) -> bool:
        """Whether they are there, without reading them."""

    @abstractmethod
    def missing(self) -> str:
        """The sentence that tells the user how to bring them."""

    def need(self) -> None:
        """Raise `MissingData` unless the examples are there."""
        if not self.present():
            raise MissingData(self.missing())


@dataclass(frozen=True)
class Task:
    """Images (C, H, W) or texts (L,), as `input_shape` says, to be told apart into `n_classes`.

    A pixel p of 0..`white` becomes (p / white - mean) / std, channel by channel. A text is a row of tokens, whole
    numbers below `vocabulary`, which images have none of. A task without `reader` is made of noise by definition;
    with `or_noise`, noise stands in, with a warning, while images are missing.
    """

    name: str
    input_shape: tuple[int, ...]
    n_classes: int
    about: str
    reader: Reader | None = field(default=None, repr=False)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    white: int = 255
    or_noise: bool = field(default=False, repr=False)
    vocabulary: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of one image; raises `InvalidInput` for a task of texts, which is none."""
        if self.vocabulary is not None:
            raise InvalidInput(
                f"{self.name} gives {self.input_shape[0]} tokens of a text where an image (C, H, W) is needed: "
                "choose a task of images, or a space whose networks read text. wb.tasks() shows the shapes."
            )
        channels, height, width = self.input_shape
        return channels, height, width

    @property
    def dtype(self) -> torch.dtype | None:
        """The type of one input: int64 for tokens; none for images, which come in the network's own precision."""
        if self.vocabulary is None:
            return None
        import torch

        return torch.int64

    @property
    def source(self) -> Source:
        """What `batch` would be made of now: "images", "text" or "noise"."""
        if self.reader is None or (self.or_noise and not self.reader.present()):
            return "noise"
        return "images" if self.vocabulary is None else "text"

    def batch(self, size: int = 64, seed: int = 0) -> Batch:
        """`size` training examples drawn without repetition from `seed`, normalised.

        Without data: standard normal pixels or uniform tokens, and uniform labels, from the same seed. Raises
        `MissingData` where the task has data to be brought and no noise to stand in.
        """
        if not (_is_whole(size) and _is_whole(seed)) or size < 1 or seed < 0:
            raise InvalidInput(f"A batch takes a size from 1 and a seed from 0; got {size!r} and {seed!r}.")
        if self.reader is None:
            return self._noise(size, seed)
        if self.source == "noise":
            warnings.warn(f"{self.reader.missing()} Seeded noise stands in for them.", NoiseInput, stacklevel=2)
            return self._noise(size, seed)
        return self._draw(self.reader.read(), size, seed)

    def split(self, seed: int = 0, shares: Sequence[float] = (0.55, 0.225, 0.225), limit: int | None = None) -> Splits:
        """The examples in three parts, drawn without repetition from `seed`: training, validation and test.

        `shares` of the examples, or of `limit` of them; they add up to 1. Raises `InvalidInput` for other shares and
        where a part would be empty, `MissingData` without data; noise never stands in.
        """
        if len(shares) != 3 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
            raise InvalidInput(f"shares are three numbers above 0 that add up to 1; got {shares!r}.")
        if self.reader is None:
            raise InvalidInput(f"{self.name} is made of noise, which teaches nothing: choose a task with data.")
        known = self.reader.read()
        n = len(known.x) if limit is None else min(int(limit), len(known.x))
        ends = [0, round(n * shares[0]), round(n * (shares[0] + shares[1])), n]
        if any(start >= end for start, end in pairwise(ends)):
            raise InvalidInput(f"{n} examples are too few for three parts of {shares!r}: raise limit.")
        whole = self._draw(known, n, seed)
        return Splits(*(Batch(whole.x[a:b], whole.y[a:b], whole.source) for a, b in pairwise(ends)))

    def card(self) -> dict[str, Any]:
        """The task's row in a table of tasks."""
        missing = self.reader is not None and not self.reader.present() and not self.or_noise
        return {
            "shape": "x".join(map(str, self.input_shape)),
            "classes": self.n_classes,
            "tokens": self.vocabulary or 0,
            "source": "missing" if missing else self.source,
            "mean": self.mean,
            "std": self.std,
            "about": self.about,
        }

    def _draw(self, known: Images, size: int, seed: int) -> Batch:
        import torch

        if size > len(known.x):
            kind = "images" if self.vocabulary is None else "texts"
            raise InvalidInput(f"{self.name} has {len(known.x):,} training {kind}: a batch of {size:,} is too large.")
        chosen = np.random.Generator(np.random.PCG64(seed)).permutation(len(known.x))[:size]
        x = self._normalised(known.x[chosen]) if self.vocabulary is None else known.x[chosen].astype(np.int64)
        return Batch(torch.from_numpy(x), torch.from_numpy(known.y[chosen].astype(np.int64)), self.source)

    def _normalised(self, pixels: np.ndarray) -> np.ndarray:
        mean, std = (np.array(of, np.float32).reshape(1, -1, 1, 1) for of in (self.mean, self.std))
        normalised: np.ndarray = (pixels.astype(np.float32) / np.float32(self.white) - mean) / std
        return normalised

    def _noise(self, size: int, seed: int) -> Batch:
        import torch

        rng = np.random.Generator(np.random.PCG64([seed, _NOISE_STREAM]))
        shape = (size, *self.input_shape)
        x: np.ndarray = (
            rng.standard_normal(shape, dtype=np.float32)
            if self.vocabulary is None
            else rng.integers(0, self.vocabulary, shape)
        )
        return Batch(torch.from_numpy(x), torch.from_numpy(rng.integers(0, self.n_classes, size)), "noise")


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)
