"""The documents of `tests/documents`, answered on both engines: data, errors and count of statements, exactly."""

from __future__ import annotations

import re
from typing import Final

import pytest

from hub.graph.driver import BoltDriver
from hub.graph.engine import Engine
from tests.document_answers import Found, ask
from tests.document_files import DOCUMENTS, FOLDER, PARTS
from tests.document_worlds import WORLDS
from tests.graphs import PATIENT
from tests.named_tests import is_test

ANSWERED: Final = [name for name, document in DOCUMENTS.items() if document.asked]


@pytest.mark.parametrize("name", ANSWERED)
async def test_every_document_has_its_exact_answers(world: Engine, name: str) -> None:
    document = DOCUMENTS[name]
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        for place, asked in enumerate(document.asked):
            known = Found(data=asked.data, errors=asked.errors, statements=asked.statements)
            assert (place, await ask(driver, document.text, asked)) == (place, known)


def test_every_document_has_answers_or_names_the_test_that_shows_it() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(DOCUMENTS)
    assert [name for name, each in DOCUMENTS.items() if bool(each.asked) == bool(each.shown_by)] == []
    assert [test for each in DOCUMENTS.values() for test in each.shown_by if not is_test(test)] == []
    assert {asked.world for each in DOCUMENTS.values() for asked in each.asked} <= set(WORLDS)


def test_the_index_names_the_documents_of_every_part() -> None:
    """One row a part, in the order of the list; a document may stand in several."""
    text = (FOLDER / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z -]+) \| (.*?) \|", text, re.MULTILINE)
    said = [(part, sorted(re.findall(r"`([a-z_]+)`", cell))) for part, cell in rows if part in PARTS]
    shown = {part: [name for name, each in DOCUMENTS.items() if part in each.parts] for part in PARTS}
    assert said == [(part, names) for part, names in shown.items() if names]
    assert {part for each in DOCUMENTS.values() for part in each.parts} == set(PARTS)
