"""Gates and sizes: products, expectations and masks are those that enumerating all paths gives."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
import torch

from workbench.errors import UnknownName
from workbench.networks.elastic.gates import Gates, Size, masked

WIDTH = Size((2, 3, 5), "width")
RATIO = Size((1, 4), "ratio")
BOTH = Size(((2, 4), (3, 6), (5, 7)), "width", "ratio")


def soft() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "width": torch.rand(3, generator=generator).softmax(0).requires_grad_(),
        "ratio": torch.rand(2, generator=generator).softmax(0).requires_grad_(),
    }


def paths() -> list[dict[str, int]]:
    return [{"width": width, "ratio": ratio} for width, ratio in product(range(3), range(2))]


def enumerated(size: Size, gates: dict[str, torch.Tensor]) -> torch.Tensor:
    """The expectation, path by path."""
    terms = [prod(gates[question][number] for question, number in path.items()) * size.at(path) for path in paths()]
    return torch.stack(terms).sum()


@pytest.mark.parametrize(
    "size",
    [WIDTH, BOTH, WIDTH * RATIO, RATIO * WIDTH, WIDTH * 7, WIDTH * WIDTH, BOTH * WIDTH, RATIO * BOTH, BOTH * BOTH],
    ids=str,
)
def test_an_expectation_is_that_over_all_paths_also_of_products_that_share_a_question(size: Size) -> None:
    gates = soft()
    expected = enumerated(size, gates)
    torch.testing.assert_close(size.expected(gates), expected)
    for gate in (gates[question] for question in size.questions):
        ours, theirs = (
            torch.autograd.grad(value, gate, retain_graph=True)[0] for value in (size.expected(gates), expected)
        )
        torch.testing.assert_close(ours, theirs)


def test_a_product_is_the_product_on_every_path_whatever_the_order_of_its_questions() -> None:
    for path in paths():
        width, ratio, both = (size.at(path) for size in (WIDTH, RATIO, BOTH))
        assert (WIDTH * RATIO).at(path) == (RATIO * WIDTH).at(path) == width * ratio
        assert (RATIO * BOTH).at(path) == ratio * both
        assert (BOTH * WIDTH * 3).at(path) == 3 * both * width
    assert (RATIO * BOTH).questions == ("ratio", "width")
    assert (Size.of(3) * 4).fixed
    assert (Size.of(3) * 4).at({}) == 12


def test_the_square_of_a_size_is_not_the_square_of_its_expectation() -> None:
    gates = {"width": torch.full((3,), 1 / 3)}
    assert float((WIDTH * WIDTH).expected(gates)) == pytest.approx((4 + 9 + 25) / 3)


def test_a_one_hot_gate_is_its_path() -> None:
    for path in paths():
        hot = {"width": torch.eye(3)[path["width"]], "ratio": torch.eye(2)[path["ratio"]]}
        for size in (WIDTH, BOTH, WIDTH * RATIO):
            assert float(size.expected(hot)) == size.at(path) == size.expected(path)
            mask = size.mask(hot)
            assert mask is not None
            assert mask.tolist() == [1.0] * size.at(path) + [0.0] * (size.largest - size.at(path))
            assert size.mask(path) is None
            assert not size.mixed(path)
            assert size.mixed(hot)
            assert size.at(hot) == size.largest


def test_a_mask_is_the_mean_of_the_paths_masks() -> None:
    gates = soft()
    mask = BOTH.mask(gates)
    expected = torch.zeros(7)
    for path in paths():
        expected[: BOTH.at(path)] += gates["width"][path["width"]] * gates["ratio"][path["ratio"]]
    torch.testing.assert_close(mask, expected)
    torch.testing.assert_close(mask.sum(), BOTH.expected(gates))  # as many channels as expected
    x = torch.randn(2, 7, 3, 3)
    torch.testing.assert_close(masked(x, BOTH, gates), x * expected[None, :, None, None])
    torch.testing.assert_close(masked(x.movedim(1, -1), BOTH, gates, axis=-1), (x.movedim(1, -1) * expected))
    assert masked(x, BOTH, paths()[0]) is x


def test_a_batch_of_gates_is_each_examples_own() -> None:
    generator = torch.Generator().manual_seed(1)
    width, ratio = torch.rand(4, 3, generator=generator).softmax(1), torch.rand(4, 2, generator=generator).softmax(1)
    for second in (ratio, ratio[0], 1):  # a batch beside a batch, a mixture and a path
        gates = {"width": width, "ratio": second}
        mask = BOTH.mask(gates)
        assert mask is not None
        singles = [
            {"width": width[i], "ratio": second[i] if isinstance(second, torch.Tensor) and second.ndim == 2 else second}
            for i in range(4)
        ]
        torch.testing.assert_close(mask, torch.stack([BOTH.mask(one) for one in singles]))
        mean = torch.stack([torch.as_tensor(BOTH.expected(one)) for one in singles]).mean()
        torch.testing.assert_close(BOTH.expected(gates), mean)
        x = torch.randn(4, 7, 2, 2)
        torch.testing.assert_close(masked(x, BOTH, gates), x * mask[:, :, None, None])


def test_weights_mapped_sizes_and_equality() -> None:
    assert WIDTH.weights({"width": 1}).tolist() == [0, 1, 0]
    gate = torch.tensor([0.2, 0.3, 0.5])
    assert WIDTH.weights({"width": gate}) is gate
    assert WIDTH.map(lambda width: 2.5 * width).table.tolist() == [5, 7, 12]
    assert WIDTH.same(Size((2, 3, 5), "width"))
    assert not WIDTH.same(Size((2, 3, 5), "other"))
    assert not WIDTH.same(Size((2, 3, 4), "width"))
    with pytest.raises(ValueError, match="1 axes of values for 2 questions"):
        Size((1, 2), "a", "b")


# -- counting ------------------------------------------------------------------------------------------------------


def test_what_stands_behind_gates_counts_their_share_also_when_nested() -> None:
    gates = Gates({"a": 0}, count=True)
    gates.count(10, 1)
    with gates.share(0.5):
        gates.count(10, 2)
        with gates.share(0.1):
            gates.count(100, 0)
        gates.count(10, 0)
    gates.count(1, 0)
    assert (gates.macs, gates.params) == (10 + 5 + 5 + 5 + 1, 1 + 1)


def test_a_share_ends_with_its_block_also_after_an_error() -> None:
    gates = Gates({"a": 0}, count=True)
    with pytest.raises(RuntimeError, match="inside"), gates.share(0.5):
        raise RuntimeError("inside")
    gates.count(1, 1)
    assert (gates.macs, gates.params) == (1, 1)


def test_counts_are_differentiable_by_the_share() -> None:
    weight = torch.tensor(0.25, requires_grad=True)
    gates = Gates({"a": 0}, count=True)
    with gates.share(weight):
        gates.count(8.0, 4.0)
    (gates.macs + gates.params).backward()
    assert (float(gates.macs.detach()), float(weight.grad)) == (2.0, 12.0)


def test_changed_gates_count_for_both_and_counted_ones_for_themselves() -> None:
    gates = Gates({"a": 0, "b": 1}, count=True)
    changed = gates.having({"a": 2})
    assert (dict(gates), dict(changed)) == ({"a": 0, "b": 1}, {"a": 2, "b": 1})
    with gates.share(0.5):
        changed.count(10, 0)
    assert gates.macs == changed.macs == 5
    anew = gates.counted()
    anew.count(1, 0)
    assert (anew.macs, gates.macs) == (1, 5)


def test_gates_that_do_not_count_count_nothing() -> None:
    gates = Gates({"a": 0})
    with gates.share(0.5):
        gates.count(10, 10)
    assert not gates.counting
    assert (gates.macs, gates.params) == (0, 0)
    assert not gates.having({"a": 1}).counting


def test_a_gate_that_is_missing_is_named_with_those_that_are_there() -> None:
    with pytest.raises(UnknownName, match="width"):
        Gates({"width": 0})["wdith"]
    assert "width" in Gates({"width": 0})
    assert len(Gates({"width": 0, "b": 1})) == 2
