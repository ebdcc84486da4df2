"""How the demo tells its steps: each one runs the real command line, checks what came, and says one line.

    teller.command("county", "revoke", identifier, *teller.of("370214"))
    teller.verdict(receipt, "REVOKED")
    teller.say("the county revoked the license; a fresh receipt: REVOKED 失效")

Nothing is said before it was seen. The first thing that is not exactly what it should be ends the story.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from rich.console import Console

from hub.demo.alliance import Alliance
from hub.demo.answerpaths import AnswerPaths
from hub.partner import Partner, access_token
from ledger.errors import NotVerified, Unavailable

__all__ = ["SHOWN", "Teller", "expect", "wait"]

SHOWN: Final = ("certificateTypeName", "certificateHolderName")
"""The two claims that the holder shows."""

_WAIT_S: Final = 180.0


@dataclass(slots=True)
class Teller:
    """One telling. out: folder for what it leaves behind. The alliance lives in a folder of its own, thrown away."""

    alliance: Alliance
    out: Path
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    began: float = field(default_factory=time.monotonic)
    paths: AnswerPaths = field(default_factory=AnswerPaths)

    def say(self, text: str) -> None:
        """Print one step with the time since the start."""
        self.console.print(f"{time.monotonic() - self.began:6.1f} s  {text}", markup=False)

    def count_answers(self) -> None:
        """Add how the running hub has answered; once in the life of its process."""
        self.paths.add(httpx2.get(f"{self.alliance.url('hub')}/metrics", trust_env=False).text)

    def stop_hub(self) -> None:
        """Stop the hub, its answers counted."""
        self.count_answers()
        self.alliance.stop("hub")

    def command(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run `tongban`, which asks nothing, and give what it printed. Raises NotVerified for another exit code."""
        done = subprocess.run(  # noqa: S603  # our own command line
            [sys.executable, "-m", "hub", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_WAIT_S,
        )
        if done.returncode not in codes:
            expect(f"exit code of tongban {' '.join(arguments[:2])}: {done.stderr[-500:]}", done.returncode, codes[0])
        return done.stdout

    def of(self, county: str) -> tuple[str, ...]:
        """Give the options that open a county's folder."""
        data, secret = self.alliance.data(county), self.alliance.passphrase_file(county)
        return ("--data", str(data), "--passphrase-file", str(secret))

    def partner(self, county: str, scope: str) -> Partner:
        """Give a partner system of a county, with a token of these scopes."""
        with self.alliance.node(county) as node:
            return Partner(self.alliance.url("hub"), access_token(node, scope))

    def judge(self, receipt: Path, *options: str) -> dict[str, Any]:
        """Verify a receipt offline, by the policy and genesis that the demo leaves."""
        trusted = ("--policy", str(self.out / "policy"), "--genesis", str(self.out / "genesis"))
        text = self.command("verify", str(receipt), *trusted, "--json", *options, codes=(0, 1))
        verdict: dict[str, Any] = json.loads(text)
        return verdict

    def verdict(self, receipt: Path, expected: str, *options: str) -> dict[str, Any]:
        """Verify a receipt, and expect this outcome."""
        verdict = self.judge(receipt, *options)
        expect(f"verdict on {receipt.name}", verdict["outcome"], expected)
        return verdict

    def receipt_path(self, name: str) -> Path:
        """Name a receipt among those that the demo leaves."""
        return self.out / "receipts" / f"{name}.lic-receipt"

    def present(self, county: str, identifier: str, name: str, *options: str) -> Path:
        """Let a holder show two claims of a license; gives the receipt's file."""
        path = self.receipt_path(name)
        shown = ("--show", ",".join(SHOWN), "--output", str(path))
        self.command("county", "present", identifier, *shown, *options, *self.of(county))
        return path

    def seal(self, county: str, row: dict[str, str]) -> str:
        """Seal one license from a feed row; gives its identifier."""
        file = self.alliance.folder / "one.ndjson"
        file.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
        self.command("county", "seal", str(file), *self.of(county))
        return row["ZZBS"]

    def seal_one(self, county: str, row: dict[str, str]) -> str:
        """Seal one license, and wait until it is witnessed and stated; gives its identifier."""
        with self.alliance.node(county) as node:
            stated = node.status(int(time.time())).stated
        identifier = self.seal(county, row)
        with self.alliance.node(county) as node:
            wait("the new seal is witnessed", lambda: node.status(int(time.time())).stated > stated)
        return identifier


def expect(what: str, got: object, expected: object) -> None:
    """Go on only if this is what was expected. Raises NotVerified unexpected."""
    if got != expected:
        raise NotVerified("unexpected", f"{what}: expected {expected}, got {got}")


def wait(what: str, done: Callable[[], bool]) -> None:
    """Wait until it is so, three minutes at most; who does not answer in time is asked again.

    Raises NotVerified unexpected.
    """
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        with suppress(Unavailable):
            if done():
                return
        time.sleep(0.1)
    expect(what, f"not within {_WAIT_S:.0f} s", "in time")
