"""The verifier in Go beside the one in Python: the same requests to both, and what each finds."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.sync import check_sync
from ledger.transparency.policy import Policy
from ledger.verifier import HolderChallenge, Verifier
from tests.small_log import GENESIS, POLICY

__all__ = ["Finding", "Request", "SyncParts", "ask_go", "ask_python", "build_verifier", "go"]

_FOLDER: Final = Path(__file__).parent
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What a verifier found: the outcome, the first step that failed (0: none), its code, and T (0: none)."""

    outcome: str
    step: int
    code: str
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncParts:
    """The parts of a sync folder. path: of the head."""

    checkpoint: bytes
    head: bytes
    path: tuple[bytes, ...]
    statuses: bytes
    keys: Sequence[tuple[int, bytes]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One receipt, and what the verifier is given beside it."""

    name: str
    receipt: bytes
    now: int
    max_age: int = 60
    policy: bytes = POLICY
    genesis: bytes = GENESIS
    known_keys: Sequence[tuple[int, bytes]] = ()
    holder: Mapping[str, str] | None = None
    synced: SyncParts | None = None

    def line(self) -> bytes:
        """Write the request as the program in Go reads it: one line of JSON, bytes in base64."""
        request: dict[str, Any] = {"name": self.name, "now": self.now, "maxAge": self.max_age, "holder": self.holder}
        request |= {name: _b64(getattr(self, name)) for name in ("receipt", "policy", "genesis")}
        request["knownKeys"] = _rows(self.known_keys)
        if self.synced is not None:
            request["synced"] = {
                "checkpoint": _b64(self.synced.checkpoint),
                "statuses": _b64(self.synced.statuses),
                "head": self.synced.head.decode(),
                "path": [_b64(node) for node in self.synced.path],
                "keys": _rows(self.synced.keys),
            }
        return json.dumps(request).encode() + b"\n"


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


def _rows(keys: Sequence[tuple[int, bytes]]) -> list[dict[str, Any]]:
    return [{"index": index, "entry": entry.decode()} for index, entry in keys]


def go(*arguments: str) -> None:
    """Run Go's toolchain here; it fetches modules where it lacks them, and a download that breaks off is begun again."""
    for _ in range(_TRIES):
        done = subprocess.run(["go", *arguments], cwd=_FOLDER, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr


def build_verifier(folder: Path) -> Path:
    """Build the verifier in Go into a folder; return its path."""
    program = folder / "receipt"
    go("build", "-buildvcs=false", "-mod=readonly", "-o", str(program), "./receipt")
    return program


def ask_go(program: Path, requests: Sequence[Request]) -> list[Finding]:
    """Ask the program about all requests in one run."""
    lines = b"".join(request.line() for request in requests)
    done = subprocess.run([str(program)], input=lines, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows] == [request.name for request in requests]
    return [Finding(row["outcome"], row["step"], row["code"], row["time"]) for row in rows]


def ask_python(requests: Sequence[Request]) -> list[Finding]:
    """Ask the verifier of `ledger`, one for each policy and genesis."""
    verifiers: dict[tuple[bytes, bytes], Verifier] = {}
    findings = []
    for each in requests:
        verifier = verifiers.setdefault((each.policy, each.genesis), Verifier(Policy.parse(each.policy), each.genesis))
        sync = each.synced
        synced = sync and check_sync(
            verifier.anchor, sync.checkpoint, sync.head, sync.path, sync.statuses, keys=sync.keys, now=each.now
        )
        verdict = verifier.verify(
            each.receipt,
            now=each.now,
            max_age=each.max_age,
            known_keys=each.known_keys,
            synced=synced,
            holder=None if each.holder is None else HolderChallenge(**each.holder),
        )
        step = 0 if verdict.failed is None else verdict.failed.number
        findings.append(Finding(str(verdict.outcome), step, verdict.code, verdict.time or 0))
    return findings
