"""Tasks: batches from images, from noise, and what is said when images are missing."""

from __future__ import annotations

import gzip
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.errors import InvalidInput, MissingData, UnknownName
from workbench.tasks import NoiseInput, Task, catalogue, task, tasks
from workbench.tasks.images import FashionMNIST
from workbench.tasks.task import Images, Reader

ALWAYS_HERE = ["digits", "cifar10_noise", "cifar100_noise", "imagenet16_120_noise"]
FROM_THE_USER = ["cifar10", "cifar100", "imagenet16_120"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "images"))
    return tmp_path / "images"


def rows(n: int, side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 3 * side * side), dtype=np.uint8)


def write_cifar10(folder: Path, n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    place = folder / "cifar-10-batches-py"
    place.mkdir(parents=True)
    x, y = rows(5 * n, 32), np.random.default_rng(1).integers(0, 10, 5 * n)
    for index in range(5):
        part = slice(index * n, (index + 1) * n)
        content = {b"data": x[part], b"labels": y[part].tolist(), b"filenames": [b"a.png"] * n}
        (place / f"data_batch_{index + 1}").write_bytes(pickle.dumps(content, protocol=2))
    return x.reshape(-1, 3, 32, 32), y


def write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes((0, 0, 8, values.ndim)) + b"".join(int(n).to_bytes(4, "big") for n in values.shape)
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


@pytest.mark.parametrize("name", ALWAYS_HERE)
def test_a_batch_has_the_shape_and_classes_of_its_task(name: str) -> None:
    found = task(name)
    x, y, source = found.batch(32, seed=3)
    assert (x.shape, x.dtype) == ((32, *found.shape), torch.float32)
    assert (y.shape, y.dtype) == ((32,), torch.int64)
    assert 0 <= int(y.min()) <= int(y.max()) < found.n_classes
    assert source == found.source == ("images" if name == "digits" else "noise")
    assert abs(float(x.mean())) < 0.2
    assert 0.8 < float(x.std()) < 1.2


@pytest.mark.parametrize("name", ALWAYS_HERE)
def test_a_seed_decides_the_batch_and_global_generators_stay(name: str) -> None:
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (task(name).batch(16, seed) for seed in (1, 1, 2))
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.y, again.y)
    assert not torch.equal(first.x, other.x)
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_digits_are_scikit_learns_without_repetition() -> None:
    from sklearn.datasets import load_digits

    batch = task("digits").batch(1797)
    assert sorted(batch.y.tolist()) == sorted(load_digits().target.tolist())
    pixels = (batch.x * 0.3761 + 0.3053) * 16
    assert float(pixels.sum()) == pytest.approx(load_digits().data.sum(), rel=1e-4)
    known = load_digits()
    row = np.flatnonzero((known.images == pixels[5, 0].round().numpy()).all((1, 2)))
    assert int(batch.y[5]) in known.target[row]


def test_the_stated_digits_constants_are_those_of_the_images() -> None:
    batch = task("digits").batch(1797)
    assert float(batch.x.mean()) == pytest.approx(0, abs=1e-3)
    assert float(batch.x.std(correction=0)) == pytest.approx(1, abs=1e-3)


def test_too_large_a_batch_says_how_many_images_there_are() -> None:
    with pytest.raises(InvalidInput, match="digits has 1,797 training images: a batch of 2,000 is too large"):
        task("digits").batch(2000)


@pytest.mark.parametrize(("size", "seed"), [(0, 0), (-1, 0), (4, -1), (2.5, 0), (True, 0), (4, None)])
def test_a_senseless_size_or_seed_is_refused(size: object, seed: object) -> None:
    with pytest.raises(InvalidInput, match="size from 1 and a seed from 0"):
        task("digits").batch(size, seed)  # type: ignore[arg-type]


def test_the_noise_is_the_gaussian_batch_of_the_reference_values() -> None:
    rng = np.random.Generator(np.random.PCG64([0, 777]))
    x, y = rng.standard_normal((64, 3, 32, 32), np.float32), rng.integers(0, 10, 64)
    batch = task("cifar10_noise").batch()
    assert np.array_equal(batch.x.numpy(), x)
    assert np.array_equal(batch.y.numpy(), y)


@pytest.mark.parametrize("name", FROM_THE_USER)
def test_without_images_noise_stands_in_and_the_folder_is_named(name: str, data: Path) -> None:
    folder = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python", "imagenet16_120": "ImageNet16"}
    with pytest.warns(NoiseInput, match="Seeded noise stands in") as said:
        batch = task(name).batch(8)
    assert str(data / folder[name]) in str(said[0].message)
    assert "WORKBENCH_DATA" in str(said[0].message)
    assert said[0].filename == __file__
    assert batch.source == task(name).source == "noise"
    assert torch.equal(batch.x, task(f"{name}_noise").batch(8).x)


def test_cifar10_is_read_from_the_users_folder(data: Path) -> None:
    x, y = write_cifar10(data)
    assert task("cifar10").source == "images"
    batch = task("cifar10").batch(100, seed=4)
    assert batch.source == "images"
    order = np.random.Generator(np.random.PCG64(4)).permutation(100)
    assert batch.y.tolist() == y[order].tolist()
    first = x[order[0]] / 255
    for channel, (mean, std) in enumerate(zip((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), strict=True)):
        np.testing.assert_allclose(batch.x[0, channel], (first[channel] - mean) / std, atol=1e-5)


def test_a_new_folder_is_read_anew(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(data)
    assert task("cifar10").batch(10).source == "images"
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path / "elsewhere"))
    with pytest.warns(NoiseInput):
        assert task("cifar10").batch(10).source == "noise"


def test_cifar100_reads_the_fine_labels(data: Path) -> None:
    (data / "cifar-100-python").mkdir(parents=True)
    content = {b"data": rows(30, 32), b"fine_labels": [99] * 30, b"coarse_labels": [3] * 30}
    (data / "cifar-100-python" / "train").write_bytes(pickle.dumps(content, protocol=2))
    assert task("cifar100").batch(30).y.tolist() == [99] * 30


def test_imagenet16_120_keeps_the_first_120_classes_counted_from_one(data: Path) -> None:
    (data / "ImageNet16").mkdir(parents=True)
    for index in range(10):
        content = {"data": rows(4, 16, index), "labels": [1, 120, 121, 1000]}
        (data / "ImageNet16" / f"train_data_batch_{index + 1}").write_bytes(pickle.dumps(content, protocol=2))
    batch = task("imagenet16_120").batch(20)
    assert sorted(batch.y.tolist()) == [0] * 10 + [119] * 10
    assert batch.x.shape == (20, 3, 16, 16)
    with pytest.raises(InvalidInput, match="20 training images"):
        task("imagenet16_120").batch(21)


def test_fashion_mnist_says_which_package_to_install(tmp_path: Path) -> None:
    absent = Task("fashion", (1, 28, 28), 10, "", FashionMNIST(tmp_path), (0.2860,), (0.3530,))
    with pytest.raises(MissingData, match="apt-get install dataset-fashion-mnist"):
        absent.batch(4)
    assert absent.card()["source"] == "missing"


def test_fashion_mnist_is_read_from_its_idx_files(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (12, 28, 28))
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", x)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(12) % 10)
    here = Task("fashion", (1, 28, 28), 10, "", FashionMNIST(tmp_path), (0.2860,), (0.3530,))
    batch = here.batch(12)
    for image, label in zip(batch.x, batch.y, strict=True):
        pixels = ((image * 0.3530 + 0.2860) * 255).round().numpy()[0]
        index = int(np.flatnonzero((x == pixels).all((1, 2)))[0])
        assert int(label) == index % 10


def test_the_stated_fashion_mnist_constants_are_those_of_the_images(shared_data: Callable[[str], Path]) -> None:
    pixels = np.load(shared_data("fashion_mnist_12k.npz"))["x_train"] / 255
    assert (pixels.mean(), pixels.std()) == pytest.approx((0.2860, 0.3530), abs=2e-3)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-9], lambda raw: b"x" + raw, lambda raw: gzip.compress(b"\0")])
def test_a_damaged_idx_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    for name, values in (("images-idx3", np.zeros((4, 28, 28))), ("labels-idx1", np.zeros(4))):
        write_idx(tmp_path / f"train-{name}-ubyte.gz", values)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(InvalidInput, match=r"images-idx3-ubyte\.gz is .* install it again"):
        FashionMNIST(tmp_path).read()


def test_images_and_labels_that_do_not_match_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", np.zeros((4, 28, 28)))
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros(3))
    with pytest.raises(InvalidInput, match="4 images and .* 3 labels"):
        FashionMNIST(tmp_path).read()


def test_an_unknown_task_shows_the_nearest_ones() -> None:
    with pytest.raises(UnknownName, match=r"no task named 'cifar11'. Did you mean 'cifar10'"):
        task("cifar11")
    with pytest.raises(InvalidInput, match="by its name or as a Task; got 10"):
        task(10)  # type: ignore[arg-type]


def test_a_task_is_its_own_name() -> None:
    assert task(task("digits")) is task("digits")


@pytest.mark.parametrize("name", catalogue.names())
def test_every_task_travels_to_another_process(name: str) -> None:
    assert pickle.loads(pickle.dumps(task(name))) == task(name)  # noqa: S301  # our own bytes


def test_the_table_of_tasks_reads_nothing(data: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = tasks()
    assert list(table.index) == catalogue.names()
    assert table.loc["cifar10", "shape"] == "3x32x32"
    assert table.loc["cifar10", "source"] == "noise"
    assert table.loc["digits", "source"] == "images"


def test_a_task_of_ones_own_needs_only_a_reader() -> None:
    class Stripes(Reader):
        def read(self) -> Images:
            return Images(np.full((6, 1, 2, 2), 255, np.uint8), np.arange(6))

        def present(self) -> bool:
            return True

        def missing(self) -> str:
            return ""

    batch = Task("stripes", (1, 2, 2), 6, "", Stripes(), (0.5,), (0.5,)).batch(6)
    assert torch.equal(batch.x, torch.ones(6, 1, 2, 2))
    assert sorted(batch.y.tolist()) == list(range(6))
