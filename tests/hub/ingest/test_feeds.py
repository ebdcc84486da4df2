"""Feeds: encodings, forms, bad lines, bounded memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from hub.ingest.feeds import MAX_ROW_BYTES, REQUIRED_COLUMNS, BadRow, Feed, RawRow
from ledger.errors import Malformed

HEADER = ",".join(REQUIRED_COLUMNS)
VALUES = [f"证照{number}" for number in range(len(REQUIRED_COLUMNS))]
EXPECTED = dict(zip(REQUIRED_COLUMNS, VALUES, strict=True))


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a feed file byte for byte."""
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_csv_in_each_encoding_gives_the_same_rows(tmp_path: Path, encoding: str, ending: str) -> None:
    text = ending.join([HEADER, ",".join(VALUES), ""])
    feed = Feed.open(write(tmp_path / "a.csv", text, encoding))
    assert list(feed.rows()) == [RawRow(2, EXPECTED)]


def test_ndjson_rows_and_line_numbers(tmp_path: Path) -> None:
    good = json.dumps(EXPECTED, ensure_ascii=False)
    bad = ["[]", "{", '{"ZZBS": 1}', '{"ZZBS": "1", "ZZBS": "2"}', '{"ZZBS": "1"}']
    feed = Feed.open(write(tmp_path / "a.ndjson", "\n".join([good, *bad, "", good])))
    rows = list(feed.rows())
    assert [row.line for row in rows] == [1, 2, 3, 4, 5, 6, 8]
    assert [row for row in rows if isinstance(row, RawRow)] == [RawRow(1, EXPECTED), RawRow(8, EXPECTED)]
    assert [row.reason.split(":")[0] for row in rows if isinstance(row, BadRow)] == [
        "expected a JSON object", "no JSON object", "expected every value to be text", "no JSON object",
        "missing " + ", ".join(REQUIRED_COLUMNS[1:]),
    ]  # fmt: skip


def test_a_quote_that_is_never_closed_spoils_one_row(tmp_path: Path) -> None:
    good = ",".join(VALUES)
    feed = Feed.open(write(tmp_path / "a.csv", "\n".join([HEADER, '"' + good, good, good + ",more"])))
    rows = list(feed.rows())
    assert [(row.line, type(row)) for row in rows] == [(2, BadRow), (3, RawRow), (4, BadRow)]
    assert rows[2] == BadRow(4, "expected 10 fields, got 11", good + ",more")


def test_text_that_could_be_either_encoding_is_refused_until_said(tmp_path: Path) -> None:
    """The bytes D6 B5 are 值 in GB18030 and a Hebrew point in UTF-8: a guess would corrupt names in silence."""
    path = write(tmp_path / "a.csv", f"{HEADER}\n{','.join(['值'] * len(REQUIRED_COLUMNS))}\n", "gb18030")
    with pytest.raises(Malformed, match="could be UTF-8 or GB18030"):
        Feed.open(path)
    rows = list(Feed.open(path, encoding="gb18030").rows())
    assert rows == [RawRow(2, dict.fromkeys(REQUIRED_COLUMNS, "值"))]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.xlsx", b"PK", "bad_file"),
        ("a", b"", "bad_file"),
        ("a.csv", b"\xff\xff\xff", "bad_encoding"),
        ("a.csv", "ZZBS,ZZMC\n".encode("utf-16"), "bad_encoding"),
    ],
)
def test_foreign_files_are_refused_as_a_whole(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(Malformed) as caught:
        Feed.open(path)
    assert caught.value.code == code


@pytest.mark.parametrize("header", ["", "ZZBS", HEADER + ",ZZBS", '"ZZBS'])
def test_header_must_name_every_required_column_once(tmp_path: Path, header: str) -> None:
    feed = Feed.open(write(tmp_path / "a.csv", header + "\n"))
    with pytest.raises(Malformed) as caught:
        list(feed.rows())
    assert caught.value.code == "bad_file"


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="cannot read the feed"):
        Feed.open(tmp_path / "none.csv")


def test_an_endless_line_is_never_held_in_memory(tmp_path: Path) -> None:
    """64 MB without a line break become one bad row; the rows around it are read."""
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.write(f"{HEADER}\n{','.join(VALUES)}\n".encode())
        for _ in range(64):
            file.write(b"x" * 1_000_000)
        file.write(f"\n{','.join(VALUES)}\n".encode())
    tracemalloc.start()
    rows = list(Feed.open(path).rows())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(row.line, type(row)) for row in rows] == [(2, RawRow), (3, BadRow), (4, RawRow)]
    assert rows[1] == BadRow(3, f"row is longer than {MAX_ROW_BYTES} characters", "x" * 200)
    assert peak < 8_000_000
