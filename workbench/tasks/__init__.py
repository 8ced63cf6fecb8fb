"""The catalogue of tasks: what networks are to tell apart, and seeded batches of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.catalogue import Catalogue
from workbench.errors import InvalidInput
from workbench.tasks import images, text
from workbench.tasks.task import Batch, NoiseInput, Splits, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Batch", "NoiseInput", "Splits", "Task", "catalogue", "task", "tasks"]

catalogue: Catalogue[Task] = Catalogue("task")


def task(name: str | Task) -> Task:
    """The task called `name`, a task being its own; raises `UnknownName` with the nearest names."""
    if isinstance(name, Task):
        return name
    if not isinstance(name, str):
        raise InvalidInput(f"A task is given by its name or as a Task; got {name!r}.")
    return catalogue.find(name)


def tasks() -> pd.DataFrame:
    """The tasks there are: shape, classes, tokens, whether their data are here, and how pixels are normalised."""
    return catalogue.table(Task.card)


def _enter(*members: Task) -> None:
    for member in members:
        catalogue.enter(member.name, member)


_enter(
    Task(
        "digits",
        (1, 8, 8),
        10,
        "handwritten digits of scikit-learn, 1,797 images",
        images.Digits(),
        mean=(0.3053,),
        std=(0.3761,),
        white=16,
    ),
    Task(
        "fashion_mnist",
        (1, 28, 28),
        10,
        "Fashion-MNIST, 60,000 training images",
        images.FashionMNIST(),
        mean=(0.2860,),
        std=(0.3530,),
    ),
    # Means and deviations over the training images; for ImageNet16 those of the NAS-Bench-201 release.
    Task(
        "cifar10",
        (3, 32, 32),
        10,
        "CIFAR-10, 50,000 training images",
        images.CIFAR10,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        or_noise=True,
    ),
    Task(
        "cifar100",
        (3, 32, 32),
        100,
        "CIFAR-100, 50,000 training images",
        images.CIFAR100,
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        or_noise=True,
    ),
    Task(
        "imagenet16_120",
        (3, 16, 16),
        120,
        "ImageNet16-120, 151,700 training images",
        images.IMAGENET16_120,
        mean=(0.4811, 0.4575, 0.4079),
        std=(0.2479, 0.2402, 0.2553),
        or_noise=True,
    ),
    Task("digits_noise", (1, 8, 8), 10, "seeded noise in the shape of digits"),
    Task("fashion_mnist_noise", (1, 28, 28), 10, "seeded noise in the shape of Fashion-MNIST"),
    Task("cifar10_noise", (3, 32, 32), 10, "seeded noise in the shape of CIFAR-10"),
    Task("cifar100_noise", (3, 32, 32), 100, "seeded noise in the shape of CIFAR-100"),
    Task("imagenet16_120_noise", (3, 16, 16), 120, "seeded noise in the shape of ImageNet16-120"),
    Task("imagenet_noise", (3, 224, 224), 1000, "seeded noise in the shape of ImageNet-1k"),
    Task(
        "python_topics",
        (text.LENGTH,),
        text.VOCABULARY,
        "the next character of Python's own help texts, after 64 of them",
        text.PythonTopics(),
        vocabulary=text.VOCABULARY,
    ),
)
