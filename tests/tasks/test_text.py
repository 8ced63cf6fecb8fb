"""Texts as tasks: characters as tokens, runs of them as examples, and what is said where the text is missing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.errors import InvalidInput, MissingData
from workbench.tasks import Task, task
from workbench.tasks.text import CHARACTERS, LENGTH, VOCABULARY, PythonTopics, tokens

TOPICS = task("python_topics")


def characters(numbers: torch.Tensor) -> str:
    return "".join("?" if number == 0 else CHARACTERS[number - 1] for number in numbers.tolist())


def test_printable_characters_and_line_ends_have_a_token_each_and_the_rest_one_together() -> None:
    assert VOCABULARY == 1 + 95 + 1
    assert tokens("\n !~").tolist() == [1, 2, 3, 96]
    assert tokens("\t\x00\x7fé…\U0001f40d\ud800").tolist() == [0] * 7
    assert tokens("").shape == (0,)
    assert tokens("a").dtype == np.uint8


def test_a_batch_is_runs_of_the_text_and_the_character_after_each() -> None:
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))
    plain = "".join(character if character in CHARACTERS else "?" for character in text)
    x, y, source = TOPICS.batch(50, seed=3)
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((50, LENGTH), torch.int64, (50,), torch.int64)
    assert source == TOPICS.source == "text"
    for run, after in zip(x, y, strict=True):
        assert characters(torch.cat([run, after[None]])) in plain


def test_every_run_is_an_example_once() -> None:
    x, y = PythonTopics().read()
    assert x.shape == (len(y), LENGTH)
    assert np.array_equal(x[LENGTH], y[:LENGTH])
    assert np.array_equal(x[1:, -1], y[:-1])
    assert not x.flags.owndata


def test_the_text_is_long_and_almost_all_of_it_has_a_token() -> None:
    x, y = PythonTopics().read()
    assert len(x) > 300_000
    assert (y == 0).mean() < 0.01
    assert len(np.unique(y)) > 90


def test_a_seed_decides_the_batch() -> None:
    first, again, other = (TOPICS.batch(16, seed) for seed in (1, 1, 2))
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.y, again.y)
    assert not torch.equal(first.x, other.x)
    assert len({tuple(run.tolist()) for run in first.x}) == 16


def test_too_large_a_batch_says_how_many_texts_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"python_topics has \d{3},\d{3} training texts: a batch of 1,000,000"):
        TOPICS.batch(1_000_000)


@pytest.mark.parametrize("module", ["pydoc_data.no_topics", "no_such_package.topics"])
def test_a_python_without_the_text_is_told_how_to_get_it(module: str) -> None:
    absent = Task("topics", (LENGTH,), VOCABULARY, "", PythonTopics(module=module), vocabulary=VOCABULARY)
    with pytest.raises(MissingData, match=f"own module {module}, which the Python in .* install the whole standard"):
        absent.batch(4)
    assert absent.card()["source"] == "missing"


def test_texts_without_a_reader_are_uniform_tokens() -> None:
    noise = Task("letters", (10,), 3, "", vocabulary=5)
    x, y, source = noise.batch(200, seed=1)
    assert (x.shape, x.dtype, source) == ((200, 10), torch.int64, "noise")
    assert sorted(set(x.flatten().tolist())) == [0, 1, 2, 3, 4]
    assert sorted(set(y.tolist())) == [0, 1, 2]


def test_a_text_has_a_length_and_no_shape_of_an_image() -> None:
    assert TOPICS.input_shape == (64,)
    assert (TOPICS.dtype, task("digits").dtype) == (torch.int64, None)
    assert task("digits").shape == task("digits").input_shape == (1, 8, 8)
    words = "python_topics gives 64 tokens of a text where an image .* is needed: choose a task of images"
    with pytest.raises(InvalidInput, match=words):
        _ = TOPICS.shape


def test_the_table_of_tasks_shows_length_and_vocabulary() -> None:
    card = TOPICS.card()
    assert (card["shape"], card["classes"], card["tokens"], card["source"]) == ("64", 97, 97, "text")
    assert task("cifar10").card()["tokens"] == 0


def test_characters_come_as_often_as_the_card_says() -> None:
    shares = np.bincount(PythonTopics().read().y) / len(PythonTopics().read().y)
    shares = shares[shares > 0]
    assert -float(shares @ np.log(shares)) == pytest.approx(3.25, abs=0.05)
