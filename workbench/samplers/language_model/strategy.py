"""GENIUS: a language model is told what was tried, and asked for what to try next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workbench.errors import InvalidInput
from workbench.progress import say
from workbench.samplers.domain import Domain, Params
from workbench.samplers.entries import strategy
from workbench.samplers.history import History
from workbench.samplers.language_model.codec import Codec
from workbench.samplers.language_model.conversation import MEMORIES, complaint, conversation
from workbench.samplers.language_model.recombiner import Recombiner
from workbench.samplers.language_model.record import Chat, Record
from workbench.samplers.strategy import Offspring

_TRIED = "That has been tried, computes the same as one that has, or must not be tried."


@strategy("genius", paper="Zheng et al., 2023: Can GPT-4 Perform Neural Architecture Search?")
class Genius:
    """A language model proposes each architecture, told of those before it and their values.

    - `chat(messages) -> str` answers messages of "role" and "content": any endpoint or local pipeline. Without one a
      rule answers that recombines the best (`Recombiner`): no language model, but the same conversation.
    - `record`: a file of JSON lines to which each answer is written; what it holds is not asked again, so that a study
      that is resumed pays nothing twice. `replay`: such a file, from which all answers come.
    - `memory`: "list" tells all trials in one message, the best first, "chat" each in a turn of its own.
    - `retries`: how often it is asked again, being told what was wrong, where an answer holds no architecture or one
      that was tried. Then a mutant of the best is tried, with the operator "fallback" (counted in `fallbacks` and said
      once), or a neighbour of what was repeated.

    What is asked depends on the space and the history alone. A chat that raises ends the search with a
    `WorkbenchError`; the study keeps what it has, and goes on from there.
    """

    def __init__(
        self,
        *,
        chat: Chat | None = None,
        record: str | Path | None = None,
        replay: str | Path | None = None,
        memory: str = "list",
        retries: int = 2,
        seed: int = 0,
    ) -> None:
        if memory not in MEMORIES:
            raise InvalidInput(f"memory must be one of {', '.join(map(repr, MEMORIES))}; got {memory!r}.")
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise InvalidInput(f"retries must be a whole number, zero or more; got {retries!r}.")
        if replay is not None and (chat is not None or record is not None):
            raise InvalidInput("replay= takes all answers from a file: give it without chat= and record=.")
        if chat is not None and not callable(chat):
            raise InvalidInput(f"chat must be a function of messages that returns text; got {chat!r}.")
        self.memory = memory
        self.retries = retries
        self.fallbacks = 0
        self.record = Record(None, replay) if replay is not None else Record(chat or Recombiner(seed), record)

    def __call__(self, domain: Domain, history: History, rng: np.random.Generator) -> Iterator[Params]:
        """What is answered; where that is not taken, what is answered then, and in the end a fallback."""
        codec = Codec(domain)
        messages = conversation(codec, history, self.memory)
        numbers = {domain.key(trial.params): trial.number for trial in history}
        repeated: Params | None = None
        wrong = ""
        for _ in range(1 + self.retries):
            answer = self.record.answer(messages, len(history))
            try:
                points = codec.read(answer)
            except InvalidInput as error:
                wrong = str(error)
            else:
                fresh = [point for point in points if domain.key(point) not in numbers]
                yield from fresh[-1:]  # the last word counts; going on means that it was not taken
                repeated, wrong = (fresh or points)[-1], _TRIED
            messages = complaint(messages, answer, wrong)
        if repeated is None:
            self._count_fallback(wrong)
        while repeated is None:
            best = history.best() if len(history) else None
            yield (
                domain.sample(rng)
                if best is None
                else Offspring(domain.mutate(best.params, rng), best.number, "fallback")
            )
        parent = numbers.get(domain.key(repeated))
        for point in domain.neighbors(repeated, rng):
            yield point if parent is None else Offspring(point, parent, "neighbor")
        yield repeated

    def _count_fallback(self, wrong: str) -> None:
        self.fallbacks += 1
        if self.fallbacks == 1:
            say(
                f"The chat gave no architecture in {1 + self.retries} answers, so that a mutant of the best is tried "
                f'(operator "fallback"; this is said once). What was wrong with the last answer: {wrong}'
            )
