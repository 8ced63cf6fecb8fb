"""Secrets of a run: taken from the environment, and kept out of everything that the run leaves.

A parameter of the type `Secret` holds the name of an environment variable, and only a notebook reads the variable. What
a stage leaves is searched for the value in every spelling that `workbench.pipelines.spellings` knows, and in what
`workbench.pipelines.contents` can look into. In the files of the runner (the executed notebook, the log) it is replaced
by ``***NAME***``; a file that the notebook wrote is removed, and the finding says so.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from workbench.errors import InvalidInput
from workbench.pipelines.contents import TooLarge, contents
from workbench.pipelines.kinds import Value
from workbench.pipelines.parameters import Parameter, Schema
from workbench.pipelines.spellings import spellings

if TYPE_CHECKING:
    from workbench.pipelines.pipeline import Pipeline

SHORTEST, LONGEST = 6, 16_384  # characters
NOTEBOOK = "notebook.ipynb"
#: Files that the runner writes into the folder of a stage: the secret in them is masked.
OWN = (NOTEBOOK, "stage.log")
# A secret that is one of these words would be found in every notebook.
_EVERYWHERE = """
cells cell_type metadata outputs output_type execute_result display_data stream stdout stderr traceback evalue ename
execution_count nbformat nbformat_minor kernelspec language_info display_name python3 ipython3 codemirror_mode
file_extension mimetype text/plain text/html text/x-python application/json papermill parameters injected-parameters
start_time end_time duration exception completed environment_variables default_parameters input_path output_path version
status running pending failed notebook.ipynb stage.log pygments_lexer nbconvert_exporter source markdown
"""


@dataclass(frozen=True)
class Finding:
    """A secret in something that a stage left: `file` in its folder, the variables' `names`, and what became of it."""

    file: str
    names: tuple[str, ...]
    where: str = ""
    removed: bool = False

    def __str__(self) -> str:
        place = f"{self.file} ({self.where})" if self.where else self.file
        if not self.names:
            return f"{place} could not be searched to its end"
        return f"{', '.join(self.names)} in {place}, " + ("which was removed" if self.removed else "masked")


def secret_values(
    schema: Schema, values: Mapping[str, Value], environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the secrets that checked parameter values name: variable -> its value, without spaces around it.

    Raises:
        InvalidInput: for a variable that is not set, is empty, or holds what cannot be kept out of results: fewer than
            6 characters, more than 16,384, a part of its own name or a word of the notebook format.
    """
    environment = os.environ if environment is None else environment
    found: dict[str, str] = {}
    for parameter in schema:
        if parameter.kind.secret():
            for name in _names(values.get(parameter.name, parameter.default)):
                found[name] = _secret(name, environment.get(name, "").strip(), parameter, schema.of)
    return found


def secrets_of(pipeline: Pipeline, values: Mapping[str, Value]) -> dict[str, str]:
    """Return the secrets of all stages of an expanded pipeline that run with these values, as `secret_values` does.

    Every stage is searched for all of them: each sees the whole environment, and reads what others wrote.
    """
    found: dict[str, str] = {}
    for stage in pipeline.stages:
        if not stage.left_out:
            found |= secret_values(stage.schema, stage.values(values))
    return found


def _names(value: Value) -> Iterator[str]:
    """The variables that a value names: one, those of a list, or none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def _secret(name: str, secret: str, parameter: Parameter, of: str) -> str:
    where = f"{of}, parameter {parameter.name}: the environment variable {name}"
    if not secret:
        raise InvalidInput(
            f"{where} is not set or empty. Set it before the run, in a shell by read -rs {name} && export {name}, in "
            f'Python by os.environ["{name}"] = getpass.getpass().'
        )
    if len(secret) < SHORTEST:
        raise InvalidInput(
            f"{where} has fewer than {SHORTEST} characters: too few to be found and kept out of results."
        )
    if len(secret) > LONGEST:
        raise InvalidInput(f"{where} has more than {LONGEST:,} characters. Put its secret into a file of your own.")
    if secret.lower() in name.lower() or secret.lower() in _EVERYWHERE:
        raise InvalidInput(f"{where} holds a word that stands in every notebook, which cannot be kept out of results.")
    return secret


def masked(text: str, secrets: Mapping[str, str]) -> str:
    """Return a text in which every secret (variable -> value), in whatever spelling, is ``***NAME***``."""
    if not secrets or not text:
        return text
    return _masked(text.encode("utf-8", "surrogatepass"), secrets).decode("utf-8", "surrogatepass")


def masked_json(value: Any, secrets: Mapping[str, str]) -> Any:
    """Return a JSON value in which every text, also a name or a number, is masked."""
    if isinstance(value, str):
        return masked(value, secrets)
    if isinstance(value, dict):
        return {masked(name, secrets): masked_json(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        if len(value) > 1 and _are_lines(value):
            return masked("".join(value), secrets).splitlines(keepends=True)
        return [masked_json(item, secrets) for item in value]
    if value is None or isinstance(value, bool):
        return value
    digits = json.dumps(value)
    return value if masked(digits, secrets) == digits else masked(digits, secrets)


def masked_notebook(text: str, secrets: Mapping[str, str]) -> str:
    """Return the text of a notebook file, masked; also what is cut by its lines or by two outputs of one stream.

    The text is returned as it is when there is nothing to mask; a file that is no JSON is masked as plain text.
    """
    if not secrets:
        return text
    try:
        document = json.loads(text)
        joined = [cell for cell in _cells(document) if _join_streams(cell, secrets)]
        several_lines = any("\n" in secret for secret in secrets.values())
        if not (joined or several_lines or masked(text, secrets) != text):
            return text
        clean = masked_json(document, secrets)
    except (ValueError, RecursionError):
        return masked(text, secrets)
    if clean == document and not joined:
        return masked(text, secrets)
    return masked(json.dumps(clean, indent=1, ensure_ascii=False) + "\n", secrets)


def mask(folder: Path, secrets: Mapping[str, str], own: Collection[str] = OWN) -> list[Finding]:
    """Search everything a stage left in its folder, and return what was found.

    In files of the runner, `own` by their names at the top of the folder, a secret is masked. Any other file with a
    secret in it or in its name is removed, and so is a folder with one in its name, and a link to such a file.

    Raises:
        OSError: for a file that cannot be read or removed.
    """
    if not secrets:
        return []
    return [*_searched(folder, secrets, own)]


def complaint(findings: Iterable[Finding]) -> str:
    """Return why a stage has to fail for what was found in its folder; empty when everything could be masked."""
    removed = [finding for finding in findings if finding.removed]
    if not removed:
        return ""
    names = ", ".join(sorted({name for finding in removed for name in finding.names}))
    files = "; ".join(f"{f.file} ({f.where})" if f.where else f.file for f in removed[:5])
    more = f" and {len(removed) - 5} more" if len(removed) > 5 else ""
    return (
        f"it wrote the secret {names} into {files}{more}, which was removed. Write the name of the variable in place "
        "of its value, and leave out what was sent with it, such as headers and addresses"
    )


def _searched(folder: Path, secrets: Mapping[str, str], own: Collection[str]) -> Iterator[Finding]:
    for here, folders, files in os.walk(folder, onerror=_raised):
        for name in sorted(folders):
            path = Path(here, name)
            if found := _in_name(path, folder, secrets):
                folders.remove(name)
                path.unlink() if path.is_symlink() else shutil.rmtree(path)
                yield Finding(_place(path, folder, secrets), found, "in its name", removed=True)
        for name in sorted(files):
            path = Path(here, name)
            if name in own and Path(here) == folder and not path.is_symlink():
                if found := _mask_file(path, secrets):
                    yield Finding(name, found)
                continue
            finding = _of_file(path, folder, secrets)
            if finding is not None:
                if finding.removed:
                    path.unlink()
                yield finding


def _raised(error: OSError) -> None:
    raise error


def _of_file(path: Path, folder: Path, secrets: Mapping[str, str]) -> Finding | None:
    """What is to be said of a file that the notebook wrote."""
    place = _place(path, folder, secrets)
    if found := _in_name(path, folder, secrets):
        return Finding(place, found, "in its name", removed=True)
    try:
        if not S_ISREG(path.stat().st_mode):
            return None  # pipes and devices hold nothing
        for where, chunks in contents(path):
            if found := _names_in(chunks, secrets):
                return Finding(place, found, masked(where, secrets), removed=True)
    except FileNotFoundError:
        return None  # a link that leads nowhere
    except TooLarge:
        return Finding(place, (), "it expands to too much")
    return None


def _in_name(path: Path, folder: Path, secrets: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets in the path from the folder, and in where a link leads to."""
    target = os.fsencode(path.readlink()) if path.is_symlink() else b""
    return _names_in([os.fsencode(path.relative_to(folder)) + b"\0" + target], secrets)


def _place(path: Path, folder: Path, secrets: Mapping[str, str]) -> str:
    return masked(path.relative_to(folder).as_posix(), secrets)


def _mask_file(path: Path, secrets: Mapping[str, str]) -> tuple[str, ...]:
    """Mask a file of the runner; return the secrets that were in it."""
    unfinished = path.with_name(path.name + ".masked")
    if path.name == NOTEBOOK:
        before = path.read_text(encoding="utf-8", errors="surrogateescape")
        after = masked_notebook(before, secrets)
        if after == before:
            return ()
        unfinished.write_text(after, encoding="utf-8", errors="surrogateescape")
        found = tuple(name for name in secrets if f"***{name}***" in after)
    else:
        with path.open("rb") as file:
            found = _names_in(iter(lambda: file.read(1 << 22), b""), secrets)
            if not found:
                return ()
            file.seek(0)
            with unfinished.open("wb") as copy:
                for chunk in _masked_chunks(iter(lambda: file.read(1 << 22), b""), secrets):
                    copy.write(chunk)
    unfinished.replace(path)
    return found


def _spans(content: bytes, secrets: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """Begin, end and variable of every place where a secret is; places that overlap as one."""
    places = sorted(
        (begin, -end, name)
        for name, secret in secrets.items()
        for spelling in spellings(secret)
        for begin, end in spelling.spans(content)
    )
    found: list[tuple[int, int, str]] = []
    for begin, end, name in places:
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], -end), found[-1][2])
        else:
            found.append((begin, -end, name))
    return found


def _masked(content: bytes, secrets: Mapping[str, str]) -> bytes:
    return b"".join(_masked_chunks([content], secrets))


def _masked_chunks(chunks: Iterable[bytes], secrets: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the chunks with secrets masked, also those that lie in two of them."""
    reach = _reach(secrets)
    held = b""
    for chunk in chunks:
        held += chunk
        sure = len(held) - reach  # a place that begins before is here as a whole
        if sure > 0:
            clean, held = _split(held, sure, secrets)
            yield clean
    yield _split(held, len(held), secrets)[0]


def _split(content: bytes, sure: int, secrets: Mapping[str, str]) -> tuple[bytes, bytes]:
    """The content up to the byte `sure`, masked, and the rest."""
    parts, done = [], 0
    for begin, end, name in _spans(content, secrets):
        if begin >= sure:
            break
        parts += [content[done:begin], f"***{name}***".encode()]
        done = end
    parts.append(content[done : max(done, sure)])
    return b"".join(parts), content[max(done, sure) :]


def _names_in(chunks: Iterable[bytes], secrets: Mapping[str, str]) -> tuple[str, ...]:
    """The variables whose secrets are in the chunks, in the order given."""
    reach, found, held = _reach(secrets), set[str](), b""
    for chunk in chunks:
        held = held[-reach:] + chunk
        for name, secret in secrets.items():
            if name not in found and any(True for one in spellings(secret) for _ in one.spans(held)):
                found.add(name)
        if len(found) == len(secrets):
            break
    return tuple(name for name in secrets if name in found)


def _reach(secrets: Mapping[str, str]) -> int:
    return max(spelling.reach for secret in secrets.values() for spelling in spellings(secret))


def _are_lines(value: list[Any]) -> bool:
    return all(isinstance(line, str) for line in value) and all(line.endswith("\n") for line in value[:-1])


def _cells(document: Any) -> list[dict[str, Any]]:
    cells = document.get("cells") if isinstance(document, dict) else None
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _join_streams(cell: dict[str, Any], secrets: Mapping[str, str]) -> bool:
    """Make one of outputs of one stream that follow each other, if a secret is cut by them; return whether one was."""
    outputs = cell.get("outputs")
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        return False
    joined: list[dict[str, Any]] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.get("output_type") == "stream" == last.get("output_type") and output.get("name") == last.get("name"):
            joined[-1] = {**last, "text": _text(last) + _text(output)}
        else:
            joined.append(output)
    if len(joined) == len(outputs):
        return False
    apart = "".join(masked(_text(output), secrets) for output in outputs)
    together = "".join(masked(_text(output), secrets) for output in joined)
    if apart == together:
        return False
    cell["outputs"] = joined
    return True


def _text(output: Mapping[str, Any]) -> str:
    text = output.get("text", "")
    return "".join(map(str, text)) if isinstance(text, list) else str(text)
