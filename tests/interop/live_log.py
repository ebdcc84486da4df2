"""A live log and its foreign readers: an alliance of three counties, visited by Go programs at growing sizes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hub.alliance import Alliance
from hub.commands.ingest import sample_normaliser
from hub.ingest import ingest_feed
from hub.ingest.feeds import Feed
from hub.ingest.generate import FeedPlan, feed_lines
from hub.partner import access_token, ask
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import Note
from ledger.transparency.policy import Policy

__all__ = ["COUNTIES", "LiveLog", "Visit", "build_programs"]

COUNTIES: Final = ("130283", "320583", "370214")
_SEALING: Final = "370214"
_FSCK: Final = "github.com/transparency-dev/tessera/cmd/fsck"
_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.1


def build_programs(folder: Path) -> None:
    """Build `verify` (ours, over golang.org/x/mod) and Tessera's `fsck` into a folder."""
    command = ["go", "build", "-buildvcs=false", "-mod=readonly", "-o", f"{folder}/", "./verify", _FSCK]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True, slots=True)
class Visit:
    """What was published during a visit, and what the programs said."""

    note: bytes
    checkpoint: Checkpoint
    verify: subprocess.CompletedProcess[str]
    fsck: subprocess.CompletedProcess[str]


@dataclass(slots=True)
class LiveLog:
    """A running alliance. programs: folder of the Go programs. sealed: licenses so far."""

    alliance: Alliance
    programs: Path
    sealed: int = 0
    visits: list[Visit] = field(default_factory=list)

    @classmethod
    @contextmanager
    def running(cls, folder: Path, programs: Path) -> Iterator[LiveLog]:
        """Found an alliance and run it."""
        alliance = Alliance.found(folder / "alliance", COUNTIES, provinces=2)
        with alliance.running(graph=False):
            log = cls(alliance, programs)
            policy = Policy.parse(log.file("policy").read_bytes())
            log.cosigners.write_text("".join(f"{each.key.vkey()}\n" for each in policy.witnesses), encoding="utf-8")
            yield log

    @property
    def url(self) -> str:
        """Prefix of the log."""
        return f"{self.alliance.url('hub')}/ledger"

    def file(self, name: str) -> Path:
        """A file of the hub's folder."""
        return self.alliance.data("hub") / name

    @property
    def cosigners(self) -> Path:
        """File with the witnesses' vkeys."""
        return self.alliance.folder / "cosigners"

    def token(self) -> str:
        """Get a member's access token for entries."""
        with self.alliance.node(_SEALING) as node:
            return access_token(node, "ledger.entries")

    def seal(self, count: int) -> None:
        """Seal licenses, and wait until each is witnessed and stated."""
        seed = self.sealed + 1
        feed = self.alliance.folder / f"feed-{seed}.csv"
        plan = FeedPlan(county=_SEALING, count=count, as_of=datetime.now(UTC).date(), seed=seed)
        feed.write_text("".join(feed_lines(plan)), encoding="utf-8")
        with self.alliance.node(_SEALING) as node:
            normaliser, rejects = sample_normaliser(_SEALING, _now()), feed.with_suffix(".rejects")
            ingest_feed(Feed.open(feed), node, normaliser, rejects=rejects, clock=_now)
            self.sealed += count
            _wait(lambda: node.status(_now()).stated == self.sealed)

    def note(self) -> bytes:
        """Give the checkpoint as it is served."""
        return ask("GET", f"{self.url}/checkpoint").content

    def visit(self, *options: object) -> None:
        """Let both programs read the log at one size; options: more of those of `verify`."""
        _wait(lambda: len(Note.parse(self.note()).signatures) == 1 + len(COUNTIES))
        while True:
            before, token = self.note(), self.token()
            verify = self.verify("-cosigners", self.cosigners, "-token", token, *options)
            fsck = self.fsck("-bearer_token", token)
            text = Note.parse(before).text
            if Note.parse(self.note()).text == text:  # no heartbeat came between
                self.visits.append(Visit(before, Checkpoint.parse(text), verify, fsck))
                return

    def verify(self, *options: object, key: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `verify`."""
        return self._run("verify", "-url", self.url, "-key", key or self.file("log.vkey"), *options)

    def fsck(self, *options: object) -> subprocess.CompletedProcess[str]:
        """Run Tessera's fsck, which always exits 0 and says on stderr what it found."""
        own = ("-storage_url", f"{self.url}/", "-public_key", self.file("log.vkey"), "-ui=false", "-N=4")
        return self._run("fsck", *own, *options)

    def _run(self, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command: Sequence[str] = [str(self.programs / program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _now() -> int:
    return int(time.time())


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the alliance did not get there in time"
        time.sleep(_POLL_S)
