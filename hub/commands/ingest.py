"""`tongban ingest feed`: a county takes a feed of licenses in; `tongban feed` makes a sample one."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Final, Literal

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hub.commands.output import Force, new_file
from hub.county.folder import open_county
from hub.ingest import IngestReport, ingest_feed
from hub.ingest.data import read_table
from hub.ingest.feeds import Feed
from hub.ingest.generate import FeedPlan, feed_lines
from hub.ingest.normalise import Normaliser
from hub.keyfiles import read_passphrase
from ledger.errors import Malformed

__all__ = ["app", "feed", "sample_normaliser"]

app = typer.Typer(help="Take in what comes as a file.", no_args_is_help=True)

_CHINA: Final = timezone(timedelta(hours=8))
_FORMS: Final[Mapping[str, Literal["csv", "ndjson"]]] = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}


def sample_normaliser(county: str, now: int) -> Normaliser:
    """Give the checks of a county's feed under the shipped directory of license types; the day is China's."""
    types = {row["code"]: row["name"] for row in read_table("license_types")}
    return Normaliser(county=county, types=types, today=datetime.fromtimestamp(now, UTC).astimezone(_CHINA).date())


@app.command("feed")
def ingest_file(
    file: Annotated[Path, typer.Argument(help="feed: .csv, .ndjson or .jsonl with the short names of GB/T 36903")],
    county: Annotated[str, typer.Option(help="6-digit code of the county, which must be the folder's own")],
    data: Annotated[Path, typer.Option(help="folder of the county node")],
    passphrase_file: Annotated[Path, typer.Option(help="file (0600) with the passphrase of its keys")],
    encoding: Annotated[str | None, typer.Option(help="utf-8 or gb18030; default: found out")] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Check every row of a feed, seal the good ones, and write the rejects to a file beside it.

    It can be run again at any time: nothing is sealed twice. The node that serves the folder submits what was sealed.

    Example: tongban ingest feed feed.csv --county 370214 --data c370214 --passphrase-file c370214.pass
    """
    if encoding not in {None, "utf-8", "gb18030"}:
        raise Malformed("bad_setting", "encoding is utf-8 or gb18030")
    found = Feed.open(file, encoding=encoding)
    rejects = file.with_name(file.name + ".rejects.csv")
    with closing(open_county(data, read_passphrase(passphrase_file), random=secrets.token_bytes)) as node:
        if node.county != county:
            raise Malformed("bad_setting", f"the folder is that of county {node.county}")
        with _progress(found, hidden=json) as on_rows:
            report = ingest_feed(
                found, node, sample_normaliser(county, int(time.time())),
                rejects=rejects, clock=lambda: int(time.time()), on_rows=on_rows,
            )  # fmt: skip
    _print(report, rejects, json=json)


@contextmanager
def _progress(feed: Feed, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=hidden or not console.is_terminal) as progress:
        task = progress.add_task("rows", total=feed.count_lines() - (feed.form == "csv"))  # its header is no row
        yield lambda rows: progress.advance(task, rows)


def _print(report: IngestReport, rejects: Path, *, json: bool) -> None:
    if json:
        row = {"rows": report.rows, "sealed": report.sealed, "already": report.already, "rejects": report.rejects}
        typer.echo(orjson.dumps(row).decode())
        return
    typer.echo(f"{report.rows} rows: {report.sealed} sealed, {report.already} already, {report.rejected} rejected")
    if report.rejected:
        codes = ", ".join(f"{code} {count}" for code, count in sorted(report.rejects.items()))
        typer.echo(f"rejects ({codes}): {rejects}")


@app.command("bundle")
def bundle(
    file: Annotated[Path, typer.Argument(help="bundle of a county")],
    output: Annotated[Path, typer.Option(help="file to write: the answer, to be carried back")],
    config: Annotated[Path | None, typer.Option(help="the hub's settings file, TOML", envvar="TONGBAN_CONFIG")] = None,
    url: Annotated[str | None, typer.Option(help="where the hub listens; default: by its settings")] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="go on though a bundle before this one is lost")
    ] = False,
    force: Force = False,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Take in a bundle of a county that no network reaches; the hub must be running, and judges every line itself.

    Writes the answer, encrypted to the county. What was refused is listed with its code, and gives the exit code. Once
    more changes nothing. A bundle that does not follow the newest one is refused: the county writes the lost one again
    (`tongban county bundle export --again`).

    Example: tongban ingest bundle 370214.bundle --output 370214.answer --config hub.toml
    """
    from hub.commands.intake import taken_in  # noqa: PLC0415  # a feed needs nothing of a hub

    taken_in(file, output, config=config, url=url, without=skip_missing, force=force, json=json)


def feed(
    county: Annotated[str, typer.Option(help="6-digit code of a county of the sample roster")],
    count: Annotated[int, typer.Option(min=1, help="how many licenses")],
    output: Annotated[Path, typer.Option(help="file to write, .csv or .ndjson")],
    seed: Annotated[int, typer.Option(min=0, max=999, help="another seed, other licenses")] = 1,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="day of the feed; default: today")
    ] = None,
    force: Force = False,
) -> None:
    """Make a sample feed: fictional licenses, the same for the same county, count, seed and day.

    Example: tongban feed --county 370214 --count 2000 --output feed.csv
    """
    if county not in {row["code"] for row in read_table("roster")}:
        raise Malformed("bad_setting", "the sample roster has no such county")
    if output.suffix not in _FORMS:
        raise Malformed("bad_setting", f"expected a file name that ends in {', '.join(_FORMS)}")
    day = (as_of or datetime.now(_CHINA)).date()
    plan = FeedPlan(county=county, count=count, as_of=day, seed=seed)
    with new_file(output, force=force) as place, place.open("w", encoding="utf-8", newline="") as file:
        file.writelines(feed_lines(plan, form=_FORMS[output.suffix]))
    typer.echo(f"wrote {count} licenses to {output}")
