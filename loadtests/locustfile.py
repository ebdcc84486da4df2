"""The users of the load test, run by `python -m loadtests.load`: whoever meets a hub in the field, in its proportions.

    verifier 5      a receipt in hand: is it good? a look at the log
    intake clerk 4  a holder's licenses over all counties, what another county asks for
    handler 3       faces, the case on the desk
    holder 2        own licenses, and who read them
    auditor 1       entries against the hashes of the log, the county's statistics

Every user sends an access token of its role, read from a file that others keep fresh, and checks every answer for
content. Nothing of the hub's runs here: gevent has patched this process (loadtests/load/scene.py).
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final

import gevent
from locust import FastHttpUser, LoadTestShape, events, task
from locust.env import Environment
from locust.exception import StopUser

from ledger.errors import TongbanError
from loadtests import answers
from loadtests.load.scene import Scene, Tokens, read_tokens
from loadtests.load.shapes import SHAPES, Stage, stage_at, users_for
from loadtests.load.tally import Answer, Tally
from loadtests.operations import operation
from loadtests.population import USE_CAUSE, Holder

__all__ = ["Auditor", "CitizenAtPortal", "Handler", "IntakeClerk", "Schedule", "Verifier"]

_CEILING_S: Final = 2.0
_CEILING_USERS: Final = 16
_TOKENS_S: Final = 5.0  # how often the file is looked at
_SPAWN_PART: Final = 0.5  # of the users, that come or go in a second
_AWAY: Final = frozenset({429, 503})
_FAULT_CHARS: Final = 160


@dataclass(slots=True, kw_only=True)
class Run:
    """One run: its scene and stages, and the tally of what was seen.

    shares: of a core that this process took, by stage.
    """

    scene: Scene
    stages: list[Stage]
    token_file: Path
    tally: Tally = field(default_factory=Tally)
    stage: str = ""
    began: float = 0.0
    pace: float | None = 1.0
    taken: Any = field(default_factory=count)
    shares: dict[str, float] = field(default_factory=dict)
    _cpu_s: float = 0.0
    _tokens: Tokens = field(default_factory=dict)
    _tokens_until: float = 0.0

    def token(self, role: str, number: int) -> str:
        """Give a token of a role as it stands in the file now."""
        if time.monotonic() > self._tokens_until:
            self._tokens, self._tokens_until = read_tokens(self.token_file), time.monotonic() + _TOKENS_S
        tokens = self._tokens[role]
        return tokens[number % len(tokens)]

    def enter(self, stage: str) -> None:
        """Leave the stage that runs, and enter another one."""
        self.leave()
        self.stage, self.began, self._cpu_s = stage, time.monotonic(), time.process_time()

    def leave(self) -> None:
        """Settle the stage that runs; what still comes belongs to it."""
        if self.stage:
            self.shares[self.stage] = (time.process_time() - self._cpu_s) / max(time.monotonic() - self.began, 1.0)

    def next_holder(self) -> Holder:
        """Give the next holder; all users together go round through all of them."""
        return self.scene.holders[next(self.taken) % len(self.scene.holders)]


_RUNS: Final[list[Run]] = []


@events.init_command_line_parser.add_listener
def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--scene", help="scene.json")
    parser.add_argument("--token-file", help="tokens.json (0600), read again and again")
    parser.add_argument("--tally", help="file for what was seen")
    parser.add_argument("--shape-name", choices=sorted(SHAPES))
    parser.add_argument("--shape-users", type=int)
    parser.add_argument("--shape-seconds", type=float)
    parser.add_argument("--pace", type=float)


@events.init.add_listener
def _set_up(environment: Environment, **_: object) -> None:
    """Set the scene, and measure this generator before the clock of the run starts."""
    options = environment.parsed_options
    if options is None or not options.scene:
        raise SystemExit("start it with `make load`, or python -m loadtests.load")
    scene = Scene.read(Path(options.scene))
    stages = SHAPES[options.shape_name](options.shape_users, options.shape_seconds, options.pace)
    _RUNS.append(Run(scene=scene, stages=stages, token_file=Path(options.token_file)))
    ceiling = _ceiling(environment, scene.statics)
    environment.events.quitting.add_listener(lambda **_: _write(Path(options.tally), ceiling))


def _write(path: Path, ceiling: float) -> None:
    run = _RUNS[0]
    document = {"ceiling": ceiling, "generator": run.shares, **run.tally.document()}
    path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")


def _ceiling(environment: Environment, url: str) -> float:
    """Measure what a few users reach against the constant reply, requests a second."""
    _Idler.host = url
    users = [_Idler(environment) for _ in range(_CEILING_USERS)]
    end, done = time.monotonic() + _CEILING_S, [0] * len(users)

    def ask(number: int) -> None:
        while time.monotonic() < end:
            users[number].client.post("/", data=b"{}", name="(ceiling)")
            done[number] += 1

    gevent.joinall([gevent.spawn(ask, number) for number in range(len(users))], raise_error=True)
    environment.stats.reset_all()
    return sum(done) / _CEILING_S


class Schedule(LoadTestShape):
    """Follows the stages of the chosen shape; the overload follows from what was reached flat out."""

    def tick(self) -> tuple[int, float] | None:
        """Say how many users there are now; None ends the run."""
        run = _RUNS[0]
        stage = stage_at(run.stages, self.get_run_time())
        if stage is None:
            run.leave()
            return None
        if stage.name != run.stage:
            users, run.pace = users_for(stage, run.tally.stage("full").goodput)
            run.enter(stage.name)
            self._target = (users, max(1.0, _SPAWN_PART * max(users, self.get_current_user_count())))
        return self._target


class _Idler(FastHttpUser):
    """Measures the generator; never spawned."""

    abstract = True


class _Partner(FastHttpUser):
    """A user with a token of its role. Bounded: 3 s to connect, 10 s for an answer."""

    abstract = True
    connection_timeout = 3.0
    network_timeout = 10.0
    max_retries = 0
    role: ClassVar[str] = "PARTNER_SYSTEM"

    def on_start(self) -> None:
        """Take part in the run."""
        if not _RUNS:
            raise StopUser
        self.run_: Run = _RUNS[0]
        self.number = next(self.run_.taken)
        self._due = time.monotonic()

    def wait_time(self) -> float:
        """Wait until the next question is due; who is behind asks at once, and does not catch up."""
        now, pace = time.monotonic(), self.run_.pace
        if pace is None:
            return 0.0
        self._due = max(now, self._due + 1 / pace)
        return self._due - now

    def ask(self, name: str, variables: dict[str, object], check: Callable[[dict[str, Any]], Any]) -> Any:
        """Ask one operation and check its answer; gives what the check gives, None when it failed."""
        body = {"query": operation(name), "variables": variables}
        return self._exchange("POST", "/graphql", name, lambda answer: check(answer.json()), json=body)

    def fetch(self, path: str, name: str, check: Callable[[bytes], Any]) -> Any:
        """Get what lies at a path of the log and check it; gives what the check gives, None when it failed."""
        return self._exchange("GET", path, name, lambda answer: check(answer.content))

    def _exchange(self, method: str, path: str, name: str, check: Callable[[Any], Any], **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.run_.token(self.role, self.number)}"}
        start, found, fault = time.perf_counter(), None, ""
        with self.client.request(method, path, name=name, headers=headers, catch_response=True, **options) as response:
            verdict: Answer = "good"
            if response.status_code in _AWAY:
                verdict = "away"
                response.success()  # to say no in time is right; the tally counts it apart
            elif not response.status_code:
                verdict, fault = "wrong", f"no answer: {type(response.error).__name__}"
                response.failure(fault)
            else:
                try:
                    found = check(response)
                except answers.PartialAnswerError as error:
                    verdict, fault = "partial", f"{response.status_code}: {error}"
                    response.success()  # what is there is right; the tally counts it apart
                except (TongbanError, ValueError, KeyError, TypeError) as error:
                    verdict, fault = "wrong", f"{response.status_code}: {error}"[:_FAULT_CHARS]
                    response.failure(fault)
        wait = (time.perf_counter() - start) * 1000
        run = self.run_
        run.tally.count(run.stage, time.monotonic() - run.began, name, verdict, wait, fault)
        return found


class Verifier(_Partner):
    """A bank or another county: is shown a receipt, verifies it, and now and then looks at the log."""

    weight = 5

    def on_start(self) -> None:
        """Have nothing in hand yet."""
        super().on_start()
        self.receipt: str | None = None
        self.size = 0

    @task(2)
    def take_receipt(self) -> None:
        """Get a fresh receipt of some license, as a holder would bring it."""
        holder = self.run_.next_holder()
        variables: dict[str, object] = {
            "certificateIdentifier": holder.identifiers[0], "useCause": USE_CAUSE, "basis": holder.basis(),
        }  # fmt: skip
        self.receipt = self.ask("receipt", variables, answers.check_receipt) or self.receipt

    @task(6)
    def verify(self) -> None:
        """Verify the receipt in hand."""
        if self.receipt is not None:
            self.ask("verify", {"receipt": self.receipt}, answers.check_verdict)

    @task(1)
    def look_at_log(self) -> None:
        """See that the log only grows."""
        size = self.ask("checkpoint", {}, lambda answer: answers.check_checkpoint(answer, self.size))
        self.size = size or self.size


class IntakeClerk(_Partner):
    """Takes applicants in: looks their licenses up, and what the deciding county asks for."""

    weight = 4
    role = "INTAKE_CLERK"

    @task(8)
    def look_up(self) -> None:
        """Look a holder's licenses up, over all counties."""
        holder = self.run_.next_holder()
        self.ask("licenses", holder.variables(), lambda answer: answers.check_licenses(answer, holder))

    @task(3)
    def see_offering(self) -> None:
        """See which materials a county asks for; none where the scene has no offering."""
        offered = self.run_.scene.offerings
        if offered:
            matter, county = offered[next(self.run_.taken) % len(offered)]
            variables: dict[str, object] = {"matter": matter, "county": county}
            self.ask("offering", variables, lambda answer: answers.check_offering(answer, matter, county))


class Handler(_Partner):
    """Decides at home: reads the faces in the place of papers, and the case on the desk."""

    weight = 3
    role = "HANDLER"

    @task(2)
    def read_faces(self) -> None:
        """Read two fields of each of a holder's faces, from the counties that keep them."""
        holder = self.run_.next_holder()
        self.ask("faces", holder.variables(), lambda answer: answers.check_faces(answer, holder))

    @task(3)
    def read_case(self) -> None:
        """Read a case; none where the scene has none."""
        cases = self.run_.scene.cases
        if cases:
            number = cases[next(self.run_.taken) % len(cases)]
            variables: dict[str, object] = {"number": number, "useCause": USE_CAUSE}
            self.ask("case", variables, lambda answer: answers.check_case(answer, number))


class CitizenAtPortal(_Partner):
    """A holder, signed in at the county's portal: own licenses, and who read them."""

    weight = 2
    role = "HOLDER"

    def on_start(self) -> None:
        """Be the holder whom the token names."""
        super().on_start()
        self.run_.token(self.role, 0)
        signed_in = len(self.run_._tokens[self.role])  # noqa: SLF001  # of this module
        self.number %= signed_in
        self.holder = self.run_.scene.holders[self.number]

    @task(3)
    def see_own(self) -> None:
        """See the own licenses."""
        self.ask("own", self._variables(), lambda answer: answers.check_own(answer, self.holder))

    @task(1)
    def see_reads(self) -> None:
        """See who read them."""
        self.ask("reads", self._variables(), answers.check_reads)

    def _variables(self) -> dict[str, object]:
        return {"holder": self.holder.variables()["holder"], "useCause": USE_CAUSE}


class Auditor(_Partner):
    """Looks after the others: entries of the log against its hashes, and what the county reports."""

    weight = 1
    role = "AUDITOR"

    @task(2)
    def read_entries(self) -> None:
        """Read a bundle of entries, and the tile of hashes above it."""
        size = self.fetch("/ledger/checkpoint", "log checkpoint", answers.checkpoint_size)
        if size:
            path, above = answers.bundle_paths(size, next(self.run_.taken))
            hashes = self.fetch(above, "log tile", answers.tile_of_hashes)
            if hashes is not None:
                self.fetch(path, "log entries", lambda data: answers.check_bundle(data, hashes))

    @task(1)
    def read_statistics(self) -> None:
        """Read the county's month."""
        month, county = f"{datetime.now(UTC):%Y-%m}", self.run_.scene.county
        variables: dict[str, object] = {"county": county, "from": f"{month}-01", "to": f"{month}-28"}
        self.ask("statistics", variables, lambda answer: answers.check_statistics(answer, county))
