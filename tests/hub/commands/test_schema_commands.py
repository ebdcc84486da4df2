"""`tongban schema diff` and `schema trust`: what a change breaks, and the registry of trusted documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from hub.graphql.trusted import document_id, read_registry
from tests.command_line import tongban

OLD: Final = "type Query { a(x: Int): String b: Mode }\nenum Mode { ONE }\n"
NEW: Final = "type Query { a(x: Int!): String b: Mode c: Int }\nenum Mode { ONE TWO }\n"
TEXT: Final = '{ matter(code: "1") { name } }\n'


def written(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / f"{name}.graphql").write_text(text, "utf-8")
    return [folder / f"{name}.graphql" for name in texts]


def test_what_a_change_breaks_and_what_may_surprise(tmp_path: Path) -> None:
    old, new = written(tmp_path, old=OLD, new=NEW)
    result = tongban("schema", "diff", old, new)
    lines = result.out.splitlines()
    assert (result.code, len(lines)) == (1, 2)
    assert lines[0].startswith("breaking   ")
    assert "Query.a" in lines[0]
    assert lines[1].startswith("dangerous  ")
    assert "TWO" in lines[1]
    assert result.err.startswith("tongban: breaking_change: 1 changes break clients")
    found = json.loads(tongban("schema", "diff", old, new, "--json").out)
    assert {kind: len(changes) for kind, changes in found.items()} == {"breaking": 1, "dangerous": 1}


def test_a_schema_breaks_nothing_of_itself_and_a_file_may_be_none(tmp_path: Path) -> None:
    old, bad = written(tmp_path, old=OLD, bad="type {")
    same = tongban("schema", "diff", old, old)
    assert (same.code, same.out) == (0, "")
    for files in ((old, bad), (old, tmp_path / "none")):
        result = tongban("schema", "diff", *files)
        assert (result.code, result.err.split(":")[1]) == (2, " bad_file")


def test_a_registry_is_written_checked_and_taken_over(tmp_path: Path) -> None:
    one, two = written(tmp_path, one=TEXT, two="{ matters(first: 1) { edges { node { code } } } }")
    registry = tmp_path / "trusted.json"
    first = tongban("schema", "trust", one, "--output", registry)
    assert (first.code, first.out) == (0, f"{document_id(TEXT)}  {one}\n")
    assert read_registry(registry.read_bytes()) == {document_id(TEXT): TEXT}
    assert tongban("schema", "trust", one, "--check", "--output", registry).code == 0
    behind = tongban("schema", "trust", one, two, "--check", "--output", registry)
    assert (behind.code, behind.err.split(":")[1]) == (1, " unexpected")
    assert tongban("schema", "trust", two, "--output", registry).code == 5
    both = tongban("schema", "trust", registry, two, "--output", registry, "--force", "--json")
    assert list(json.loads(both.out)) == [str(registry), str(two)]
    assert len(read_registry(registry.read_bytes())) == 2


def test_documents_that_do_not_hold_are_all_told_and_nothing_is_written(tmp_path: Path) -> None:
    files = written(tmp_path, gone="{ gone }", good=TEXT, broken="{")
    result = tongban("schema", "trust", *files, "--output", tmp_path / "trusted.json")
    assert (result.code, result.err.split(":")[1]) == (2, " bad_document")
    assert [str(file) in result.err for file in files] == [True, False, True]
    assert not (tmp_path / "trusted.json").exists()


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    (file,) = written(tmp_path, one=TEXT)
    for options in ((), ("--check", "--force")):
        result = tongban("schema", "trust", file, *options)
        assert (result.code, result.err.split(":")[1]) == (2, " bad_setting")
