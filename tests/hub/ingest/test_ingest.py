"""A feed taken in by a real county folder: counts that add up, nothing doubled, nothing lost, whatever happens."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any, Final

import pytest

from hub.commands.ingest import sample_normaliser
from hub.ingest import BATCH_ROWS, IngestReport, ingest_feed
from hub.ingest.feeds import Feed
from hub.ingest.generate import COLUMNS, FeedPlan, feed_lines, feed_rows
from ledger.errors import Malformed
from tests.county_folder import CountyFolder

NOW: Final = 1_780_304_400  # 2026-06-01T09:00:00Z
PLAN: Final = FeedPlan(county="370214", count=2_000, as_of=date(2026, 6, 1))


@pytest.fixture
def folder(tmp_path: Path) -> CountyFolder:
    """Give a new county's folder."""
    return CountyFolder.make(tmp_path)


def take_in(folder: CountyFolder, path: Path, **options: Any) -> IngestReport:
    """Take a feed in; the reject file stands beside it."""
    with folder.opened() as node:
        checks = sample_normaliser(folder.county, NOW)
        rejects = path.with_name(f"{path.name}.rejects.csv")
        return ingest_feed(Feed.open(path), node, checks, rejects=rejects, clock=lambda: NOW, **options)


def rejects_of(path: Path) -> list[list[str]]:
    """Read the reject file, without its header."""
    header, *rows = csv.reader(path.with_name(f"{path.name}.rejects.csv").read_text("utf-8").splitlines())
    assert header == ["line", "code", "reason"]
    return rows


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write rows as NDJSON."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def feed_file(path: Path, plan: FeedPlan = PLAN) -> Path:
    """Write the CSV feed of a plan."""
    path.write_text("".join(feed_lines(plan)), "utf-8")
    return path


def rows_of(count: int) -> list[dict[str, str]]:
    """Give the first rows of the sample feed."""
    return list(feed_rows(FeedPlan(county="370214", count=count, as_of=date(2026, 6, 1))))


def test_two_thousand_rows_are_sealed_once_however_often_the_feed_is_run(folder: CountyFolder, tmp_path: Path) -> None:
    path = feed_file(tmp_path / "feed.csv")
    batches: list[int] = []
    assert take_in(folder, path, on_rows=batches.append) == IngestReport(
        rows=2_000, sealed=2_000, already=0, rejects={}
    )
    assert batches == [BATCH_ROWS] * 4
    assert take_in(folder, path) == IngestReport(rows=2_000, sealed=0, already=2_000, rejects={})
    assert folder.counts() == (2_000, 2_000)
    assert not path.with_name("feed.csv.rejects.csv").exists()


def test_every_row_is_sealed_with_what_it_says(folder: CountyFolder, tmp_path: Path) -> None:
    take_in(folder, feed_file(tmp_path / "feed.csv", FeedPlan(county="370214", count=20, as_of=PLAN.as_of)))
    with folder.opened() as node:
        for row in rows_of(20):
            face = node.records.face(row["ZZBS"])
            assert face is not None
            values = face.values()
            assert values["certificateHolderName"] == [row["CZZT"]]
            assert values["certificateHolderCode"] == [row["CZZTDM"]]
            assert (
                values["certificateIssuedDate"]
                == f"{datetime.strptime(row['ZZBFRQ'], '%Y%m%d').replace(tzinfo=UTC):%F}"
            )
            assert (values["KZ_ADDRESS"], values["KZ_SCOPE"]) == (row["KZ_ADDRESS"], row["KZ_SCOPE"])


def test_one_feed_in_three_encodings_and_two_forms_is_one_feed(folder: CountyFolder, tmp_path: Path) -> None:
    plan = FeedPlan(county="370214", count=300, as_of=PLAN.as_of)
    first, *others = [
        feed_file(tmp_path / "a.csv", plan),
        write_rows(tmp_path / "b.ndjson", list(feed_rows(plan))),
    ]
    for encoding in ("gb18030", "utf-8-sig"):
        others.append(tmp_path / f"{encoding}.csv")
        others[-1].write_text(first.read_text("utf-8"), encoding)
    assert take_in(folder, first).sealed == 300
    for path in others:
        assert take_in(folder, path) == IngestReport(rows=300, sealed=0, already=300, rejects={})
    assert folder.counts() == (300, 300)


def test_rejects_stand_in_a_file_by_line_and_the_counts_add_up(folder: CountyFolder, tmp_path: Path) -> None:
    rows = rows_of(8)
    rows[1]["ZZBFRQ"] = "20230231"
    rows[3]["CZZT"] += ";"
    rows[4]["ZZBS"] = rows[4]["ZZBS"][:-1] + ("A" if rows[4]["ZZBS"][-1] != "A" else "B")
    rows[5] = rows[2]  # the same row again
    rows[6] = rows[2] | {"KZ_SCOPE": "another"}  # the same identifier with another content
    path = write_rows(tmp_path / "feed.ndjson", rows)
    with path.open("a") as file:
        file.write("[]\n")
    report = take_in(folder, path)
    assert report == IngestReport(
        rows=9, sealed=3, already=1, rejects={"bad_row": 3, "bad_identifier": 1, "duplicate_identifier": 1}
    )
    assert report.sealed + report.already + report.rejected == report.rows
    found = rejects_of(path)
    assert [row[:2] for row in found] == [
        ["2", "bad_row"], ["4", "bad_row"], ["5", "bad_identifier"], ["7", "duplicate_identifier"], ["9", "bad_row"],
    ]  # fmt: skip
    assert found[0][2] == "ZZBFRQ: expected a date YYYYMMDD that exists"
    assert found[3][2] == "the certificateIdentifier is in use for another content"


def test_a_mended_feed_is_run_again_and_its_old_rejects_are_gone(folder: CountyFolder, tmp_path: Path) -> None:
    rows = rows_of(3)
    path = write_rows(tmp_path / "feed.ndjson", [rows[0], rows[1] | {"ZZBFRQ": "2026"}, rows[2]])
    assert take_in(folder, path).rejects == {"bad_row": 1}
    write_rows(path, rows)
    assert take_in(folder, path) == IngestReport(rows=3, sealed=1, already=2, rejects={})
    assert not path.with_name("feed.ndjson.rejects.csv").exists()


def test_a_stored_license_is_not_replaced_by_another_content(folder: CountyFolder, tmp_path: Path) -> None:
    (row,) = rows_of(1)
    take_in(folder, write_rows(tmp_path / "a.ndjson", [row]))
    other = write_rows(tmp_path / "b.ndjson", [row | {"CZZT": "张三"}])
    assert take_in(folder, other).rejects == {"duplicate_identifier": 1}
    with folder.opened() as node:
        face = node.records.face(row["ZZBS"])
        assert face is not None
        assert face.values()["certificateHolderName"] == [row["CZZT"]]


def test_a_license_that_has_ended_is_rejected(folder: CountyFolder, tmp_path: Path) -> None:
    (row,) = rows_of(1)
    ended = row | {"ZZBFRQ": "20200101", "ZZYXQQSRQ": "20200101", "ZZYXQJZRQ": "20260531"}
    path = write_rows(tmp_path / "a.ndjson", [ended, ended | {"ZZYXQJZRQ": "20260601"}])
    report = take_in(folder, path)
    assert (report.sealed, report.rejects) == (1, {"bad_row": 1})
    assert rejects_of(path) == [
        ["1", "bad_row", "certificateExpiringDate has passed: an ended license is not sealed"],
    ]


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [("KZ_SCOPE", "大" * 8_000, "too_large"), ("CZZTDM", "E" * 400, "bad_identifier")],
)
def test_a_row_that_no_entry_can_hold_spoils_no_other(
    folder: CountyFolder, tmp_path: Path, column: str, text: str, code: str
) -> None:
    rows = rows_of(3)
    rows[1] |= {"CZZTDMLXDM": "999", column: text}
    report = take_in(folder, write_rows(tmp_path / "a.ndjson", rows))
    assert (report.sealed, report.rejects) == (2, {code: 1})
    assert folder.counts() == (2, 2)


def test_a_header_that_does_not_fit_changes_nothing(folder: CountyFolder, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text(",".join(COLUMNS[1:]) + "\n")
    with pytest.raises(Malformed, match="lacks the columns ZZBS"):
        take_in(folder, path)
    assert folder.counts() == (0, 0)
    assert not path.with_name("feed.csv.rejects.csv").exists()


def test_a_feed_without_rows_is_no_fault(folder: CountyFolder, tmp_path: Path) -> None:
    path = tmp_path / "feed.csv"
    path.write_text(",".join(COLUMNS) + "\n")
    assert take_in(folder, path) == IngestReport(rows=0, sealed=0, already=0, rejects={})


def test_two_runs_at_once_seal_every_row_once(folder: CountyFolder, tmp_path: Path) -> None:
    """Somebody starts the same feed twice: whoever is later finds the row stored, with the same content."""
    paths = [
        feed_file(tmp_path / name, FeedPlan(county="370214", count=1_000, as_of=PLAN.as_of))
        for name in ("a.csv", "b.csv")
    ]
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda path: take_in(folder, path), paths))
    assert sum(report.sealed for report in reports) == 1_000
    assert sum(report.already for report in reports) == 1_000
    assert folder.counts() == (1_000, 1_000)


def start_command(folder: CountyFolder, path: Path) -> subprocess.Popen[str]:
    """Start `tongban ingest` as a process of its own."""
    command = [
        sys.executable,
        "-m",
        "hub",
        "ingest",
        "feed",
        str(path),
        "--county",
        folder.county,
        *folder.options,
        "--json",
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.kill
def test_a_killed_ingest_is_resumed_and_doubles_and_loses_nothing(
    folder: CountyFolder, tmp_path: Path, seeds: list[int]
) -> None:
    """Killed (SIGKILL) at random places of the feed, then run to its end; `tests/kill` does so under a whole alliance."""
    rows = list(feed_rows(FeedPlan(county="370214", count=4_000, as_of=datetime.now(UTC).date())))
    rows[1_234]["ZZBFRQ"] = "20230231"
    path = write_rows(tmp_path / "feed.ndjson", rows)
    places = sorted(Random(seeds[0]).sample(range(2_400), max(1, len(seeds) // 7)))
    for place in places:
        process = start_command(folder, path)
        while folder.counts()[0] <= place and process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.kill()
        process.communicate()
        assert process.returncode in {-SIGKILL, 0}  # on a busy machine it may be through before it is killed
        records, items = folder.counts()
        assert records == items  # a seal and its delivery are one commit
        assert records > place
    before = folder.counts()[0]
    process = start_command(folder, path)
    output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    report = json.loads(output)
    assert report == {"rows": 4_000, "sealed": 3_999 - before, "already": before, "rejects": {"bad_row": 1}}
    assert folder.counts() == (3_999, 3_999)
    assert rejects_of(path) == [["1235", "bad_row", "ZZBFRQ: expected a date YYYYMMDD that exists"]]
