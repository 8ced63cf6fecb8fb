"""Diffusion: the score network, what leads it, what is generated, and the search with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

import workbench as wb
from workbench.errors import InvalidInput, MissingData
from workbench.samplers import sampler
from workbench.samplers.diffusion import generator as generator_module
from workbench.samplers.diffusion import sde
from workbench.samplers.diffusion.generator import Generator, Training, generator_of
from workbench.samplers.diffusion.guidance import Guide
from workbench.samplers.diffusion.layout import Layout
from workbench.samplers.diffusion.score_network import ScoreNetwork
from workbench.samplers.domain import Domain, SpaceDomain

SPACE = wb.search_space("nasbench201")
CELLS = SpaceDomain(SPACE)
UNEVEN = Domain({name: CategoricalDistribution(range(n)) for name, n in {"a": 2, "b": 4, "c": 3}.items()})


@pytest.fixture(scope="module")
def cells() -> Generator:
    return wb.generator(SPACE, steps=100, progress=False)


def accuracy(dataset: str = "cifar100") -> wb.Measure:
    return wb.benchmark("nasbench201", dataset=dataset).measure("valid_accuracy")


def network(domain: Domain, width: int = 32) -> ScoreNetwork:
    layout = Layout(domain)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ScoreNetwork(layout.mask, layout.places, width, 2)


def noisy(domain: Domain, n: int, sigma: float) -> torch.Tensor:
    layout, rng = Layout(domain), np.random.default_rng(1)
    x0 = layout.one_hot(layout.codes([domain.sample(rng) for _ in range(n)]))
    noise = sigma * rng.standard_normal(x0.shape) * layout.mask
    return torch.from_numpy((x0 + noise).astype(np.float32))


# -- tensors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "nasbench_graph", "ofa_mobilenetv3"])
def test_points_become_tensors_and_come_back(name: str) -> None:
    domain = SpaceDomain(wb.search_space(name))
    layout = Layout(domain)
    points = [domain.sample(np.random.default_rng(seed)) for seed in range(10)]
    tensors = layout.one_hot(layout.codes(points))
    assert layout.is_whole(tensors).all()
    assert not (tensors * ~layout.mask).any()
    assert [domain.key(point) for point in layout.points(tensors) if point] == [domain.key(point) for point in points]
    assert not layout.is_whole(np.full_like(tensors, 0.3)).any()


def test_answers_that_make_no_architecture_are_no_point() -> None:
    domain = SpaceDomain(wb.search_space("nasbench101"))
    layout = Layout(domain)
    every_edge = np.zeros((1, len(domain.names), layout.width), np.float32)
    every_edge[:, :, 1] = 1.0
    assert layout.points(every_edge) == [None]  # more than nine edges


def test_a_question_knows_the_ends_of_its_edge() -> None:
    places = Layout(CELLS).places.reshape(6, 3, -1)
    names = list(CELLS.names)
    start, stop = places[:, 1], places[:, 2]
    np.testing.assert_allclose(start[names.index("1->2")], start[names.index("1->3")])
    np.testing.assert_allclose(stop[names.index("0->3")], stop[names.index("2->3")])
    assert np.abs(start[names.index("0->3")] - start[names.index("2->3")]).max() > 0.1
    assert len(np.unique(places[:, 0], axis=0)) == 6


# -- the score -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.2, 1.0, 4.0])
def test_where_every_combination_is_a_point_the_untrained_score_is_the_gradient_of_the_density(sigma: float) -> None:
    made, x = network(UNEVEN), noisy(UNEVEN, 5, sigma).double().requires_grad_()
    mask = torch.from_numpy(Layout(UNEVEN).mask)
    ones = torch.eye(4, dtype=torch.float64)
    distances = ((x[:, :, None, :] - ones) ** 2).sum(dim=3).masked_fill(~mask, torch.inf)
    log_density = torch.logsumexp(-distances / (2 * sigma**2), dim=2).sum()
    (expected,) = torch.autograd.grad(log_density, x)
    with torch.no_grad():
        found = made.double().score(x, sigma)
    torch.testing.assert_close(found * mask, expected * mask)


def test_the_network_learns_which_answers_go_together() -> None:
    domain = Domain({name: CategoricalDistribution(range(4)) for name in "abc"})
    layout, made = Layout(domain), network(domain)
    alike = torch.from_numpy(layout.one_hot(np.repeat(np.arange(4).repeat(50)[:, None], 3, axis=1)))

    def share_alike() -> float:
        mask = torch.ones(3, 4)
        x = sde.sample(made.score, mask, 200, 30, 1, torch.Generator().manual_seed(0))
        codes = made.denoised(x, sde.LOWEST).argmax(dim=2)
        return float((codes == codes[:, :1]).all(dim=1).float().mean())

    with torch.no_grad():
        before = share_alike()
    losses = list(sde.train(made, alike, 500, 64, 1e-2, torch.Generator().manual_seed(0)))
    with torch.no_grad():
        after = share_alike()
    assert before < 0.2
    assert after > 0.9
    assert losses[-1] < losses[0]


def test_training_ends_early_where_there_is_nothing_to_learn(cells: Generator) -> None:
    losses = Generator(CELLS, Training(steps=2_000)).train(progress=False)
    assert len(losses) <= 24  # of 80 looks
    quality = cells.quality(400, levels=30)
    assert quality.validity > 0.99
    assert quality.uniqueness > 0.9
    assert 0.75 < quality.novelty < 0.95  # 2,000 of 15,625 were examples


def test_generated_answers_are_as_frequent_as_in_the_space(cells: Generator) -> None:
    codes = cells.layout.codes(cells.points(600, 3, levels=20))
    shares = np.stack([(codes == answer).mean(axis=0) for answer in range(5)])
    assert np.abs(shares - 0.2).max() < 0.07


# -- guidance ------------------------------------------------------------------------------------------------------


def guide(domain: Domain = UNEVEN, n: int = 12) -> tuple[Guide, list[dict[str, Any]], np.ndarray]:
    rng = np.random.default_rng(2)
    points = [domain.sample(rng) for _ in range(n)]
    values = np.array([sum(point.values()) for point in points]) + 0.1 * rng.standard_normal(n)
    layout = Layout(domain)
    return Guide(layout.one_hot(layout.codes(points)), values, layout.mask), points, values


def test_without_noise_the_guide_is_the_predictor_of_hamming_distances() -> None:
    made, points, values = guide()
    everything = UNEVEN.everything()
    assert everything is not None
    predictor = wb.predictor("hamming_gp").fit(UNEVEN.encode(points), values)
    layout = Layout(UNEVEN)
    mean, variance = made.predicted(torch.from_numpy(layout.one_hot(layout.codes(everything))), 0.1)
    scores, deviations = predictor._predicted(predictor.encoder_(UNEVEN.encode(everything)))
    np.testing.assert_allclose(mean.numpy(), scores, atol=0.01)
    np.testing.assert_allclose(variance.sqrt().numpy(), deviations, atol=0.03)


def test_through_noise_the_guide_expects_what_the_answers_may_have_been() -> None:
    made, _, _ = guide()
    x, sigma, layout = noisy(UNEVEN, 4, 0.8), 0.8, Layout(UNEVEN)
    everything = torch.from_numpy(layout.one_hot(layout.codes(UNEVEN.everything() or [])))
    likelihood = -((x[:, None] - everything) ** 2).sum(dim=(2, 3)) / (2 * sigma**2)
    exact, _ = made.predicted(everything, 0.05)
    expected = likelihood.softmax(dim=1) @ exact
    torch.testing.assert_close(made.predicted(x, sigma)[0], expected, atol=1e-3, rtol=1e-3)


def test_the_gradient_of_the_guide_leads_uphill() -> None:
    made, _, _ = guide()
    x, sigma = noisy(UNEVEN, 8, 1.0), 1.0
    step = 1e-2 * made.gradient(x, sigma)

    def promise(at: torch.Tensor) -> torch.Tensor:
        mean, variance = made.predicted(at, sigma)
        return torch.special.log_ndtr((mean - made.best) / variance.sqrt())

    risen = promise(x + step) - promise(x)
    torch.testing.assert_close(risen, (step**2).sum(dim=(1, 2)) / 1e-2, rtol=0.1, atol=1e-5)


def test_equal_values_lead_nowhere() -> None:
    layout = Layout(UNEVEN)
    tensors = layout.one_hot(layout.codes((UNEVEN.everything() or [])[:4]))
    gradient = Guide(tensors, np.full(4, 0.5), layout.mask).gradient(noisy(UNEVEN, 3, 1.0), 1.0)
    assert not gradient.any()


def test_cells_that_are_led_are_five_points_better(cells: Generator) -> None:
    """DiffusionNAG's claim, with 50 cells told; 12 percentage points remain to the best cell."""
    measure = accuracy()
    gains = []
    for seed in range(2):
        told = {arch: measure(arch) for arch in SPACE.sample(50, seed=seed)}
        plain, led = cells.sample(64, seed, levels=30), cells.sample(64, seed, told=told, scale=3.0, levels=30)
        assert len(plain) == len(led) == 64
        gains.append(np.mean([measure(a) for a in led]) - np.mean([measure(a) for a in plain]))
        assert len(set(led)) > 20
    assert min(gains) > 5
    assert cells.sample(5, 1, told=told) == cells.sample(5, 1, told=told)


# -- files ---------------------------------------------------------------------------------------------------------


def test_a_generator_is_kept_in_a_file(tmp_path: Path, cells: Generator) -> None:
    path = tmp_path / "cells.pt"
    cells.save(path)
    again = wb.generator(SPACE, file=path, steps=0, progress=False)
    assert again.sample(20, 4, levels=20) == cells.sample(20, 4, levels=20)
    assert again.training == cells.training
    fresh = tmp_path / "fresh.pt"
    wb.generator(SPACE, examples=50, steps=5, file=fresh, progress=False)
    assert Generator.load(fresh, SPACE).training.examples == 50


def test_a_file_of_something_else_is_refused(tmp_path: Path, cells: Generator) -> None:
    path = tmp_path / "cells.pt"
    cells.save(path)
    with pytest.raises(InvalidInput, match="trained on other questions or answers than those of nasbench_macro"):
        Generator.load(path, wb.search_space("nasbench_macro"))
    with pytest.raises(InvalidInput, match="trained on other questions or answers"):
        Generator.load(path, SPACE.restrict({"0->1": ["none", "skip_connect"]}))
    for damaged in (path.read_bytes()[:500], b"hello", b""):
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="holds no generator of architectures"):
            Generator.load(path, SPACE)
    torch.save({"training": {"steps": 3}}, path)
    with pytest.raises(InvalidInput, match="holds no generator of architectures: KeyError"):
        Generator.load(path, SPACE)
    with pytest.raises(MissingData, match="There is no generator at .*none.pt. Train one"):
        Generator.load(tmp_path / "none.pt", SPACE)


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="width must be a whole number, 1 or more; got 0"):
        wb.generator(SPACE, width=0)
    with pytest.raises(InvalidInput, match="steps must be a whole number, 0 or more; got -1"):
        wb.generator(SPACE, steps=-1)


def test_training_that_is_interrupted_keeps_what_was_learned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(looks: Any, total: int, label: str, show: bool) -> Any:
        yield next(looks)
        raise KeyboardInterrupt

    monkeypatch.setattr(generator_module, "shown", interrupted)
    made = wb.generator(SPACE, examples=100, steps=1_000)
    assert len(made.sample(3, levels=5)) == 3
    assert "Stopped after 25 of 1000 steps" in capsys.readouterr().err


# -- the search ----------------------------------------------------------------------------------------------------


def test_a_domain_is_learned_once() -> None:
    training = Training(examples=64, steps=2)
    one = generator_of(SpaceDomain(SPACE), training)
    assert generator_of(SpaceDomain(SPACE), training) is one
    assert generator_of(SpaceDomain(SPACE), Training(examples=64, steps=2, seed=1)) is not one
    assert generator_of(SpaceDomain(SPACE, {"0->1": ["none", "skip_connect"]}), training) is not one


def test_the_search_finds_the_best_cells_and_repeats_itself() -> None:
    made = partial(sampler, "diffusion", steps=25, levels=30)
    studies = [wb.search(SPACE, accuracy(), made(seed), 40, progress=False) for seed in (0, 0, 1)]
    tried = [[trial.user_attrs["architecture"] for trial in study.trials] for study in studies]
    assert tried[0] == tried[1] != tried[2]
    values = np.array([trial.values[0] for trial in studies[0].trials])
    assert np.median(values[10:]) > np.median(values[:10]) + 3
    assert studies[0].best_value > 71.5
    assert len(set(tried[0])) == 40


def test_a_space_where_not_every_combination_is_a_network_is_searched() -> None:
    space = wb.search_space("nasbench101")
    nodes = wb.Measure("edges", "lower", lambda arch: float(arch.graph.number_of_edges()))
    made = sampler("diffusion", 0, steps=25, samples=24, levels=20, examples=200)
    study = wb.search(space, nodes, made, 30, progress=False)
    assert len([t for t in study.trials if t.values]) == 30
    assert np.mean([t.values[0] for t in study.trials[10:]]) < np.mean([t.values[0] for t in study.trials[:10]])


@pytest.mark.parametrize(
    "distributions",
    [
        {"one": CategoricalDistribution(["only"])},
        {"x": FloatDistribution(-3.0, 3.0), "n": IntDistribution(1, 200, log=True), "c": CategoricalDistribution("ab")},
    ],
)
@pytest.mark.parametrize("flat", [True, False])
def test_plain_domains_are_searched_too(distributions: dict[str, Any], flat: bool) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=sampler("diffusion", 0, levels=10, steps=10, samples=12))
    for _ in range(24):
        trial = study.ask(fixed_distributions=distributions)
        study.tell(trial, 1.0 if flat else float(trial.params.get("x", 0.0)))
    assert len(study.trials) == 24


@pytest.mark.slow
def test_generated_candidates_beat_random_ones() -> None:
    strategies = {
        "generated": "diffusion",
        "random": partial(sampler, "predictor_guided", candidates="random", batch=10),
    }
    frame = wb.compare(strategies, accuracy(), range(8), 100, progress=False)
    regret = frame[frame["query"] == 100].groupby("strategy")["regret"]
    assert regret.mean()["generated"] < regret.mean()["random"] / 2
    assert regret.median()["generated"] <= 0.5
