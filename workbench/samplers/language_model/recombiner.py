"""Recombiner: a rule that answers in a chat like a language model, for where there is none."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from workbench.samplers.language_model.conversation import VALUE
from workbench.samplers.language_model.record import Message, fingerprint

_QUESTION = re.compile(r'^("(?:[^"\\]|\\.)*"): (\[.*\])$', re.MULTILINE)
_TOLD = re.compile(r"(\{.*\})?[^{}\n]*?" + VALUE + r" (\S+?)\.?(?:\s|$)")
_ENOUGH = 3  # told architectures to recombine


class Recombiner:
    """Proposes what the better half of the told architectures has more often than the worse half: no language model.

    It knows nothing but the messages: it reads the questions and the told values out of them and answers in words, so
    that everything around a chat can be tried, tested and compared without a network. Each question gets its answer by
    chance, the likelier the more often the better half gives it compared with the worse one (the ratio of densities of
    Bergstra et al., NeurIPS 2011, on counts). Until three architectures have been told all answers are alike. What it
    draws comes from the seed and the messages alone.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def __call__(self, messages: list[Message]) -> str:
        """The next proposal, as a line of JSON."""
        rng = random.Random(f"{self.seed} {fingerprint(messages)}")
        told = [point for _, point in sorted(_told(messages), key=lambda trial: -trial[0])]
        half = len(told) // 2 if len(told) >= _ENOUGH else 0
        better, worse = told[:half], told[half:] if half else []
        proposed = {}
        for name, answers in _QUESTION.findall(messages[1]["content"]):
            question, listed = json.loads(name), json.loads(answers)
            weights = [_count(better, question, answer) / _count(worse, question, answer) for answer in listed]
            proposed[question] = rng.choices(listed, weights)[0]
        return f"I propose {json.dumps(proposed)}"


def _count(points: list[dict[str, Any]], question: str, answer: Any) -> float:
    """How many points give this answer, and a half, so that none is ruled out."""
    return 0.5 + sum(1 for point in points if point.get(question) == answer)


def _told(messages: list[Message]) -> list[tuple[float, dict[str, Any]]]:
    """Values and architectures that the messages tell, in lines or in turns."""
    found: list[tuple[float, dict[str, Any]]] = []
    turn = ""
    for message in messages:
        if message["role"] == "assistant":
            turn = message["content"]
            continue
        for architecture, value in _TOLD.findall(message["content"]):
            found.append((float(value), json.loads(architecture or turn)))
    return found
