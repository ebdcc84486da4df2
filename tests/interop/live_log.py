"""A live log and its foreign readers: Go programs that visit it at growing sizes."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import Note
from ledger.transparency.policy import Policy
from tests.interop.verifiers import go
from tests.live_alliance import LiveAlliance

__all__ = ["Readers", "Visit", "build_programs"]

_FSCK: Final = "github.com/transparency-dev/tessera/cmd/fsck"


def build_programs(folder: Path) -> None:
    """Build `verify` (ours, over golang.org/x/mod) and Tessera's `fsck` into a folder."""
    go("build", "-buildvcs=false", "-mod=readonly", "-o", f"{folder}/", "./verify", _FSCK)


@dataclass(frozen=True, slots=True)
class Visit:
    """What was published during a visit, and what the programs said."""

    note: bytes
    checkpoint: Checkpoint
    verify: subprocess.CompletedProcess[str]
    fsck: subprocess.CompletedProcess[str]


@dataclass(slots=True)
class Readers:
    """The programs in the folder `programs`, and the log that they read."""

    live: LiveAlliance
    programs: Path
    visits: list[Visit] = field(default_factory=list)

    def cosigners(self) -> Path:
        """Write the witnesses' vkeys to a file."""
        policy = Policy.parse((self.live.data / "policy").read_bytes())
        path = self.programs / "cosigners"
        path.write_text("".join(f"{each.key.vkey()}\n" for each in policy.witnesses), encoding="utf-8")
        return path

    def visit(self, *options: object) -> None:
        """Let both programs read the log at one size, which every witness has cosigned; options: more of `verify`."""
        while True:
            before, token = self.live.whole_note(), self.live.token()
            verify = self.verify("-cosigners", self.cosigners(), "-token", token, *options)
            fsck = self.fsck("-bearer_token", token)
            text = Note.parse(before).text
            if Note.parse(self.live.note()).text == text:  # no heartbeat came between
                self.visits.append(Visit(before, Checkpoint.parse(text), verify, fsck))
                return

    def verify(
        self, *options: object, key: Path | None = None, url: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `verify`. url: of a mirror in place of the log."""
        return self._run("verify", "-url", url or self.live.url, "-key", key or self.live.data / "log.vkey", *options)

    def fsck(self, *options: object, url: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run Tessera's fsck, which always exits 0 and says on stderr what it found. url: of a mirror."""
        own = (
            "-storage_url",
            f"{url or self.live.url}/",
            "-public_key",
            self.live.data / "log.vkey",
            "-ui=false",
            "-N=4",
        )
        return self._run("fsck", *own, *options)

    def _run(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [str(self.programs / program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
