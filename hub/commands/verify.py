"""`tongban verify`: one receipt in, one verdict out, offline. It makes no network call."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.commands.terms import MARK, duration, instant, shown
from ledger.errors import Malformed
from ledger.receipt import MAX_RECEIPT_BYTES
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy
from ledger.verdict import Outcome, Verdict
from ledger.verifier import Verifier

__all__ = ["evidence_in", "pinned_verifier", "read_bounded", "verify"]


def verify(
    receipt: Annotated[Path, typer.Argument(help="receipt file (.lic-receipt)")],
    policy: Annotated[Path, typer.Option(help="policy file: which logs and witnesses are trusted")],
    genesis: Annotated[Path, typer.Option(help="genesis file: the members and keys at the start of the log")],
    max_age: Annotated[str, typer.Option(help="greatest age of the checkpoint: 90, 60s, 15m, 24h, 7d")] = "24h",
    at: Annotated[str | None, typer.Option(help="judge at this time (RFC 3339), for archives; default: now")] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Check a receipt offline: who issued it, that it is in the ledger, and that it is not revoked.

    Exit code 0 for VALID, 1 for any other verdict (a file that cannot be read included), 2 for wrong usage.

    Example: tongban verify demo-out/receipts/valid.lic-receipt --policy demo-out/policy --genesis demo-out/genesis
    """
    verifier = pinned_verifier(policy, genesis)
    now = int(time.time()) if at is None else instant(at)
    verdict = verifier.verify(evidence_in(receipt, MAX_RECEIPT_BYTES), now=now, max_age=duration(max_age))
    if json:
        typer.echo(orjson.dumps(verdict.to_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(verdict)
    if verdict.outcome is not Outcome.VALID:
        raise typer.Exit(1)


def pinned_verifier(policy: Path, genesis: Path) -> Verifier:
    """Open the verifier of these two files. Raises Malformed, NotVerified, Conflict."""
    trusted = read_bounded(policy, MAX_POLICY_BYTES)
    return Verifier(
        Policy.parse(trusted), read_bounded(genesis, MAX_POLICY_BYTES), policy_digest=hashlib.sha256(trusted).digest()
    )


def evidence_in(path: Path, max_bytes: int) -> bytes:
    """Read what is to be judged: a file that cannot be read is empty, and longer ones stay too long for the verifier.

    So the answer is a verdict, and not an error.
    """
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        typer.echo(f"cannot read {path.name}: {error.strerror}", err=True)
        return b""


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Read a file of at most `max_bytes`. Raises Malformed bad_file, too_large."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {path.name}: {error.strerror}") from error
    if len(data) > max_bytes:
        raise Malformed("too_large", f"{path.name} has more than {max_bytes} bytes")
    return data


def _print(verdict: Verdict) -> None:
    reason = "" if verdict.outcome is Outcome.VALID else f" · {verdict.code}"
    lines = [f"{verdict.outcome.value} {verdict.clerk}{reason}: {verdict.message}"]
    if verdict.time is not None:
        lines.append(f"witnessed {datetime.fromtimestamp(verdict.time, UTC).isoformat()}, {verdict.age} s before")
    lines += [f"note: {note}" for note in verdict.notes]
    lines += [f"{step.number:3}  {MARK[step.state]}  {step.name:14}{step.detail}" for step in verdict.steps]
    if verdict.claims:
        lines.append("shown")
        for name, value in verdict.claims.items():
            lines.append(f"  {name:34}{value if isinstance(value, str) else orjson.dumps(value).decode()}")
    for line in lines:
        typer.echo(shown(line.rstrip()))
