"""Readers of the tasks' training images, each from the files its authors publish."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path

import numpy as np

from workbench.errors import InvalidInput
from workbench.tasks.pickled import read_batch
from workbench.tasks.task import Images, Reader

# Where Debian's package dataset-fashion-mnist puts its files.
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
_BYTES = 8  # the code of unsigned bytes in an idx file


def data_folder() -> Path:
    """The user's folder of image sets: the environment variable WORKBENCH_DATA, else `./data`."""
    return Path(os.environ.get("WORKBENCH_DATA") or "data").expanduser()


@dataclass(frozen=True)
class Digits(Reader):
    """The 1,797 digits that come with scikit-learn, pixels 0..16."""

    def read(self) -> Images:
        """All of them: scikit-learn makes no split."""
        return _read_digits()

    def present(self) -> bool:
        """Always: scikit-learn is a requirement."""
        return True

    def missing(self) -> str:
        """What to do without scikit-learn."""
        return "The digits come with scikit-learn: run `pip install scikit-learn`."


@dataclass(frozen=True)
class FashionMNIST(Reader):
    """Fashion-MNIST's two training files, in the folder where Debian's package puts them."""

    folder: Path = FASHION_MNIST

    def read(self) -> Images:
        """The 60,000 training images."""
        self.need()
        return _read_idx(*self._files())

    def present(self) -> bool:
        """Whether both files are there."""
        return all(file.is_file() for file in self._files())

    def missing(self) -> str:
        """Which Debian package to install."""
        return f"Fashion-MNIST is not in {self.folder}: run `apt-get install dataset-fashion-mnist` (31 MB)."

    def _files(self) -> tuple[Path, Path]:
        return self.folder / "train-images-idx3-ubyte.gz", self.folder / "train-labels-idx1-ubyte.gz"


@dataclass(frozen=True)
class PythonBatches(Reader):
    """Python batch files under the user's folder, in the layout of the official archive (and of torchvision).

    `layout` is the folder inside the user's, `labels` the key of the labels, `first` the number of the first
    class. Images of classes beyond `n_classes` are left out: ImageNet16-120 is the first 120 of ImageNet16.
    """

    title: str
    layout: str
    files: tuple[str, ...]
    labels: str
    n_classes: int
    first: int = 0

    def read(self) -> Images:
        """The training images of all files together."""
        self.need()
        return _read_batches(tuple(self._paths()), self.labels, self.first, self.n_classes)

    def present(self) -> bool:
        """Whether every file is there."""
        return all(path.is_file() for path in self._paths())

    def missing(self) -> str:
        """Which files to put where."""
        last = f" to {self.files[-1]}" if len(self.files) > 1 else ""
        return (
            f"The images of {self.title} are not on this machine: put {self.files[0]}{last} into "
            f"{(data_folder() / self.layout).absolute()} (WORKBENCH_DATA names the folder above it)."
        )

    def _paths(self) -> list[Path]:
        return [data_folder() / self.layout / file for file in self.files]


CIFAR10 = PythonBatches("CIFAR-10", "cifar-10-batches-py", tuple(f"data_batch_{n}" for n in range(1, 6)), "labels", 10)
CIFAR100 = PythonBatches("CIFAR-100", "cifar-100-python", ("train",), "fine_labels", 100)
IMAGENET16_120 = PythonBatches(
    "ImageNet16-120", "ImageNet16", tuple(f"train_data_batch_{n}" for n in range(1, 11)), "labels", 120, 1
)


@lru_cache(maxsize=1)
def _read_digits() -> Images:
    from sklearn.datasets import load_digits

    found = load_digits()
    return Images(found.images.astype(np.uint8)[:, None], found.target.astype(np.int64))


# One task's images stay in memory: a batch for each seed should not read 180 MB again.
@lru_cache(maxsize=1)
def _read_idx(images: Path, labels: Path) -> Images:
    x, y = _idx(images, 3), _idx(labels, 1)
    if len(x) != len(y):
        raise InvalidInput(f"{images} has {len(x)} images and {labels} has {len(y)} labels: install the files again.")
    return Images(x[:, None], y.astype(np.int64))


def _idx(path: Path, n_axes: int) -> np.ndarray:
    """An array in LeCun's idx format: two zeros, the code of bytes, how many axes, their lengths, values."""
    try:
        raw = gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile) as error:
        raise InvalidInput(f"{path} is damaged ({error}): install it again.") from error
    start = 4 + 4 * n_axes
    shape = [int.from_bytes(raw[at : at + 4]) for at in range(4, start, 4)]
    if raw[:4] != bytes((0, 0, _BYTES, n_axes)) or len(raw) != start + prod(shape):
        raise InvalidInput(f"{path} is no idx file of bytes with {n_axes} axes: install it again.")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


@lru_cache(maxsize=1)
def _read_batches(paths: tuple[Path, ...], labels: str, first: int, n_classes: int) -> Images:
    parts = [_one_batch(path, labels) for path in paths]
    x, y = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts]) - first
    kept = (y >= 0) & (y < n_classes)
    return Images(x[kept], y[kept])


def _one_batch(path: Path, labels: str) -> tuple[np.ndarray, np.ndarray]:
    content = read_batch(path)
    if "data" not in content or labels not in content:
        names = ", ".join(sorted(map(str, content)))
        raise InvalidInput(f"{path} has the entries {names}; 'data' and {labels!r} are expected.")
    data, y = content["data"], np.asarray(content[labels])
    rows = isinstance(data, np.ndarray) and data.ndim == 2 and data.dtype == np.uint8 and y.dtype.kind in "iu"
    side = round((data.shape[1] / 3) ** 0.5) if rows else 0
    if not side or data.shape != (len(y), 3 * side * side):
        raise InvalidInput(f"{path} does not hold 3 x side x side bytes and one whole number for each image.")
    return data.reshape(-1, 3, side, side), y.astype(np.int64)
