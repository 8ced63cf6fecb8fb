"""Secrets: which variables are accepted, and that their values are found and masked however they are written."""

from __future__ import annotations

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import os
import tracemalloc
import urllib.parse
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InvalidInput
from workbench.pipelines import contents as module
from workbench.pipelines.parameters import Schema, declared
from workbench.pipelines.secrets import complaint, mask, masked, masked_json, masked_notebook, secret_values

CELL = """
token: Secret = "MY_TOKEN"
others: list[Secret] = []
maybe: Secret | None = None
n: int = 1
label: str = "LABEL"
"""
SCHEMA = Schema(declared(CELL, "x.ipynb"), of="x.ipynb")
SECRET = "sk-4f9a/8b+7c<6d>&\"5e'\\%é"
SECRETS = {"MY_TOKEN": SECRET}
LONG = {"MY_TOKEN": "sk-proj-" + "4f9a8b7c6d5e" * 4}


def read(values: dict[str, Any], **environment: str) -> dict[str, str]:
    return secret_values(SCHEMA, SCHEMA.check(values), environment)


def test_the_variables_that_parameters_name_are_read_and_no_others() -> None:
    assert read({}, MY_TOKEN=" abcdef12\n", LABEL="no secret") == {"MY_TOKEN": "abcdef12"}
    assert read({"others": ["A", "B"], "maybe": "C"}, MY_TOKEN="abcdef1", A="abcdef2", B="abcdef3", C="abcdef4") == {
        "MY_TOKEN": "abcdef1", "A": "abcdef2", "B": "abcdef3", "C": "abcdef4",
    }  # fmt: skip


@pytest.mark.parametrize("environment", [{}, {"MY_TOKEN": ""}, {"MY_TOKEN": " \n"}])
def test_a_variable_that_is_not_set_is_refused_with_how_to_set_it(environment: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read({}, **environment)
    assert str(caught.value) == (
        "x.ipynb, parameter token: the environment variable MY_TOKEN is not set or empty. Set it before the run, in a "
        'shell by read -rs MY_TOKEN && export MY_TOKEN, in Python by os.environ["MY_TOKEN"] = getpass.getpass().'
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("abc12", "has fewer than 6 characters: too few to be found"),
        ("x" * 16_385, "has more than 16,384 characters"),
        ("my_token", "a word that stands in every notebook"),
        ("outputs", "a word that stands in every notebook"),
    ],
)
def test_a_secret_that_could_not_be_kept_out_is_refused_without_being_repeated(value: str, words: str) -> None:
    with pytest.raises(InvalidInput, match="x.ipynb, parameter token: the environment variable MY_TOKEN ") as caught:
        read({}, MY_TOKEN=value)
    assert words in str(caught.value)
    assert value not in str(caught.value)


def everywhere(code: str, secret: str) -> str:
    return "".join(code.format(ord(char)) for char in secret)


def in_utf_16(code: str, secret: str) -> str:
    units = np.frombuffer(secret.encode("utf-16-le"), "<u2").tolist()
    return "".join(code.format(unit) for unit in units)


#: The name of a spelling -> how it is made.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": json.dumps,
    "JSON in UTF-8": lambda secret: json.dumps(secret, ensure_ascii=False),
    "JSON in JSON": lambda secret: json.dumps(json.dumps(json.dumps(secret))),
    "JSON with every character escaped": lambda secret: in_utf_16("\\u{:04x}", secret),
    "JSON with every character escaped, in capitals": lambda secret: in_utf_16("\\u{:04X}", secret),
    "JSON for JavaScript": lambda secret: json.dumps(secret).replace("<", "\\u003c").replace("&", "\\u0026"),
    "JSON of PHP": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "JavaScript": lambda secret: everywhere("\\u{{{:x}}}", secret),
    "repr": repr,
    "ascii": ascii,
    "repr of repr": lambda secret: repr(repr(secret)),
    "repr of bytes": lambda secret: repr(secret.encode()),
    "Python with every character escaped": lambda secret: everywhere("\\U{:08x}", secret),
    "Markdown": lambda secret: "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!<>|" else c for c in secret),
    "HTML": html.escape,
    "HTML twice": lambda secret: html.escape(html.escape(secret)),
    "HTML by numbers": lambda secret: everywhere("&#{};", secret),
    "HTML by hexadecimal numbers": lambda secret: everywhere("&#x{:X};", secret),
    "XML": lambda secret: html.escape(secret).encode("ascii", "xmlcharrefreplace").decode(),
    "HTML in JSON": lambda secret: json.dumps(html.escape(secret)),
    "JSON in HTML": lambda secret: html.escape(json.dumps(secret)),
    "URL": lambda secret: urllib.parse.quote(secret, safe=""),
    "URL's path": urllib.parse.quote,
    "URL's query": lambda secret: urllib.parse.urlencode({"key": secret}),
    "URL in URL": lambda secret: urllib.parse.quote(urllib.parse.quote(secret)),
    "URL with every byte escaped": lambda secret: "".join(f"%{byte:02x}" for byte in secret.encode()),
    "hexadecimal": lambda secret: secret.encode().hex(),
    "hexadecimal in capitals": lambda secret: secret.encode().hex().upper(),
    **{
        f"base64 behind {before} bytes": lambda secret, before=before: base64.b64encode(
            b"?" * before + secret.encode() + b"!?"
        ).decode()
        for before in range(6)
    },
    **{
        f"base64 for URLs behind {before} bytes": lambda secret, before=before: base64.urlsafe_b64encode(
            b"?" * before + secret.encode() + b"!?"
        ).decode()
        for before in range(3)
    },
    **{
        f"base64 in lines behind {before} bytes": lambda secret, before=before: base64.encodebytes(
            b"?" * before + secret.encode() + b"!" * 60
        ).decode()
        for before in (40, 47, 50, 53)
    },
    "base64 in lines in JSON": lambda secret: json.dumps(base64.encodebytes(b"?" * 47 + secret.encode()).decode()),
    "base64 of JSON": lambda secret: base64.b64encode(json.dumps({"key": secret}).encode()).decode(),
    "base64 in JSON of PHP": lambda secret: base64.b64encode(secret.encode()).decode().replace("/", "\\/"),
    "basic authentication": lambda secret: "Basic " + base64.b64encode(f"user:{secret}".encode()).decode(),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "secret", [SECRET, LONG["MY_TOKEN"], "abcdef", "a\\\\\\b\\c", "line one\nline two\ttab", "naïve 😀 ключ"]
)
def test_a_secret_is_found_in_every_spelling(spelling: str, secret: str) -> None:
    text = f"before {SPELLINGS[spelling](secret)} behind"
    found = masked(text, {"MY_TOKEN": secret})
    assert "***MY_TOKEN***" in found
    assert found.startswith("before ")
    assert found.endswith(" behind")
    assert masked(found, {"MY_TOKEN": secret}) == found


@settings(max_examples=150)
@given(
    st.text(st.characters(codec="utf-8"), min_size=6, max_size=40).filter(lambda text: len(text.strip()) > 5),
    st.sampled_from(sorted(SPELLINGS)),
)
def test_any_secret_is_found_in_any_spelling(secret: str, spelling: str) -> None:
    secret = secret.strip()
    assert "***A_KEY***" in masked(f"({SPELLINGS[spelling](secret)})", {"A_KEY": secret, "B_KEY": "never there"})


@given(st.text(max_size=200))
def test_a_text_without_the_secret_stays_as_it_is(text: str) -> None:
    assert masked(text, {"A_KEY": "sk-4f9a8b7c"}) == text


def test_what_a_table_shortens_is_found_and_a_common_beginning_is_not() -> None:
    secret = LONG["MY_TOKEN"]
    assert masked(f"key  {secret[:47]}...", LONG) == "key  ***MY_TOKEN***..."
    assert masked(secret[:12] + "...", LONG) == secret[:12] + "..."
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkq\n" * 20
    assert masked("-----BEGIN PRIVATE KEY-----", {"A_KEY": key}) == "-----BEGIN PRIVATE KEY-----"


def test_several_secrets_are_told_apart_also_where_one_holds_the_other() -> None:
    secrets = {"INNER": "abcdef", "OUTER": "xx-abcdef-yy"}
    assert masked("xx-abcdef-yy and abcdef", secrets) == "***OUTER*** and ***INNER***"


def test_only_json_values_are_masked_not_their_form() -> None:
    value = {"a": ["x abcdef", None, True, 1.5], "abcdef": {"text": ["line abc\n", "def"]}, "n": 123456789}
    assert masked_json(value, {"A_KEY": "abcdef", "B_KEY": "123456789"}) == {
        "a": ["x ***A_KEY***", None, True, 1.5],
        "***A_KEY***": {"text": ["line abc\n", "def"]},
        "n": "***B_KEY***",
    }
    assert masked_json({"text": ["one\n", "two\n", "three"]}, {"A_KEY": "one\ntwo"}) == {
        "text": ["***A_KEY***\n", "three"]
    }


def stream(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return nbformat.v4.new_output("stream", name=name, text=text)


def executed(*outputs: nbformat.NotebookNode, **metadata: Any) -> str:
    cell = nbformat.v4.new_code_cell("print(os.environ[token])", outputs=list(outputs))
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell], metadata=metadata))


MANY_LINES = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nAAAABBBBCCCC\n-----END KEY-----"


@pytest.mark.parametrize("secret", [SECRET, MANY_LINES])
def test_a_notebook_is_masked_and_stays_a_notebook(secret: str) -> None:
    shown = {
        "text/plain": repr(secret),
        "text/html": f"<p title='{html.escape(secret)}'>{html.escape(secret)}</p>",
        "application/json": {secret: [secret], "n": 1},
        "application/vnd.plotly.v1+json": {"data": [{"name": secret}], "layout": {"title": {"text": secret}}},
        "image/png": base64.encodebytes(b"\x89PNG" + secret.encode() + b"\x00" * 99).decode(),
    }
    text = executed(
        stream(f"before\n{secret}\nafter"),
        nbformat.v4.new_output("display_data", data=shown),
        nbformat.v4.new_output(
            "error", ename="KeyError", evalue=secret, traceback=["\x1b[31mKeyError\x1b[0m: " + secret]
        ),
        workbench_widgets={"widgets": {"a": {"value": secret}}},
    )
    found = masked_notebook(text, {"MY_TOKEN": secret})
    document = nbformat.reads(found, as_version=4)
    nbformat.validate(document)
    assert masked(found, {"MY_TOKEN": secret}) == found
    assert document.cells[0].outputs[0].text == "before\n***MY_TOKEN***\nafter"
    assert document.cells[0].outputs[2].traceback == ["\x1b[31mKeyError\x1b[0m: ***MY_TOKEN***"]
    assert document.cells[0].source == "print(os.environ[token])"
    assert document.metadata.workbench_widgets.widgets.a.value == "***MY_TOKEN***"


def test_a_secret_that_two_outputs_share_is_found() -> None:
    text = executed(stream("x sk-4f9a"), stream("/8b+7c<6d>&\"5e'\\%é y"), stream("other", "stderr"))
    document = nbformat.reads(masked_notebook(text, SECRETS), as_version=4)
    assert [output.text for output in document.cells[0].outputs] == ["x ***MY_TOKEN*** y", "other"]


def test_a_notebook_without_the_secret_keeps_every_byte() -> None:
    text = executed(stream("nothing"), stream(" here")).replace("\n", "\n ")
    assert masked_notebook(text, SECRETS) == text
    assert masked_notebook(text, {"A_KEY": MANY_LINES}) == text


@pytest.mark.parametrize(
    "text",
    ["", "{", f'{{"cells": [{{"source": {json.dumps(SECRET)}', "[" * 100_000 + SECRET, f"[{json.dumps(SECRET)}]"],
)
def test_a_torn_notebook_is_masked_as_text(text: str) -> None:
    found = masked_notebook(text, SECRETS)
    assert masked(found, SECRETS) == found
    assert ("***MY_TOKEN***" in found) == ("4f9a" in text)


def test_what_the_runner_wrote_is_masked_and_everything_else_stays(tmp_path: Path) -> None:
    (tmp_path / "notebook.ipynb").write_text(executed(stream(SECRET)), encoding="utf-8")
    (tmp_path / "stage.log").write_text(f"got {SECRET}\n", encoding="utf-8")
    (tmp_path / "good.csv").write_text("a,b\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "stage.log").write_text("not the runner's")
    found = mask(tmp_path, SECRETS)
    assert [str(finding) for finding in found] == [
        "MY_TOKEN in notebook.ipynb, masked",
        "MY_TOKEN in stage.log, masked",
    ]
    assert complaint(found) == ""
    assert (tmp_path / "stage.log").read_text() == "got ***MY_TOKEN***\n"
    assert (tmp_path / "good.csv").read_text() == "a,b\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.csv", "inner", "notebook.ipynb", "stage.log"]
    assert mask(tmp_path, SECRETS) == []
    assert mask(tmp_path, {}) == []


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, numbers=np.arange(1000), key=np.array([SECRET, "x" * 1000]))
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([SECRET]))
    return file.getvalue()


RAW = b"x" * 10_000 + SECRET.encode() + b"x" * 10_000
NOISE = np.random.default_rng(0).bytes(300_000)
FILES: dict[str, tuple[bytes, str]] = {
    "text": (RAW, ""),
    "UTF-16": (SECRET.encode("utf-16"), ""),
    "UTF-32": (("x" * 99 + SECRET).encode("utf-32-be"), ""),
    "npy": (npy(), ""),
    "gzip": (gzip.compress(RAW), "uncompressed"),
    "gzip that is cut off": (gzip.compress(RAW + NOISE)[:-30], "uncompressed"),
    "bzip2": (bz2.compress(RAW), "uncompressed"),
    "xz": (lzma.compress(RAW), "uncompressed"),
    "zip": (zipped(a=b"nothing", b=RAW), "b"),
    "npz": (npz(), "key.npy"),
    "zip in a zip": (zipped(a=zipped(b=RAW)), "a, b"),
    "gzip in a zip": (zipped(a=gzip.compress(RAW)), "a, uncompressed"),
    "zip in gzip": (gzip.compress(zipped(b=RAW)), "uncompressed, b"),
    "the name of a zip's member": (zipped(**{f"a {SECRET}": b"x"}), ""),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_of_the_notebook_with_the_secret_is_removed_and_named(what: str, tmp_path: Path) -> None:
    content, where = FILES[what]
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "result.bin").write_bytes(content)
    (tmp_path / "other.bin").write_bytes(content.replace(b"x", b"y")[:20])
    found = mask(tmp_path, SECRETS)
    place = f"inner/result.bin ({where})" if where else "inner/result.bin"
    assert [str(finding) for finding in found] == [f"MY_TOKEN in {place}, which was removed"]
    assert complaint(found) == (
        f"it wrote the secret MY_TOKEN into {place}, which was removed. Write the name of the variable in place of its "
        "value, and leave out what was sent with it, such as headers and addresses"
    )
    assert not (tmp_path / "inner" / "result.bin").exists()
    assert (tmp_path / "other.bin").exists()


def test_a_secret_in_a_name_is_found_too(tmp_path: Path) -> None:
    secrets = {"A_KEY": "abc/def"}
    (tmp_path / "abc").mkdir()
    (tmp_path / "abc" / "def.txt").write_text("x")
    (tmp_path / "abc%2Fdef").mkdir()
    (tmp_path / "abc%2Fdef" / "x").write_text("x")
    (tmp_path / "link").symlink_to("abc/def.txt")
    found = mask(tmp_path, secrets)
    assert {finding.file for finding in found} == {"***A_KEY***.txt", "***A_KEY***", "link"}
    assert all(finding.removed and finding.where == "in its name" for finding in found)
    assert [path.name for path in tmp_path.rglob("*")] == ["abc"]


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices are files only on POSIX systems")
def test_links_pipes_and_damaged_archives_are_no_obstacle(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    stage.mkdir()
    (tmp_path / "outside.txt").write_text(SECRET)
    (stage / "out").symlink_to(tmp_path / "outside.txt")
    (stage / "notebook.ipynb").symlink_to(tmp_path / "outside.txt")
    (stage / "lost").symlink_to("nowhere")
    (stage / "ring").symlink_to(stage)
    (stage / "zero").symlink_to("/dev/zero")
    os.mkfifo(stage / "pipe")
    (stage / "a.zip").write_bytes(b"PK\x03\x04 no zip")
    (stage / "b.gz").write_bytes(b"\x1f\x8b no gzip")
    (stage / "c.zip").write_bytes(zipped(a=b"x" * 100)[:-10])
    found = mask(stage, SECRETS)
    assert {finding.file for finding in found} == {"out", "notebook.ipynb"}
    assert (tmp_path / "outside.txt").read_text() == SECRET, "what lies elsewhere is not the run's"
    assert sorted(path.name for path in stage.iterdir()) == ["a.zip", "b.gz", "c.zip", "lost", "pipe", "ring", "zero"]


def test_a_secret_is_found_where_two_chunks_meet_and_memory_stays_small(tmp_path: Path) -> None:
    chunk, size = 1 << 22, 40 << 20
    for at in (chunk - 5, 3 * chunk - len(SECRET.encode()) + 1):
        for name in ("stage.log", "result.bin"):
            with (tmp_path / name).open("wb") as file:
                file.truncate(size)
                file.seek(at)
                file.write(SECRET.encode())
        tracemalloc.start()
        found = mask(tmp_path, SECRETS)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [finding.file for finding in found] == ["result.bin", "stage.log"]
        assert peak < 6 * chunk
        content = (tmp_path / "stage.log").read_bytes()
        assert len(content) == size - len(SECRET.encode()) + len("***MY_TOKEN***")
        assert content[at : at + 14] == b"***MY_TOKEN***"


def test_a_file_that_expands_beyond_measure_is_said_to_be_searched_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.MOST_EXPANDED > 1 << 33
    monkeypatch.setattr(module, "MOST_EXPANDED", 20_000_000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(gzip.compress(bytes(40_000_000))))
    found = mask(tmp_path, SECRETS)
    assert [str(finding) for finding in found] == ["bomb.gz (it expands to too much) could not be searched to its end"]
    assert complaint(found) == ""
    assert (tmp_path / "bomb.gz").exists()
