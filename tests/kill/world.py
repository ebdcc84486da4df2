"""An alliance that is killed again and again: its processes, its callers, and what they were told so far.

    world = World.found(folder, choice, graph)
    with world.running():
        for seed in seeds:
            with world.load(seed) as load:
                ...kill...
            world.start("hub")
            check(world, load.account)

All processes are started from the calling thread: a child ends with the thread that started it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Final

from hub.assertion import ASSERTION_TYPE
from hub.commands.ingest import sample_normaliser
from hub.county.licenses import LicenseRecord
from hub.county.node import CountyNode
from hub.county.sealing import Sealer
from hub.demo.alliance import Alliance, EngineChoice
from hub.graph.engine import Engine
from hub.ingest.feeds import RawRow
from hub.ingest.generate import FeedPlan, feed_rows
from hub.partner import ask
from tests.kill.account import Account
from tests.kill.caller import Caller
from tests.kill.casework import Casework
from tests.kill.load import Load, Prepared, Supply
from tests.kill.processes import Process, children_of

__all__ = ["COUNTIES", "OUTBOX", "World", "licenses_of", "wait_until"]

OUTBOX: Final = "370214"
"""The county that seals through its node's outbox."""
COUNTIES: Final = ("130283", "320583", OUTBOX)
"""Three counties of three provinces; two provinces make a quorum."""

_DIRECT: Final = "320583"
_DIRECT_A_ROUND: Final = 120
_OUTBOX_A_ROUND: Final = 60
_SUSPENDED_A_ROUND: Final = 3
_CASES: Final = 6
_ENOUGH: Final = 100_000


class World:
    """One alliance for all rounds of a kind. graph: gives the hub's engine as it is now.

    past: what was told in all rounds before. logged: licenses that the outbox county may still suspend. spent: the last
    request for a token, which must not be granted again. counts: what the rounds saw.
    """

    def __init__(self, alliance: Alliance, graph: Callable[[World], Engine], replay: Engine) -> None:
        self.alliance: Final = alliance
        self.replay: Final = replay
        self.past: Final = Account()
        self.logged: Final[list[str]] = []
        self.counts: Final[Counter[str]] = Counter()
        self.spent: dict[str, str] = {}
        self._graph: Final = graph
        self._numbers: Final = count(1)
        self._seen: Final[set[Process]] = set()
        self._nodes: Final[dict[str, CountyNode]] = {}
        self.casework: Final = Casework(self._nodes)
        self._licenses: Final = {county: licenses_of(county) for county in (_DIRECT, OUTBOX)}

    @classmethod
    def found(cls, folder: Path, choice: EngineChoice, graph: Callable[[World], Engine], replay: Engine) -> World:
        """Found the alliance; nothing runs yet. replay: an engine that may be emptied at any time."""
        return cls(Alliance.found(folder, COUNTIES, provinces=2, engine=choice), graph, replay)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run everything; at the end stop it, and make sure that no process of it is left."""
        with ExitStack() as stack:
            stack.callback(self._check_gone)
            for county in COUNTIES:
                self._nodes[county] = stack.enter_context(self.alliance.node(county))
            stack.enter_context(self.alliance.running())
            self.note_processes()
            yield
            self.note_processes()

    def note_processes(self) -> None:
        """Remember the processes that run now, the engine included."""
        for child in self.alliance.children.values():
            self._seen.update({Process.of(child.pid), *children_of(child.pid)})

    def _check_gone(self) -> None:
        """See that every process ever seen ends; a killed one's child has a moment to do so."""
        wait_until(lambda: not any(each.runs for each in self._seen), "all processes are gone")

    @property
    def url(self) -> str:
        """The hub's URL."""
        return self.alliance.url("hub")

    @property
    def node(self) -> CountyNode:
        """The outbox county's folder, opened beside its serving process."""
        return self._nodes[OUTBOX]

    def graph(self) -> Engine:
        """Give the hub's engine as it is now."""
        return self._graph(self)

    def engine_process(self) -> Process | None:
        """The hub's embedded engine, None while it has none."""
        return next(iter(children_of(self.alliance.children["hub"].pid)), None)

    def start(self, *names: str) -> None:
        """Start processes and wait until they answer; the hub's graph may come later."""
        self.alliance.start(*names, graph=False)
        self.note_processes()

    def kill(self, name: str) -> None:
        """Kill a process at once."""
        self.note_processes()
        self.alliance.kill(name)

    def kill_while_starting(self, name: str, after_s: float) -> None:
        """Start a process, and kill it before it is ready, or a little later."""
        child = self.alliance._child(name, "healthz")  # what `start` does, without the wait
        child.start()
        time.sleep(after_s)
        self._seen.update({Process.of(child.pid), *children_of(child.pid)})
        child.kill()

    def load(self, seed: int) -> Load:
        """Prepare a round's load; it begins with the block."""
        now, direct = int(time.time()), self._nodes[_DIRECT]
        sealer = Sealer(keys=direct.keys, random=direct.random)
        licenses = list(islice(self._licenses[_DIRECT], _DIRECT_A_ROUND))
        supply = Supply(
            name=f"round {next(self._numbers)} by seed {seed}",  # tests that share a world may share a seed
            url=self.url,
            token=self._token(),
            sealer=sealer,
            direct=[Prepared(license=each, sealed=sealer.seal(each, each.claims(), now)) for each in licenses],
            node=self.node,
            through_outbox=list(islice(self._licenses[OUTBOX], _OUTBOX_A_ROUND)),
            cases=self._cases(now),
            logged=[self.logged.pop() for _ in range(min(len(self.logged), _SUSPENDED_A_ROUND))],
        )
        return Load(supply, seed)

    def _cases(self, now: int) -> list[list[bytes]]:
        """Give what every open case still has before it; the offering of them all is stated before the first."""
        if (offering := self.casework.offer(now)) is not None:
            with Caller(self.url) as caller:
                (self.past.records[offering],) = caller.state([offering])
        self.casework.sign(_CASES - len(self.casework.open), now)
        return [list(case) for case in self.casework.open]

    def _token(self) -> str:
        node = self._nodes[_DIRECT]  # a county looks its own licenses up: that needs no basis
        self.spent = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": node.client_assertion(self.url, int(time.time())),
            "scope": "license.read.own",
        }
        return str(ask("POST", f"{self.url}/oauth/token", data=self.spent).json()["access_token"])

    def conclude(self, account: Account, counts: Counter[str]) -> None:
        """Take a round's account, checked and complete, into the past."""
        self.past.absorb(account)
        self.counts.update(counts)
        self.counts["rounds"] += 1


def wait_until(done: Callable[[], bool], what: str, *, seconds: float = 180.0) -> None:
    """Poll until `done`, within a generous limit."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def licenses_of(county: str) -> Iterator[LicenseRecord]:
    """Give licenses of a county without end, all different."""
    normaliser = sample_normaliser(county, int(time.time()))
    plan = FeedPlan(county=county, count=_ENOUGH, as_of=datetime.now(UTC).date())
    for line, row in enumerate(feed_rows(plan), 2):
        record = normaliser.record(RawRow(line, row))
        assert isinstance(record, LicenseRecord), record
        yield record
