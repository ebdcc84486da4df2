"""A county's feed: CSV or NDJSON with the short names of GB/T 36903, read row by row in bounded memory.

    ZZBS,ZZLXDM,ZZMC,ZZBH,ZZBFJG,ZZBFJGDM,ZZBFRQ,CZZT,CZZTDM,CZZTDMLXDM,ZZYXQQSRQ,ZZYXQJZRQ,KZ_ADDRESS
    1.2.156.3005.2.1110….Z,11100000MB0143028R001,营业执照,SD-…,…,11370214MB2000004E,20260401,示例食品店,…,001,20260401,,…

One row stands on one line: a quoted field holds no line break. So every row has its line number, a quote that is never
closed spoils one row and not the rest of the file, and a file of any size is read in bounded memory. UTF-8 with or
without BOM and GB18030 are read; anything else is refused as a whole, and so is the rare file that could be both.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ledger.encoding import parse_json
from ledger.errors import Malformed

__all__ = ["MAX_ROW_BYTES", "REQUIRED_COLUMNS", "BadRow", "Feed", "RawRow"]

MAX_ROW_BYTES: Final = 65_536
_CHUNK: Final = 1 << 20  # bytes
REQUIRED_COLUMNS: Final = (
    "ZZBS", "ZZLXDM", "ZZMC", "ZZBH", "ZZBFJG", "ZZBFJGDM", "ZZBFRQ", "CZZT", "CZZTDM", "CZZTDMLXDM",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it came: 1-based line number, text by column name."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A line that is no row at all: 1-based line number, and why. Its text is kept for the reject file."""

    line: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed file whose form and encoding are known. `open` looks at the whole file once, in chunks."""

    path: Path
    form: Literal["csv", "ndjson"]
    encoding: Literal["utf-8-sig", "gb18030"]
    size: int

    @classmethod
    def open(cls, path: Path, *, encoding: str | None = None) -> Feed:
        """Find out form (by suffix) and encoding (by content, or as said: `utf-8` or `gb18030`).

        Raises Malformed bad_file or bad_encoding.
        """
        form: Literal["csv", "ndjson"]
        match path.suffix.lower():
            case ".csv":
                form = "csv"
            case ".ndjson" | ".jsonl":
                form = "ndjson"
            case suffix:
                raise Malformed("bad_file", f"expected a .csv, .ndjson or .jsonl file, got {suffix or 'no suffix'}")
        try:
            return cls(path, form, _encoding_of(path, encoding), path.stat().st_size)
        except OSError as error:
            raise Malformed("bad_file", f"cannot read the feed {path}: {error.strerror}") from error

    def count_lines(self) -> int:
        """Count the line breaks, for a progress bar: one pass in chunks, no more exact than that."""
        with self.path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))

    def rows(self) -> Iterator[RawRow | BadRow]:
        """Give every row in order. Raises Malformed bad_file when a CSV header lacks a required column."""
        lines = self._lines()
        if self.form == "ndjson":
            for number, text in lines:
                if text.strip():
                    yield _json_row(number, text)
            return
        header = self._header(lines)
        for number, text in lines:
            if text.strip():
                yield _csv_row(number, text, header)

    def _header(self, lines: Iterator[tuple[int, str]]) -> list[str]:
        _, first = next(lines, (1, ""))
        try:
            header = next(csv.reader([first], strict=True), [])
        except csv.Error as error:
            raise Malformed("bad_file", f"the header is no CSV line: {error}") from error
        header = [name.strip() for name in header]
        missing = [name for name in REQUIRED_COLUMNS if name not in header]
        if missing:
            raise Malformed("bad_file", f"the header lacks the columns {', '.join(missing)}")
        if len(set(header)) != len(header):
            raise Malformed("bad_file", "the header names a column twice")
        return header

    def _lines(self) -> Iterator[tuple[int, str]]:
        # readline with a bound: a "line" of a gigabyte is read in pieces and thrown away, never held.
        with self.path.open("r", encoding=self.encoding, newline="\n") as file:
            number = 0
            while text := file.readline(MAX_ROW_BYTES + 1):
                number += 1
                if len(text) <= MAX_ROW_BYTES:
                    yield number, text.rstrip("\r\n")
                    continue
                yield number, text
                while not text.endswith("\n") and (text := file.readline(MAX_ROW_BYTES + 1)):
                    pass


def _encoding_of(path: Path, said: str | None) -> Literal["utf-8-sig", "gb18030"]:
    utf8, wide = _decodes(path, "utf-8") if said != "gb18030" else (False, False)
    if utf8 and (wide or said):
        return "utf-8-sig"
    gb18030, _ = _decodes(path, "gb18030") if said != "utf-8" else (False, False)
    if utf8 and gb18030:
        # Some Chinese text in GB18030 is also UTF-8, of letters that no feed holds: the byte pair D6 B5 is one such.
        raise Malformed("bad_encoding", "the feed could be UTF-8 or GB18030: say which")
    if gb18030:
        return "gb18030"
    raise Malformed("bad_encoding", f"the feed is not {said}" if said else "the feed is neither UTF-8 nor GB18030")


def _decodes(path: Path, encoding: str) -> tuple[bool, bool]:
    """Tell whether the file decodes, and whether it is ASCII or holds a character from U+0800 on (as Chinese is)."""
    decoder = codecs.getincrementaldecoder(encoding)()
    plain, wide = True, False
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                text = decoder.decode(chunk)
                plain = plain and text.isascii()
                wide = wide or (not plain and max(text, default="") >= "\u0800")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False, False
    return True, plain or wide


def _csv_row(number: int, text: str, header: list[str]) -> RawRow | BadRow:
    if len(text) > MAX_ROW_BYTES:
        return BadRow(number, f"row is longer than {MAX_ROW_BYTES} characters", text[:200])
    try:
        fields = next(csv.reader([text], strict=True))
    except csv.Error as error:
        return BadRow(number, f"no CSV row: {error}", text)
    if len(fields) != len(header):
        return BadRow(number, f"expected {len(header)} fields, got {len(fields)}", text)
    return RawRow(number, {name: value.strip() for name, value in zip(header, fields, strict=True)})


def _json_row(number: int, text: str) -> RawRow | BadRow:
    if len(text) > MAX_ROW_BYTES:
        return BadRow(number, f"row is longer than {MAX_ROW_BYTES} characters", text[:200])
    try:
        value = parse_json(text.encode("utf-8"), max_bytes=MAX_ROW_BYTES * 4, max_depth=1)
    except Malformed as error:
        return BadRow(number, f"no JSON object: {error.message}", text)
    if not isinstance(value, dict):
        return BadRow(number, "expected a JSON object", text)
    row = {name: item.strip() for name, item in value.items() if isinstance(item, str)}
    if len(row) != len(value):
        return BadRow(number, "expected every value to be text", text)
    missing = [name for name in REQUIRED_COLUMNS if name not in row]
    if missing:
        return BadRow(number, f"missing {', '.join(missing)}", text)
    return RawRow(number, row)
