"""Operation signatures and mutation by type (Wu, Jain & Saxena, NeuralArTS, 2021)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench.architecture import Architecture
from workbench.errors import Infeasible, InvalidInput
from workbench.networks.operations import catalogue as operations
from workbench.networks.operations import operation
from workbench.networks.signatures import Signature, check_sum, of_module, of_operation, shapes
from workbench.spaces.typed import ANSWERS, DEPTHS, KINDS, TypedConvolutions, _numbers
from workbench.tasks import task
from workbench.testing import space_contract

TYPED, UNTYPED = TypedConvolutions(), TypedConvolutions(typed=False)
RULES = [check for check in space_contract if check.__name__ != "counts_equal_the_built_network"]
windows = st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(0, 4), st.integers(1, 3))


@pytest.mark.parametrize("check", RULES, ids=lambda check: check.__name__)
def test_the_untyped_space_passes_the_contract_where_nothing_is_built(check) -> None:  # type: ignore[no-untyped-def]
    if check.__name__.startswith(("networks_run", "sampling_leaves", "a_search", "the_cell_editor")):
        pytest.skip("most of its architectures cannot be built")
    check(UNTYPED)


# -- signatures ------------------------------------------------------------------------------------------------


def real_shape(module: nn.Module, shape: tuple[int, int, int]) -> tuple[int, ...] | None:
    """What torch makes of a shape, None where it refuses."""
    try:
        return tuple(module.eval()(torch.zeros(1, *shape)).shape[1:])
    except RuntimeError:
        return None


def inferred_shape(module: nn.Module, shape: tuple[int, int, int]) -> tuple[int, ...] | None:
    try:
        return of_module(module)(shape)
    except InvalidInput:
        return None


@given(st.sampled_from(["conv", "depthwise", "max_pool", "avg_pool"]), windows, st.integers(1, 12), st.integers(1, 12))
def test_the_inferred_shape_is_torchs_and_both_refuse_the_same(
    kind: str, window: tuple[int, int, int, int], height: int, width: int
) -> None:
    kernel, stride, padding, dilation = window
    shape = (4, height, width)
    if kind == "max_pool":
        module: nn.Module = nn.MaxPool2d(kernel, stride, padding, dilation)
    elif kind == "avg_pool":
        module = nn.AvgPool2d(kernel, stride, padding)
    else:
        groups = 4 if kind == "depthwise" else 1
        module = nn.Conv2d(4, 8, kernel, stride, padding, dilation, groups)
    assert inferred_shape(module, shape) == real_shape(module, shape)


@given(st.lists(windows, min_size=1, max_size=5), st.integers(1, 40))
def test_a_composed_signature_is_the_shape_behind_the_whole_chain(
    chain: list[tuple[int, int, int, int]], size: int
) -> None:
    module = nn.Sequential(*(nn.Conv2d(2, 2, k, s, p, d) for k, s, p, d in chain))
    assert inferred_shape(module, (2, size, size)) == real_shape(module, (2, size, size))


@given(windows, windows)
def test_equal_signatures_relate_equal_shapes_and_others_do_not(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> None:
    a, b = Signature.of_window(*one), Signature.of_window(*other)
    sizes = range(max(a.least, b.least), 60)
    assert (a == b) == all(a((3, n, n)) == b((3, n, n)) for n in sizes)


@pytest.mark.parametrize("name", operations.names())
def test_every_operation_of_the_catalogue_has_the_signature_it_states(name: str) -> None:
    for c_out, stride, size in itertools.product((8, 12), (1, 2), (8, 7)):
        made = operation(name, 8, c_out, stride)(torch.zeros(2, 8, size, size))
        assert tuple(made.shape[1:]) == of_operation(8, c_out, stride)((8, size, size))


def test_channels_and_windows_that_do_not_fit_are_named_with_their_layer_and_shapes() -> None:
    with pytest.raises(InvalidInput, match="Layer '1' .Conv2d. takes 16 channels, not 8"):
        of_module(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(16, 8, 3)))
    chain = {"down": Signature.of_window(3, 2), "wide": Signature.of_window(7)}
    assert shapes(chain, (3, 32, 32)) == {"down": (3, 15, 15), "wide": (3, 9, 9)}
    with pytest.raises(InvalidInput, match="Layer 'wide' takes images of at least 7 x 7, not 3 x 3 of .3, 3, 3.."):
        shapes(chain, (3, 8, 8))
    with pytest.raises(InvalidInput, match="sum at 'b' needs equal shapes; got .8, 4, 4. of 'a', .8, 1, 1. of 'b'"):
        check_sum("b", {"a": (8, 4, 4), "b": (8, 1, 1)})


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.ConvTranspose2d(3, 3, 3), "has no known signature"),
        (nn.Conv2d(3, 3, (1, 3)), "has a window of unequal sides"),
        (nn.Conv2d(3, 3, 3, padding="same"), "has padding 'same': give it as a number"),
        (nn.MaxPool2d(3, ceil_mode=True), "rounds sizes up"),
        (nn.MaxPool2d(3, padding=1, dilation=2), None),
        (nn.Sequential(nn.ReLU(), nn.Linear(3, 3)), "Layer '1' .Linear. has no known signature"),
    ],
)
def test_a_module_without_a_signature_is_refused(module: nn.Module, words: str | None) -> None:
    if words is None:
        assert of_module(module)((3, 9, 9)) == real_shape(module, (3, 9, 9))
        return
    with pytest.raises(InvalidInput, match=words):
        of_module(module)


# -- the space -------------------------------------------------------------------------------------------------


def test_the_number_of_typed_chains_is_counted_exactly() -> None:
    sizes = range(8, 40)
    layers = [
        (kind, dict(zip(KINDS[kind], values, strict=True)))
        for kind in KINDS
        for values in itertools.product(*(ANSWERS[setting] for setting in KINDS[kind]))
    ]

    def behind(point: tuple[int, ...], kind: str, kernel=1, stride=1, padding=0, dilation=1, channels=0):  # type: ignore[no-untyped-def]
        """Channels and, for every size of the input, the size at the next point."""
        span = dilation * (kernel - 1) + 1
        if kind.endswith("pool") and padding > kernel // 2:
            return None
        made = [(size + 2 * padding - span) // stride + 1 for size in point[1:]]
        return (channels or point[0], *made) if min(made) > 0 else None

    def count(points: list[tuple[int, ...]], left: int) -> int:
        found = 0
        for kind, settings in layers:
            made = behind(points[-1], kind, **settings)
            if made is not None:
                found += (1 + points.count(made)) * (count([*points, made], left - 1) if left > 1 else 1)
        return found

    assert list(_numbers(2)) == [count([(16, *sizes)], depth) for depth in (1, 2)]
    assert TYPED.size == 409_834_757
    assert UNTYPED.size == sum(len(layers) ** depth * math.factorial(depth + 1) for depth in DEPTHS)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Many small networks: threads that wait for each other would take most of the time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def build_and_run(space: TypedConvolutions, arch: Architecture) -> None:
    """Raises where the network cannot be built or run."""
    digits = task("digits")
    network = space.network(space.graph(arch), digits).eval()
    with torch.inference_mode():
        assert torch.isfinite(network(torch.ones(1, *digits.shape))).all()


def test_a_thousand_of_a_thousand_mutants_by_type_build_and_run() -> None:
    arch = TYPED.sample(1, seed=0)[0]
    seen = set()
    for seed in range(1_000):
        before, arch = arch, TYPED.mutate(arch, seed=seed)
        assert arch != before
        assert TYPED.architecture(arch.decisions) == arch  # `suggest` checks types by itself
        build_and_run(TYPED, arch)
        seen.add(arch)
    assert len(seen) > 900


def test_two_in_five_mutants_that_ignore_types_do_not_build() -> None:
    parents = TYPED.sample(300, seed=1)
    failed = 0
    for seed, parent in enumerate(parents):
        mutant = UNTYPED.mutate(Architecture(UNTYPED, parent.decisions), seed=seed)
        try:
            build_and_run(UNTYPED, mutant)
        except InvalidInput:  # nothing that has a type for all sizes fails at this one
            failed += 1
            with pytest.raises(Infeasible):
                TYPED.architecture(mutant.decisions)
    assert failed / len(parents) == pytest.approx(0.42, abs=0.08)


def test_a_larger_kernel_gets_the_padding_that_keeps_its_type() -> None:
    arch = TYPED.architecture(
        {"depth": 2}
        | {"l0.kind": "conv", "l0.kernel": 3, "l0.stride": 1, "l0.padding": 1, "l0.dilation": 1, "l0.channels": 16}
        | {"l0.add": 0, "l1.kind": "identity", "l1.add": 0}
    )
    kernels = set()
    for seed in range(300):
        mutant = TYPED.mutate(arch, seed=seed).decisions
        if mutant["l0.kind"] == "conv" and mutant["l0.kernel"] == 5:
            kernels.add((mutant["l0.padding"], mutant["l0.dilation"], mutant["l0.add"]))
    assert kernels == {(2, 1, 0)}


def test_children_by_type_are_architectures() -> None:
    parents = TYPED.sample(60, seed=2)
    for a, b in itertools.pairwise(parents):
        child = TYPED.crossover(a, b, seed=0)
        assert TYPED.architecture(child.decisions) == child


def test_a_chain_without_a_type_is_refused_with_its_layer() -> None:
    wide = {"l0.kind": "conv", "l0.kernel": 5, "l0.stride": 1, "l0.padding": 0, "l0.dilation": 2, "l0.channels": 16}
    rest = {"l1.kind": "max_pool", "l1.kernel": 3, "l1.stride": 1, "l1.padding": 2, "l1.dilation": 1, "l1.add": None}
    with pytest.raises(Infeasible, match="Layer l0 .conv k5 s1 p0 d2 c16. needs images of at least 9 x 9"):
        TYPED.architecture({"depth": 2, **wide, "l0.add": None, **rest})
    wide["l0.padding"] = 2
    with pytest.raises(Infeasible, match="Layer l0 .conv k5 s1 p2 d2 c16. cannot add point 0: their shapes differ"):
        TYPED.architecture({"depth": 2, **wide, "l0.add": 0, **rest})
    with pytest.raises(Infeasible, match="Layer l1 .max_pool k3 s1 p2 d1. pads by 2, more than half of its kernel"):
        TYPED.architecture({"depth": 2, **wide, "l0.add": None, **rest})
    arch = UNTYPED.architecture({"depth": 2, **wide, "l0.add": 0, **rest | {"l1.padding": 1}})
    with pytest.raises(InvalidInput, match="The sum at 'l0' needs equal shapes; got .16, 4, 4. of 'l0', .16, 8, 8. of"):
        UNTYPED.build(arch, "digits")
