"""`tongban ledger mirror`: a log kept as a static folder, and that folder checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import orjson
import stamina
import typer

from hub.commands.progress import progress_bars
from hub.commands.verify import read_bounded
from hub.database import WriterLock
from hub.keyfiles import read_private
from hub.mirror.check import check_mirror
from hub.mirror.folder import MirrorFolder
from hub.mirror.mirror import Mirror, MirrorReport
from hub.mirror.source import LogSource
from hub.urls import log_url
from ledger.anchor import TrustAnchor
from ledger.encoding import b64_encode
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy

__all__ = ["mirror", "trust_anchor"]

_MAX_TOKEN: Final = 16_384
_SCOPE: Final = "ledger.entries"


def mirror(
    folder: Annotated[Path, typer.Argument(help="folder of the mirror; made where it is missing")],
    policy: Annotated[Path, typer.Option(help="policy file: which log and witnesses are trusted")],
    genesis: Annotated[Path, typer.Option(help="genesis file")],
    url: Annotated[str | None, typer.Option(help="URL of the log, or of another mirror of it")] = None,
    token_file: Annotated[Path | None, typer.Option(help="file (0600) with a member's access token")] = None,
    county_data: Annotated[Path | None, typer.Option(help="folder of a county node, to get tokens by its key")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="file (0600) with that county's passphrase")] = None,
    follow: Annotated[float | None, typer.Option(min=1, help="go on, once in so many seconds")] = None,
    check: Annotated[bool, typer.Option("--check", help="check the folder instead, whole, without a network")] = False,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Keep a static copy of a log that any web server can serve, everything verified before it is shown.

    Entries and the sealed journal need a member's token; without one it is a mirror of hashes, from which no hub can
    be restored. If the log shows two trees, fork-evidence.json is written and the exit code is 1; 5 if it shows an
    older checkpoint than the mirror has.

    Example: tongban ledger mirror mirror --url https://hub.example/ledger --policy policy --genesis genesis
    """
    anchor = trust_anchor(policy, genesis)
    stamina.instrumentation.set_on_retry_hooks([])  # what failed is said once, at the end
    if check:
        _check(MirrorFolder(folder), anchor, json=json)
        return
    if url is None:
        raise Malformed("bad_setting", "give --url, or --check")
    token, prefix = _token(token_file, county_data, passphrase_file), log_url(url, "--url")
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    lock = WriterLock(folder / ".mirror", "writes this mirror")
    try:
        with _source(prefix, token) as source:
            _run(MirrorFolder(folder), source, anchor, follow=follow, json=json)
    finally:
        lock.release()


def trust_anchor(policy: Path, genesis: Path) -> TrustAnchor:
    """Read what a verifier pins. Raises Malformed, NotVerified, Conflict."""
    text = read_bounded(policy, MAX_POLICY_BYTES)
    pinned = read_bounded(genesis, MAX_POLICY_BYTES)
    return TrustAnchor(Policy.parse(text), pinned, policy_digest=sha256(text).digest())


def _token(file: Path | None, county: Path | None, passphrase: Path | None) -> Callable[[], str] | None:
    if (county is None) != (passphrase is None) or (county is not None and file is not None):
        raise Malformed("bad_setting", "give --token-file, or --county-data with --passphrase-file, or neither")
    if file is not None:
        return lambda: read_private(file, max_bytes=_MAX_TOKEN).decode("ascii", "replace").strip()
    if county is None or passphrase is None:
        return None
    return lambda: _countys_token(county, passphrase)


def _countys_token(county: Path, passphrase: Path) -> str:
    from hub.commands.folder import opened_node  # noqa: PLC0415  # a mirror of hashes needs no county's code
    from hub.partner import access_token  # noqa: PLC0415

    with opened_node(county, passphrase) as node:
        return access_token(node, _SCOPE)


@contextmanager
def _source(url: str, token: Callable[[], str] | None) -> Iterator[LogSource]:
    source = LogSource(url, token=token)
    try:
        yield source
    finally:
        source.close()


def _run(folder: MirrorFolder, source: LogSource, anchor: TrustAnchor, *, follow: float | None, json: bool) -> None:
    while True:
        try:
            with progress_bars(shown=not json and follow is None) as bars:
                report = Mirror(folder, source, anchor, progress=bars.advance).run(int(time.time()))
            _print(report, json=json)
        except (Unavailable, Conflict) as error:
            if follow is None:
                raise
            _print_error(error, json=json)
        if follow is None:
            return
        time.sleep(follow)


def _print(report: MirrorReport, *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps({"ok": True, **report.to_json()}).decode())
        return
    typer.echo(f"{report.origin}: {report.size} entries, {report.size - report.grown_from} of them new")
    if not report.entries:
        typer.echo("hashes only: entries need a member's token; no hub can be restored from this mirror", err=True)
    elif not report.journal:
        typer.echo("without the journal: the log serves none; to restore a hub, bring it from a backup", err=True)
    for digest in report.missing:
        typer.echo(f"the log does not have the document {digest}", err=True)


def _print_error(error: TongbanError, *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps({"ok": False, "code": error.code, "message": error.message}).decode())
    else:
        typer.echo(f"tongban: {error}", err=True)


def _check(folder: MirrorFolder, anchor: TrustAnchor, *, json: bool) -> None:
    try:
        with progress_bars(shown=not json) as bars:
            found = check_mirror(folder, anchor, now=int(time.time()), progress=bars.advance)
    except NotVerified as error:
        if not json:
            raise
        typer.echo(orjson.dumps({"ok": False, "code": error.code, "message": error.message}).decode())
        raise typer.Exit(1) from error
    point = found.parts.checkpoint
    holds = {"entries": found.entries, "journal": found.journal}
    if json:
        row = {"ok": True, "origin": point.origin, "size": point.size, "root": b64_encode(point.root), **holds}
        typer.echo(orjson.dumps(row).decode())
        return
    having = ", ".join(f"{'with' if there else 'without'} {name}" for name, there in holds.items())
    typer.echo(f"{point.origin} holds: {point.size} entries; {having}")
