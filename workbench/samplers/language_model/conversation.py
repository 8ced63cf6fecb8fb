"""The conversation with a language model: a function of the domain and the history alone, so that it is replayed."""

from __future__ import annotations

from workbench.samplers.history import History, Told
from workbench.samplers.language_model.codec import Codec
from workbench.samplers.language_model.record import Message

MEMORIES = ("chat", "list")
VALUE = "has the value"  # what stands between an architecture and its value
REMEMBERED = 100  # trials that are told, at most

_SYSTEM = "You are an expert in neural architecture search. You propose architectures; each is measured for you."
_TASK = (
    "Find the architecture with the highest value. Propose one at a time, and never one that has been tried; its value "
    "is then told to you. Answer with one line of JSON that gives each question its answer, for example"
)
_MORE = "Propose a new architecture that outperforms those before."


def conversation(codec: Codec, history: History, memory: str) -> list[Message]:
    """The messages that ask for the next architecture.

    With the memory "list" one message tells the trials, the best first; with "chat" every trial is a turn, in which the
    model is shown to have answered what was tried. Of a long history the best 100 are told, or the latest.
    """
    example = codec.write({name: answers[0] for name, answers in codec.domain.answers.items()})
    problem = f"{codec.description()}\n\n{_TASK}\n{example}"
    messages = [_message("system", _SYSTEM), _message("user", problem)]
    if not len(history):
        return messages
    if memory == "list":
        told = "\n".join(f"{codec.write(trial.params)} {_value(trial)}" for trial in history.top(REMEMBERED))
        messages[-1]["content"] += f"\n\nTried so far, the best first:\n{told}\n\n{_MORE}"
        return messages
    for trial in history[-REMEMBERED:]:
        messages.append(_message("assistant", codec.write(trial.params)))
        messages.append(_message("user", f"This architecture {_value(trial)} {_MORE}"))
    return messages


def complaint(messages: list[Message], answer: str, wrong: str) -> list[Message]:
    """The messages, with an answer that cannot be taken and why."""
    return [*messages, _message("assistant", answer), _message("user", f"{wrong} Propose another architecture.")]


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _value(trial: Told) -> str:
    broken = " (it breaks a constraint)" if trial.violation > 0 else ""
    return f"{VALUE} {trial.value:.6g}{broken}."
