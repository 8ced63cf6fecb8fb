"""Ten thousand strings of every space are read back as the architecture that wrote them."""

from __future__ import annotations

import pytest

from workbench.errors import InvalidInput
from workbench.spaces import catalogue

MANY = 10_000


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.names())
def test_ten_thousand_strings_are_read_back(name: str) -> None:
    space = catalogue.find(name)
    texts = set()
    for arch in space.sample(min(MANY, space.size), seed=0):
        texts.add(str(arch))
        assert space.parse(str(arch)) == arch
    assert len(texts) == min(MANY, space.size)


@pytest.mark.parametrize("name", catalogue.names())
@pytest.mark.parametrize("text", [None, 3, 1.5, b"x", "", " ", "\x00", "None", "[" * 10_000, "x" * 10_000_000])
def test_what_is_no_string_of_a_space_is_refused_at_once(name: str, text: str) -> None:
    with pytest.raises(InvalidInput):
        catalogue.find(name).parse(text)
