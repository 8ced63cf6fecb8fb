"""The contract of a search space."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import islice
from time import perf_counter

import networkx as nx
import numpy as np

from workbench.errors import Infeasible, InvalidInput, UnknownName
from workbench.networks.copies import original
from workbench.spaces.space import SearchSpace
from workbench.testing.refusals import refuses

SpaceCheck = Callable[[SearchSpace], None]
_N = 20  # architectures a check looks at
_MANY = 200  # the same for a cheap check


def it_round_trips_through_text(space: SearchSpace) -> None:
    """`parse` reads what `str` writes."""
    for arch in space.sample(min(_MANY, space.size), seed=1):
        text = str(arch)
        read = space.parse(text)
        assert read == arch, f"{text} is read back as {read}"


def equal_answers_make_equal_graphs(space: SearchSpace) -> None:
    """The graph depends on the answers alone."""
    for arch in space.sample(_N, seed=2):
        again = space.architecture(arch.decisions)
        assert again == arch
        assert hash(again) == hash(arch)
        assert nx.utils.graphs_equal(space.graph(arch), space.graph(again))


def graphs_are_acyclic_with_an_input_and_an_output(space: SearchSpace) -> None:
    """Every graph runs from at least one input to at least one output."""
    for arch in space.sample(_N, seed=3):
        graph = space.graph(arch)
        roles = {role for _, role in graph.nodes(data="role")}
        assert nx.is_directed_acyclic_graph(graph)
        assert {"input", "output"} <= roles, f"roles are {roles}"


def every_chosen_operation_names_its_question(space: SearchSpace) -> None:
    """`question` on a node or an edge was asked, and its answer is the operation there, a copy's being its original.

    An operation made of several answers names them all in `questions`.
    """
    for arch in space.sample(_N, seed=4):
        graph = space.graph(arch)
        for *_, data in (*graph.nodes(data=True), *graph.edges(data=True)):
            asked = data.get("questions", ())
            assert isinstance(asked, tuple)
            assert set(asked) <= set(arch.decisions), f"{set(asked) - set(arch.decisions)} were not asked"
            if "question" in data:
                assert data["question"] in arch.decisions, f"{data['question']} was not asked"
            if "op" in data and "question" in data:
                answer = arch.decisions[data["question"]]
                assert data["op"] in (answer, original(answer) if isinstance(answer, str) else answer)


def samples_are_different_and_repeat_with_their_seed(space: SearchSpace) -> None:
    """The same seed gives the same architectures; within a sample no two are equal."""
    first = space.sample(_N, seed=5)
    assert first == space.sample(_N, seed=5)
    assert len(set(first)) == len(first)
    assert first != space.sample(_N, seed=6)


def sampling_leaves_the_global_generators_alone(space: SearchSpace) -> None:
    """Numpy's and torch's global states are as before."""
    import torch

    before_numpy = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    before_torch = torch.random.get_rng_state()
    arch = space.sample(1, seed=7)[0]
    space.mutate(arch, seed=7)
    space.build(arch, seed=7)
    assert np.array_equal(before_numpy, np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002
    assert torch.equal(before_torch, torch.random.get_rng_state())


def neighbors_differ_in_one_answer_and_are_mutual(space: SearchSpace) -> None:
    """In a flat space the neighbour relation is symmetric and one answer wide."""
    for arch in space.sample(3 if space.flat else 1, seed=8):
        near = space.neighbors(arch)
        assert arch not in near
        assert len(near) == len(set(near))
        if space.flat:
            assert len(near) == sum(len(q.answers) - 1 for q in space.questions(arch))
            for other in near:
                assert sum(a != b for a, b in zip(arch.decisions.values(), other.decisions.values(), strict=True)) == 1
            assert arch in space.neighbors(near[0])


def mutation_and_crossover_stay_in_the_space(space: SearchSpace) -> None:
    """A mutant differs from its parent; a child's answers are its parents' where both were asked."""
    a, b = space.sample(2, seed=9)
    assert space.mutate(a, seed=0) != a
    assert space.mutate(a, seed=0) == space.mutate(a, seed=0)
    child = space.crossover(a, b, seed=0)
    assert space.architecture(child.decisions) == child
    if space.flat:
        assert all(child.decisions[q] in (a.decisions[q], b.decisions[q]) for q in child.decisions)


def enumeration_visits_each_architecture_once(space: SearchSpace) -> None:
    """The first thousand are different; a small space is counted right and holds its own samples."""
    some = list(islice(space.enumerate(), 1000))
    assert len(set(some)) == len(some)
    if len(some) < 1000:
        assert len(some) == space.size
        assert set(space.sample(min(_N, space.size), seed=10)) <= set(some)


def its_size_is_known_at_once(space: SearchSpace) -> None:
    """`size` is a whole number, found in under a second however large the space is."""
    began = perf_counter()
    size = space.size
    assert isinstance(size, int)
    assert size > 0
    assert perf_counter() - began < 1


def equal_canonical_strings_survive_a_replay(space: SearchSpace) -> None:
    """`canonical` is a function of the architecture, under every rule; other rules are refused."""
    for arch in space.sample(_N, seed=11):
        for rule in space.canonical_rules:
            assert space.canonical(arch, rule) == space.canonical(space.parse(str(arch)), rule)
    refuses(UnknownName, lambda: space.canonical(space.sample(1)[0], "no_such_rule"))


def one_hot_rows_tell_architectures_apart(space: SearchSpace) -> None:
    """One 1 per answered question, and different rows for different architectures."""
    archs = space.sample(_N, seed=12)
    codes = space.encode(archs, "one_hot")
    assert codes.shape[0] == len(archs)
    assert (codes.sum(axis=1) == [len(a.decisions) for a in archs]).all()
    assert len(np.unique(codes, axis=0)) == len(archs)


def it_is_answered_by_an_optuna_trial(space: SearchSpace) -> None:
    """`suggest` works under a real trial, directly and through `distributions`."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    optuna.logging.set_verbosity(before)
    for _ in range(3):
        trial = study.ask()
        try:
            arch = space.answered_by(trial)
        except Infeasible:
            continue
        assert dict(arch.decisions) == trial.params
    assert set(study.ask(fixed_distributions=dict(space.distributions())).params) == set(space.distributions())


def a_restriction_keeps_what_is_allowed(space: SearchSpace) -> None:
    """`restrict` keeps architectures of the whole space, and refuses unknown questions and answers."""
    question = next(q for q in space.questions() if len(q.answers) > 1)
    smaller = space.restrict({question.name: question.answers[:1]})
    archs = smaller.sample(min(3, smaller.size) if smaller.flat else 3, seed=13)
    for arch in archs:
        assert arch.decisions.get(question.name, question.answers[0]) == question.answers[0]
        assert space.parse(str(arch)) == arch
    refuses(UnknownName, lambda: space.restrict({"no such question": [1]}))
    refuses(InvalidInput, lambda: space.restrict({question.name: ["no such answer"]}))


def a_search_runs(space: SearchSpace) -> None:
    """`search` measures different architectures of it, with a measure that builds no network."""
    from workbench.proxies import measure
    from workbench.studies.search import search

    n_trials = min(3, space.size)
    study = search(space, measure("params", task="digits"), n_trials=n_trials, duplicates="exact", progress=False)
    done = [trial for trial in study.trials if trial.values is not None]
    assert len(done) == n_trials, [trial.user_attrs.get("reason") for trial in study.trials]
    assert len({trial.user_attrs["architecture"] for trial in done}) == n_trials
    for trial in done:
        space.parse(trial.user_attrs["architecture"])


def the_cell_editor_opens(space: SearchSpace) -> None:
    """An architecture is drawn, each of its questions has its answers, and pages without a kernel get a picture."""
    from workbench.widgets.cell_editor import CellEditor

    arch = space.sample(1, seed=18)[0]
    editor = CellEditor(arch, benchmark=[])
    assert editor.value == arch
    assert set(editor.palette) == set(arch.decisions)
    assert editor.still().startswith("<svg")
    editor.close()


def networks_run_and_every_weight_learns(space: SearchSpace) -> None:
    """`build` maps a batch to finite logits, the same for the same seed, and a loss reaches what the output uses."""
    import torch

    from workbench.spaces.graphs import is_connected
    from workbench.tasks import task

    digits = task("digits")
    arch = next(a for a in space.sample(_N, seed=14) if is_connected(space.graph(a)))
    model, twin = space.build(arch, digits, seed=3), space.build(arch, digits, seed=3)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), twin.parameters(), strict=True))
    x = torch.randn(2, *digits.shape, generator=torch.Generator().manual_seed(0))
    logits = model(x)
    assert logits.shape == (2, digits.n_classes)
    assert torch.isfinite(logits).all()
    logits.sum().backward()
    assert any(p.grad is not None and bool((p.grad != 0).any()) for p in model.parameters())


def counts_equal_the_built_network(space: SearchSpace) -> None:
    """Parameters and multiply-adds of `counts` are those of the network that `build` makes."""
    from workbench.networks.counting import count_module
    from workbench.tasks import task

    for arch, names in zip(space.sample(3, seed=15), (("cifar10", "digits"), ("digits",), ("digits",)), strict=True):
        for name in names:
            shape = task(name).shape
            assert tuple(space.counts(arch, name)) == tuple(count_module(space.build(arch, name), shape)), str(arch)


def architectures_travel_between_processes(space: SearchSpace) -> None:
    """Pickling keeps them equal, and small."""
    arch = space.sample(1, seed=16)[0]
    packed = pickle.dumps(arch)
    assert pickle.loads(packed) == arch  # noqa: S301  # our own bytes, made above
    assert len(packed) < 10_000


def foreign_and_malformed_input_is_refused(space: SearchSpace) -> None:
    """Nonsense strings, unknown and missing questions, and things that are no architecture: our own errors."""
    for text in ("", "nonsense", "|" * 50, "{}", "[]", "\x00"):
        refuses(InvalidInput, lambda text=text: space.parse(text))  # type: ignore[misc]
    arch = space.sample(1, seed=17)[0]
    refuses(UnknownName, lambda: space.architecture({**arch.decisions, "no such question": 1}))
    refuses(InvalidInput, lambda: space.architecture({}))
    refuses(InvalidInput, lambda: space.graph("not an architecture"))  # type: ignore[arg-type]


space_contract: list[SpaceCheck] = [
    it_round_trips_through_text,
    equal_answers_make_equal_graphs,
    graphs_are_acyclic_with_an_input_and_an_output,
    every_chosen_operation_names_its_question,
    samples_are_different_and_repeat_with_their_seed,
    sampling_leaves_the_global_generators_alone,
    neighbors_differ_in_one_answer_and_are_mutual,
    mutation_and_crossover_stay_in_the_space,
    enumeration_visits_each_architecture_once,
    its_size_is_known_at_once,
    equal_canonical_strings_survive_a_replay,
    one_hot_rows_tell_architectures_apart,
    it_is_answered_by_an_optuna_trial,
    a_restriction_keeps_what_is_allowed,
    a_search_runs,
    the_cell_editor_opens,
    networks_run_and_every_weight_learns,
    counts_equal_the_built_network,
    architectures_travel_between_processes,
    foreign_and_malformed_input_is_refused,
]
