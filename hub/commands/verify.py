"""`tongban verify`: a receipt or a QR code in, one verdict out, offline. It makes no network call."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final, TypeVar

import orjson
import typer

from hub.commands.terms import MARK, duration, instant, shown, utc
from hub.sync.folder import read_sync
from hub.workers import cores, workers
from ledger.batch import BatchSettings, start_worker, verify_many
from ledger.entries import parse_entry
from ledger.errors import Malformed
from ledger.jws import MAX_ENTRY_BYTES
from ledger.qr import MAX_QR_CHARS, QR_PREFIX
from ledger.receipt import MAX_RECEIPT_BYTES
from ledger.sync_files import SyncFiles
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy
from ledger.verdict import Outcome, Verdict
from ledger.verifier import Verifier

__all__ = ["check_files", "evidence_in", "parsed", "pinned_verifier", "read_bounded", "verify"]

T = TypeVar("T")

_MANY: Final = 1000  # receipts from which on worker processes save more time than their start costs


def verify(
    receipt: Annotated[list[Path] | None, typer.Argument(help="receipt files (.lic-receipt)")] = None,
    policy: Annotated[Path | None, typer.Option(help="policy file: which logs and witnesses are trusted")] = None,
    genesis: Annotated[Path | None, typer.Option(help="genesis file: members and keys at the start of the log")] = None,
    sync: Annotated[
        Path | None, typer.Option(help="sync folder (`tongban sync`): newer statuses, policy, keys")
    ] = None,
    qr: Annotated[str | None, typer.Option(help="a QR code's text, or a file with it; needs --sync")] = None,
    max_age: Annotated[str, typer.Option(help="greatest age of the checkpoint: 90, 60s, 15m, 24h, 7d")] = "24h",
    at: Annotated[str | None, typer.Option(help="judge at this time (RFC 3339), for archives; default: now")] = None,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="default: one a core, for many files")] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines; of several files one line each")] = False,
) -> None:
    """Check a receipt or QR code offline: who issued it, that it is in the ledger, and that it is not revoked.

    Policy and genesis come from the two options, or from the sync folder, which keeps those of its first sync. Exit
    code 0 for VALID (all of them), 1 for any other verdict (a file that cannot be read included), 2 for wrong usage
    (a file that is not there included; of several files the others are judged all the same).

    Example: tongban verify demo-out/receipts/valid.lic-receipt --policy demo-out/policy --genesis demo-out/genesis
    """
    files = receipt or []
    if bool(files) == (qr is not None):
        raise Malformed("bad_setting", "expected receipt files, or --qr")
    if processes is not None and qr is not None:
        raise Malformed("bad_setting", "--processes is for many receipts, and --qr is one code: give one of the two")
    now = int(time.time()) if at is None else instant(at)
    settings = _Trusted.of(policy, genesis, sync).settings(now=now, max_age=duration(max_age))
    if qr is not None:
        verdict = _qr_verdict(qr, settings, json=json)
        code = 0 if _say(verdict, None, json=json) else 1
    elif len(files) == 1:
        check_files(files, json=json)
        code = _judge_each(files, settings, 1, json=json, named=False)
    else:
        code = _judge_each(files, settings, processes or (cores() if len(files) >= _MANY else 1), json=json, named=True)
    if code:
        raise typer.Exit(code)


def _judge_each(files: Sequence[Path], settings: BatchSettings, processes: int, *, json: bool, named: bool) -> int:
    """Judge files and name those that are not there; give the exit code."""
    faults = {path: fault for path in files if (fault := _fault(path)) is not None}
    there = [path for path in files if path not in faults]
    verdicts = zip(there, _verdicts(there, settings, processes), strict=True)
    good = [_say(verdict, path if named else None, json=json) for path, verdict in verdicts]
    for path, fault in faults.items():
        _say_error(fault, {"file": str(path)}, json=json)
    return 2 if faults else 0 if all(good) else 1


@dataclass(frozen=True, slots=True)
class _Trusted:
    """What the caller trusts: policy and genesis, and a sync folder under them."""

    policy: bytes
    genesis: bytes
    sync: SyncFiles | None

    @classmethod
    def of(cls, policy: Path | None, genesis: Path | None, sync: Path | None) -> _Trusted:
        """Read the files; a file that is named goes before the folder's own. Raises Malformed, Unavailable."""
        if sync is None:
            if policy is None or genesis is None:
                raise Malformed("bad_setting", "give --policy and --genesis, or --sync")
            return cls(_trusted(policy, Policy.parse), _trusted(genesis, parse_entry), None)
        files = read_sync(sync)
        trusted = files.policy if policy is None else _trusted(policy, Policy.parse)
        root = files.genesis if genesis is None else _trusted(genesis, parse_entry)
        return cls(trusted, root, replace(files, policy=trusted, genesis=root))

    def settings(self, *, now: int, max_age: int) -> BatchSettings:
        """Judge at a time."""
        return BatchSettings(self.policy, self.genesis, now=now, max_age=max_age, sync=self.sync)


def _trusted(path: Path, parse: Callable[[bytes], object]) -> bytes:
    """Read a pinned file as it is, after a look whether it parses: so a refusal names it."""

    def whole(data: bytes) -> bytes:
        parse(data)
        return data

    return parsed(path, MAX_POLICY_BYTES, whole)


def _qr_verdict(qr: str, settings: BatchSettings, *, json: bool) -> Verdict:
    if settings.sync is None:
        raise Malformed("bad_setting", "a QR code has no cosignatures of its own: give --sync")
    if not qr.startswith(QR_PREFIX):
        check_files([Path(qr)], json=json)
    text = qr if qr.startswith(QR_PREFIX) else _text_in(Path(qr))
    return settings.sync.open(now=settings.now).verify_qr(text, now=settings.now, max_age=settings.max_age)


def _text_in(path: Path) -> str:
    return evidence_in(path, MAX_QR_CHARS + 2).decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")


def _verdicts(files: Sequence[Path], settings: BatchSettings, processes: int) -> Iterator[Verdict]:
    with workers(processes, partial(start_worker, settings)) as in_order:
        receipts = (_receipt_in(path) for path in files)
        yield from verify_many(receipts, settings, in_order=in_order)


def _receipt_in(path: Path) -> bytes:
    data = evidence_in(path, MAX_RECEIPT_BYTES)
    if data.startswith(QR_PREFIX.encode()):
        typer.echo(shown(f"{path}: this is a QR text: use --qr"), err=True)
    return data


def _say(verdict: Verdict, file: Path | None, *, json: bool) -> bool:
    """Print a verdict, whole or, of a named file, as a line; tell whether it is VALID."""
    if file is None and json:
        typer.echo(orjson.dumps(verdict.to_json(), option=orjson.OPT_INDENT_2).decode())
    elif file is None:
        _print(verdict)
    elif json:
        typer.echo(orjson.dumps({"file": str(file), **verdict.to_json()}).decode())
    else:
        typer.echo(shown(f"{file}: {_summary(verdict)}"))
    return verdict.outcome is Outcome.VALID


def check_files(paths: Sequence[Path], *, json: bool) -> None:
    """Check that what is to be judged is there and no folder; a mistyped name says nothing of a license.

    Raises Malformed bad_file, or prints it as an object and exits with 2.
    """
    for path in paths:
        if (fault := _fault(path)) is None:
            continue
        if not json:
            raise fault
        _say_error(fault, {}, json=True)
        raise typer.Exit(2)


def _fault(path: Path) -> Malformed | None:
    """Say what is wrong with a path itself, whatever stands in the file."""
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        hint = ": this is a QR text: use --qr" if str(path).startswith(QR_PREFIX) else ""
        return Malformed("bad_file", shown(f"cannot read {path}: {error.strerror}{hint}"))
    return Malformed("bad_file", shown(f"cannot read {path}: Is a directory")) if folder else None


def _say_error(error: Malformed, members: dict[str, str], *, json: bool) -> None:
    if json:
        row = {**members, "ok": False, "code": error.code, "message": error.message}
        typer.echo(orjson.dumps(row).decode())
    else:
        typer.echo(f"tongban: {error}", err=True)


def pinned_verifier(policy: Path, genesis: Path) -> Verifier:
    """Open the verifier of these two files. Raises Malformed, NotVerified, Conflict."""
    return Verifier.of_files(read_bounded(policy, MAX_POLICY_BYTES), read_bounded(genesis, MAX_ENTRY_BYTES))


def evidence_in(path: Path, max_bytes: int) -> bytes:
    """Read what is to be judged: a file that cannot be read is empty, and longer ones stay too long for the verifier.

    So the answer is a verdict, and not an error; `check_files` comes first.
    """
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        typer.echo(shown(f"cannot read {path}: {error.strerror}"), err=True)
    return b""


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Read a file of at most `max_bytes`. Raises Malformed bad_file, too_large."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {path}: {error.strerror}") from error
    if len(data) > max_bytes:
        raise Malformed("too_large", f"{path.name} has more than {max_bytes} bytes")
    return data


def parsed(path: Path, max_bytes: int, parse: Callable[[bytes], T]) -> T:
    """Read a file and parse it. Raises Malformed, naming the file."""
    data = read_bounded(path, max_bytes)
    try:
        return parse(data)
    except Malformed as error:
        raise Malformed(error.code, f"{path}: {error.message}") from error


def _summary(verdict: Verdict) -> str:
    reason = "" if verdict.outcome is Outcome.VALID else f" · {verdict.code}"
    return f"{verdict.outcome.value} {verdict.clerk}{reason}: {verdict.message}"


def _print(verdict: Verdict) -> None:
    lines = [_summary(verdict)]
    if verdict.time is not None:
        lines.append(f"witnessed {utc(verdict.time)}, {verdict.age} s before")
    lines += [f"note: {note}" for note in verdict.notes]
    lines += [f"{step.number:3}  {MARK[step.state]}  {step.name:14}{step.detail}" for step in verdict.steps]
    if verdict.claims:
        lines.append("shown")
        for name, value in verdict.claims.items():
            lines.append(f"  {name:34}{value if isinstance(value, str) else orjson.dumps(value).decode()}")
    for line in lines:
        typer.echo(shown(line.rstrip()))
