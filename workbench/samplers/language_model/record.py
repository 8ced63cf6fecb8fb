"""The record of a chat: every answer in a file, beside a hash of what was asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from workbench.errors import InvalidInput, MissingData, WorkbenchError

Message = dict[str, str]  # "role": "system", "user" or "assistant"; "content": its words
Chat = Callable[[list[Message]], str]


class Record:
    """Answers of `chat`, each paid for once: one line of JSON a question, with the hash of its messages and the answer.

    A new answer is appended to `file` at once; what the file holds is not asked again. Without a chat it is a replay:
    answers come from the file alone. No message is written, nor anything that the chat was made with.
    """

    def __init__(self, chat: Chat | None, file: str | Path | None) -> None:
        self.chat = chat
        self.file = None if file is None else Path(file)
        self._answers: dict[str, str] | None = None
        if chat is None and self.file is not None and not self.file.is_file():
            raise MissingData(f"There is no record of a chat at {file}. Make one: give chat= and record={str(file)!r}.")

    def answer(self, messages: list[Message], trial: int) -> str:
        """What is answered to `messages`, which ask for a trial; raises `InvalidInput` where a replay has no answer.

        A chat that raises becomes a `WorkbenchError` that names the kind of error alone: its words may hold a key, and
        errors of a search are kept in its study.
        """
        if self._answers is None:
            self._answers = self._read()
        asked = fingerprint(messages)
        if asked not in self._answers:
            answer = self._asked(messages, trial)
            self._append(asked, answer)
            self._answers[asked] = answer
        return self._answers[asked]

    def _asked(self, messages: list[Message], trial: int) -> str:
        if self.chat is None:
            raise InvalidInput(
                f"The record {self.file} holds {len(self._answers or {})} answers, and none to what is asked for "
                f"trial {trial}: it was made with another space, objective, seed or settings, or ends before. Replay "
                "it as it was made, or go on with chat= and record= in place of replay=."
            )
        try:
            answer = self.chat([dict(message) for message in messages])
        except Exception as error:
            kept = f" and what was answered so far is in {self.file}" if self.file else ""
            raise WorkbenchError(
                f"The chat failed when it was asked for trial {trial}: {type(error).__name__}. Its own words stand in "
                f"the traceback only, as they may hold a key. The study keeps its trials{kept}: search again with the "
                "same storage and record to go on."
            ) from error
        if not isinstance(answer, str):
            raise InvalidInput(f"chat(messages) must return text; it returned {type(answer).__name__}.")
        return answer

    def _read(self) -> dict[str, str]:
        if self.file is None or not self.file.is_file():
            return {}
        lines = self.file.read_text(encoding="utf-8").splitlines()
        found: dict[str, str] = {}
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
                asked, answer = entry["asked"], entry["answer"]
                if not (isinstance(asked, str) and isinstance(answer, str)):
                    raise TypeError
            except (ValueError, KeyError, TypeError):
                if number == len(lines):  # it was being written when the process ended
                    break
                raise InvalidInput(
                    f"Line {number} of {self.file} is no answer of a recorded chat. Each line is a JSON object with "
                    '"asked" and "answer"; name another file.'
                ) from None
            found.setdefault(asked, answer)
        return found

    def _append(self, asked: str, answer: str) -> None:
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            whole = self.file.read_bytes()
            file.truncate(whole.rfind(b"\n") + 1)  # a line that was being written when a process ended
            file.write(json.dumps({"asked": asked, "answer": answer}) + "\n")


def fingerprint(messages: list[Message]) -> str:
    """The hash of messages."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()
