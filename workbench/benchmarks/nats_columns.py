"""The columns of NATS-Bench's archives, and where each one's numbers are in its records."""

from __future__ import annotations

from typing import NamedTuple

from workbench.benchmarks.records import Column

# Official names of the runs that were validated and of those that were tested: on CIFAR-10 the tested
# networks were trained on the validation images too, so they are other runs.
RUNS = {
    "cifar10": ("cifar10-valid", "cifar10"),
    "cifar100": ("cifar100", "cifar100"),
    "imagenet16_120": ("ImageNet16-120", "ImageNet16-120"),
}


class Source(NamedTuple):
    """Which runs, which official set of images and which quantity; costs belong to no set."""

    runs: str
    images: str
    quantity: str


def columns_of(dataset: str) -> dict[Column, Source]:
    """Every column of a data set with its source."""
    valid, test = RUNS[dataset]
    same_runs = valid == test
    columns = _accuracy_and_loss("valid", "the validation images", valid, "x-valid")
    columns |= _accuracy_and_loss("test", "the test images", test, "x-test" if same_runs else "ori-test")
    columns |= _accuracy_and_loss("train", "the training images", valid, "train")
    if same_runs:
        columns |= _accuracy_and_loss("valid_test", "validation and test images together", test, "ori-test")
    else:
        what = "the test images, of the runs that were validated"
        columns |= _accuracy_and_loss("valid_run_test", what, valid, "ori-test")
    return columns | _costs(valid)


def _accuracy_and_loss(name: str, what: str, runs: str, images: str) -> dict[Column, Source]:
    accuracy = Column(f"{name}_accuracy", "higher", "%", f"accuracy on {what}, mean over the runs", "mean")
    loss = Column(f"{name}_loss", "lower", "nats", f"cross-entropy on {what}, mean over the runs", "mean")
    return {accuracy: Source(runs, images, "accuracy"), loss: Source(runs, images, "loss")}


def _costs(runs: str) -> dict[Column, Source]:
    first = "as the first training run reports them"
    return {
        Column("train_time_s", "lower", "s", "time of all epochs so far"): Source(runs, "train", "total_time"),
        Column("valid_time_s", "lower", "s", "time of one validation pass"): Source(runs, "x-valid", "time"),
        Column("latency_ms", "lower", "ms", "time of a forward pass of 256 images"): Source(runs, "", "latency_ms"),
        Column("params_m", "lower", "M", f"parameters, {first}", "first"): Source(runs, "", "params_m"),
        Column("flops_m", "lower", "M", f"multiply-adds, {first}", "first"): Source(runs, "", "flops_m"),
    }
