"""The offline verifier alone: `python -m ledger verify FILE --policy POLICY --genesis GENESIS`.

Standard library and `cryptography` suffice. Nothing is fetched; the clock is read once, unless --at gives the time.
Exit code: 0 VALID, 1 any other verdict (a receipt that cannot be read included), 2 wrong usage (a receipt that is not
there included) or unusable policy or genesis.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from ledger.errors import Malformed, TongbanError
from ledger.jws import MAX_ENTRY_BYTES
from ledger.receipt import MAX_RECEIPT_BYTES
from ledger.transparency.policy import MAX_POLICY_BYTES
from ledger.verdict import Outcome, Verdict
from ledger.verifier import Verifier

__all__ = ["main"]

_DAY_S: Final = 86_400
_EXIT_CODES: Final = "exit code: 0 VALID, 1 any other verdict, 2 wrong usage, or a policy or genesis that is unusable"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        verdict = _verdict(options)
    except TongbanError as error:
        row = {"ok": False, "code": error.code, "message": error.message}
        print(json.dumps(row) if options.json else error, file=sys.stdout if options.json else sys.stderr)
        return 2
    text = json.dumps(verdict.to_json(), ensure_ascii=False, indent=2) if options.json else _text(verdict)
    print(text)  # noqa: T201  # the same
    return 0 if verdict.outcome is Outcome.VALID else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ledger", description="The ledger, offline.", epilog=_EXIT_CODES)
    verify = parser.add_subparsers(required=True).add_parser("verify", help="verify a receipt", epilog=_EXIT_CODES)
    verify.add_argument("file", type=Path, metavar="FILE", help="the receipt (.lic-receipt)")
    verify.add_argument("--policy", action=_Once, type=Path, required=True, help="which logs and witnesses are trusted")
    verify.add_argument("--genesis", action=_Once, type=Path, required=True, help="first entry of the log")
    verify.add_argument("--max-age", action=_Once, type=int, help="seconds; default 86400, a day")
    verify.add_argument("--at", action=_Once, type=_instant, help="judge at this time (RFC 3339); default: now")
    verify.add_argument("--json", action="store_true", help="print the verdict as JSON")
    return parser


class _Once(argparse.Action):
    """Takes the value of an option without a default; a second one is refused, and does not silently hold."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  # the signature of the base class
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002  # the same
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "given twice")
        setattr(namespace, self.dest, values)


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)  # argparse reports a ValueError
    if moment.tzinfo is None:
        raise ValueError
    return int(moment.timestamp())


def _verdict(options: argparse.Namespace) -> Verdict:
    verifier = Verifier.of_files(_read(options.policy, MAX_POLICY_BYTES), _read(options.genesis, MAX_ENTRY_BYTES))
    now = int(time.time()) if options.at is None else options.at
    max_age = _DAY_S if options.max_age is None else options.max_age
    return verifier.verify(_receipt(options.file), now=now, max_age=max_age)


def _receipt(path: Path) -> bytes:
    """Read a receipt. Raises Malformed bad_file: a path that leads to no file says nothing of a license."""
    try:
        return _read(path, MAX_RECEIPT_BYTES)
    except Malformed:
        if not path.exists() or path.is_dir():
            raise
        return b""  # what cannot be read is no receipt: a verdict, not an error


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)  # one more, so that the parser sees what is too large
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {path.name}: {error.strerror}") from error


def _text(verdict: Verdict) -> str:
    lines = [f"{verdict.outcome} {verdict.clerk} ({verdict.code}): {verdict.message}"]
    lines += [f"{step.number:4}  {step.name:<12}  {step.state:<11}  {step.detail}".rstrip() for step in verdict.steps]
    lines += [f"note: {note}" for note in verdict.notes]
    lines += [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in verdict.claims.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
