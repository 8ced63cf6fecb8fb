"""GENIUS: a chat as a strategy, with scripted talkers in the place of a language model."""

from __future__ import annotations

import json
import pickle
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

import workbench as wb
from workbench.errors import InvalidInput, MissingData, WorkbenchError
from workbench.samplers import sampler
from workbench.samplers.domain import Domain, SpaceDomain
from workbench.samplers.language_model import Codec, Recombiner

SPACE = wb.search_space("nasbench201")
EDGES = [question.name for question in SPACE.questions()]


def accuracy() -> wb.Measure:
    return wb.benchmark("nasbench201", dataset="cifar10").measure("valid_accuracy")


def searched(n_trials: int = 10, **settings: Any) -> optuna.Study:
    kept = {name: settings.pop(name) for name in ("storage", "seed") if name in settings}
    made = sampler("genius", kept.get("seed", 0), **settings)
    return wb.search(SPACE, accuracy(), made, n_trials, name="genius", progress=False, **kept)


def tried(study: optuna.Study) -> list[str]:
    return [trial.user_attrs["architecture"] for trial in study.trials]


def line(**answers: str) -> str:
    return json.dumps(dict.fromkeys(EDGES, "nor_conv_3x3") | answers)


class Climber:
    """Changes one answer of the best in the prompt's list, in order, and says so in prose."""

    def __init__(self) -> None:
        self.asked: list[list[dict[str, str]]] = []

    def __call__(self, messages: list[dict[str, str]]) -> str:
        self.asked.append(messages)
        told = re.findall(r"^(\{.*\}) has the value (\S+)\.$", messages[1]["content"], re.MULTILINE)
        if not told:
            return (
                f"Let me think (there is much to weigh). I begin with\n```json\n{line()}\n```\nas convolutions learn."
            )
        best = json.loads(max(told, key=lambda trial: float(trial[1]))[0])
        known = [json.loads(text) for text, _ in told] + [json.loads(m["content"]) for m in messages[2::2]]
        for edge in EDGES:
            for answer in ("skip_connect", "nor_conv_3x3", "nor_conv_1x1"):
                if (moved := best | {edge: answer}) not in known:
                    return json.dumps(moved)
        return "I have no idea left."


# -- the codec -----------------------------------------------------------------------------------------------------


def forms(space: wb.SearchSpace, arch: wb.Architecture, text: str) -> dict[str, str]:
    answers = list(arch.decisions.values())
    return {
        "json": text,
        "in prose": f"I'd go deeper (see above).\n```json\n{text}\n```\nThis should outperform the best, 92.1.",
        "string": str(arch),
        "string in prose": f"My answer, because of (a), is: `{arch}`.",
        "wrapped": json.dumps({"architecture": str(arch), "why": "more capacity"}),
        "lines": "\n".join(f"{i}. **{name}**: {answer}" for i, (name, answer) in enumerate(arch.decisions.items())),
        **({"list": f"So I propose {json.dumps(answers)}."} if space.flat else {}),
    }


@pytest.mark.parametrize("name", wb.search_spaces())
def test_an_architecture_is_read_back_in_every_form_it_may_be_answered_in(name: str) -> None:
    space = wb.search_space(name)
    codec = Codec(SpaceDomain(space))
    for arch in space.sample(2, seed=5):
        for form, text in forms(space, arch, codec.write(arch.decisions)).items():
            assert codec.read(text) == [dict(arch.decisions)], form


@given(seed=st.integers(0, 10_000), before=st.text(max_size=40), after=st.text(max_size=40))
@settings(max_examples=60)
def test_an_architecture_is_found_in_any_prose(seed: int, before: str, after: str) -> None:
    space = wb.search_space("nasbench101")
    codec = Codec(SpaceDomain(space))
    arch = space.sample(1, seed=seed)[0]
    assert codec.read(f"{before}\n{codec.write(arch.decisions)}\n{after}")[-1] == dict(arch.decisions)


@given(text=st.text(max_size=200) | st.text("{}[]()\"':,|~ 01none", max_size=200))
@settings(max_examples=150)
def test_nonsense_is_one_kind_of_error(text: str) -> None:
    with suppress(InvalidInput):
        assert Codec(SpaceDomain(SPACE)).read(text)


def test_spelling_is_taken_lightly_and_the_last_word_counts() -> None:
    codec = Codec(SpaceDomain(SPACE))
    sloppy = "[NOR_CONV_3X3, 'none', nor-conv-1x1, `skip_connect`, Skip Connect, avg_pool_3x3]"
    (point,) = codec.read(f"Operations: {sloppy}")
    assert list(point.values()) == [
        "nor_conv_3x3", "none", "nor_conv_1x1", "skip_connect", "skip_connect", "avg_pool_3x3",
    ]  # fmt: skip
    both = codec.read(f"{line()} was good, and better is {line(**{'0->1': 'none'})}, unlike {line()}")
    assert [p["0->1"] for p in both] == ["none", "nor_conv_3x3"]
    numbers = Codec(SpaceDomain(wb.search_space("natsbench_sss")))
    assert list(numbers.read('["8", 16.0, "24", 32, 40]')[0].values()) == [8, 16, 24, 32, 40]


def test_what_is_wrong_with_an_answer_is_said() -> None:
    codec = Codec(SpaceDomain(SPACE))
    with pytest.raises(InvalidInput, match="\"conv\" is no answer to '0->1'. Did you mean .*nor_conv"):
        codec.read(line(**{"0->1": "conv"}))
    with pytest.raises(InvalidInput, match="The question '2->3' is not answered. Its answers: .*nor_conv_3x3"):
        codec.read(json.dumps(dict.fromkeys(EDGES[:5], "none")))
    with pytest.raises(InvalidInput, match="There is no architecture in the answer 'As a model I cannot.'"):
        codec.read("As a model I cannot.")
    steered = Codec(SpaceDomain(SPACE, {"0->1": ["none", "skip_connect"]}))
    with pytest.raises(InvalidInput, match="\"nor_conv_3x3\" is not allowed for '0->1' now. Allowed: .*skip_connect"):
        steered.read(line())


def test_a_domain_without_a_space_is_told_and_read_too() -> None:
    domain = Domain(
        {
            "lr": FloatDistribution(1e-4, 1.0, log=True),
            "layers": IntDistribution(1, 40),
            "act": CategoricalDistribution(["relu", None, True]),
        }
    )
    codec = Codec(domain)
    assert codec.read('{"lr": 0.0123, "layers": 17, "act": null}') == [{"lr": 0.0123, "layers": 17, "act": None}]
    assert codec.read('{"lr": "1e-2", "layers": 17.0, "act": true}') == [{"lr": 0.01, "layers": 17, "act": True}]
    with pytest.raises(InvalidInput, match="2.0 is no answer to 'lr'"):
        codec.read('{"lr": 2.0, "layers": 17, "act": "relu"}')
    rng = np.random.default_rng(0)
    for point in (domain.sample(rng) for _ in range(20)):
        assert codec.read(codec.write(point)) == [point]


# -- the conversation ----------------------------------------------------------------------------------------------


def test_a_climber_is_told_everything_and_beats_chance() -> None:
    climber = Climber()
    study = searched(20, chat=climber)
    assert study.best_value > 90.5
    assert tried(study)[0] == str(SPACE.architecture(json.loads(line())))
    last = climber.asked[-1][1]["content"]
    assert '"0->1": ["none", "skip_connect"' in last
    assert "The search space is nasbench201. The 15,625 cells" in last
    assert last.count("has the value") >= 18
    assert last.index(f"{study.best_value:.6g}") < last.index("has the value") + 30  # the best comes first


def test_a_chat_that_remembers_has_a_turn_for_every_trial() -> None:
    asked = []

    def chat(messages: list[dict[str, str]]) -> str:
        asked.append(messages)
        return Recombiner(1)(messages)

    study = searched(6, chat=chat, memory="chat")
    last = next(messages for messages in asked if len(messages) == 2 + 2 * 5)
    assert [m["role"] for m in last] == ["system", "user"] + ["assistant", "user"] * 5
    assert [str(SPACE.architecture(json.loads(m["content"]))) for m in last[2::2]] == tried(study)[:5]
    assert f"has the value {study.trials[4].values[0]:.6g}." in last[-1]["content"]


def test_nonsense_is_asked_again_and_then_a_mutant_of_the_best_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[list[dict[str, str]]] = []

    def chat(messages: list[dict[str, str]]) -> str:
        asked.append(messages)
        return line() if len(asked) == 1 else "42!"

    study = searched(6, chat=chat, retries=1)
    assert len(asked) == 1 + 5 * 2
    assert "There is no architecture in the answer '42!'. Propose another" in asked[2][-1]["content"]
    fallen = [trial for trial in study.trials if trial.user_attrs.get("operator") == "fallback"]
    assert [trial.number for trial in fallen] == [1, 2, 3, 4, 5]
    assert study.sampler.sampler.strategy.fallbacks == 5
    for trial in fallen:
        parent = SPACE.parse(tried(study)[trial.user_attrs["parent"]])
        assert SPACE.parse(trial.user_attrs["architecture"]) in SPACE.neighbors(parent)
    said = capsys.readouterr().err
    assert said.count("The chat gave no architecture in 2 answers") == 1
    assert "'42!'" in said


def test_nonsense_from_the_first_is_survived() -> None:
    study = searched(4, chat=lambda messages: "no", retries=0)
    assert len(set(tried(study))) == 4


def test_one_who_repeats_is_told_so_and_then_a_neighbour_is_tried() -> None:
    asked = []

    def chat(messages: list[dict[str, str]]) -> str:
        asked.append(messages)
        return f"Surely {line()}!"

    study = searched(8, chat=chat, retries=2)
    assert len(asked) == 1 + 7 * 3
    assert asked[2][-1]["content"].startswith("That has been tried")
    assert asked[2][-2] == {"role": "assistant", "content": f"Surely {line()}!"}
    first = SPACE.parse(tried(study)[0])
    for trial in study.trials[1:]:
        assert SPACE.parse(trial.user_attrs["architecture"]) in SPACE.neighbors(first)
        assert trial.user_attrs["operator"] == "neighbor"
        assert trial.user_attrs["parent"] == 0


def test_an_isomorph_of_what_was_tried_is_asked_again() -> None:
    twins = [line(**{"1->2": "none", "1->3": "none"}), line(**{"1->2": "none", "1->3": "none", "0->1": "none"})]
    answers = iter([*twins, line()])
    study = searched(2, chat=lambda messages: next(answers))
    assert tried(study) == [str(SPACE.architecture(json.loads(text))) for text in (twins[0], line())]


# -- record and replay ---------------------------------------------------------------------------------------------


def test_a_recorded_chat_is_replayed_without_a_chat(tmp_path: Path) -> None:
    record = tmp_path / "chats" / "record.jsonl"
    climber = Climber()
    first = searched(12, chat=climber, record=record)
    lines = [json.loads(text) for text in record.read_text().splitlines()]
    assert len(lines) == len(climber.asked)
    assert all(entry.keys() == {"asked", "answer"} for entry in lines)
    assert tried(searched(12, replay=record)) == tried(first)

    def never(messages: list[dict[str, str]]) -> str:
        raise AssertionError("it was paid for already")

    assert tried(searched(12, chat=never, record=record)) == tried(first)


def test_a_replay_that_does_not_fit_is_one_clear_error(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    searched(5, chat=Climber(), record=record)
    words = "holds 5 answers, and none to what is asked for trial 5: it was made with another space"
    with pytest.raises(InvalidInput, match=words):
        searched(8, replay=record)
    with pytest.raises(InvalidInput, match="none to what is asked for trial 1"):
        searched(5, replay=record, memory="chat")
    with pytest.raises(MissingData, match="no record of a chat at .*none.jsonl. Make one"):
        sampler("genius", replay=tmp_path / "none.jsonl")


def test_a_damaged_record_is_refused_and_a_torn_last_line_is_not(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    first = searched(5, chat=Climber(), record=record)
    whole = record.read_text()
    record.write_text(whole + '{"asked": "12')
    assert tried(searched(6, chat=Climber(), record=record))[:5] == tried(first)
    assert tried(searched(4, replay=record)) == tried(first)[:4]
    record.write_text("hello\n" + whole)
    with pytest.raises(InvalidInput, match="Line 1 of .*record.jsonl is no answer of a recorded chat"):
        searched(5, replay=record)


def test_a_network_that_goes_away_costs_nothing(tmp_path: Path) -> None:
    key = "sk-secret"
    climber = Climber()

    def failing(messages: list[dict[str, str]]) -> str:
        if len(climber.asked) == 4:
            raise ConnectionError(f"https://example.org/?key={key} is unreachable")
        return climber(messages)

    record, storage = tmp_path / "record.jsonl", tmp_path / "study.sqlite3"
    words = "The chat failed when it was asked for trial 4: ConnectionError. .* go on"
    with pytest.raises(WorkbenchError, match=words) as caught:
        searched(9, chat=failing, record=record, storage=storage)
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert key.encode() not in storage.read_bytes() + record.read_bytes()
    resumed = searched(9, chat=Climber(), record=record, storage=storage)
    undisturbed = searched(9, chat=Climber())
    measured = [t for t in resumed.trials if t.values]
    assert [t.user_attrs["architecture"] for t in measured] == tried(undisturbed)


def test_a_failed_chat_can_be_asked_again_by_the_same_sampler() -> None:
    climber = Climber()
    down = [True]

    def failing(messages: list[dict[str, str]]) -> str:
        if len(climber.asked) == 2 and down:
            down.pop()
            raise TimeoutError
        return climber(messages)

    made = sampler("genius", 0, chat=failing)
    storage = optuna.storages.InMemoryStorage()
    with pytest.raises(WorkbenchError, match="TimeoutError"):
        wb.search(SPACE, accuracy(), made, 6, storage=storage, name="one", progress=False)
    study = wb.search(SPACE, accuracy(), made, 6, storage=storage, name="one", progress=False)
    measured = [t.user_attrs["architecture"] for t in study.trials if t.values]
    assert measured == tried(searched(6, chat=Climber()))


# -- settings, and the rule that needs no model --------------------------------------------------------------------


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(InvalidInput, match="memory must be one of 'chat', 'list'; got 'both'"):
        sampler("genius", memory="both")
    with pytest.raises(InvalidInput, match="retries must be a whole number, zero or more; got -1"):
        sampler("genius", retries=-1)
    with pytest.raises(InvalidInput, match="replay= takes all answers from a file"):
        sampler("genius", replay="x.jsonl", chat=Climber())
    with pytest.raises(InvalidInput, match="chat must be a function of messages that returns text; got 'gpt'"):
        sampler("genius", chat="gpt")
    with pytest.raises(InvalidInput, match="must return text; it returned NoneType"):
        searched(1, chat=lambda messages: None)


@pytest.mark.parametrize("memory", ["chat", "list"])
def test_without_a_chat_a_rule_answers_that_is_better_than_chance(memory: str) -> None:
    assert pickle.loads(pickle.dumps(sampler("genius", 1)))  # noqa: S301  # our own bytes
    late = [t.values[0] for seed in range(4) for t in searched(40, seed=seed, memory=memory).trials[20:]]
    random = wb.search(SPACE, accuracy(), "random", 80, progress=False)
    assert np.mean(late) > np.mean([t.values[0] for t in random.trials]) + 3
