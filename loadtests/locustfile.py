"""Load test of a hub with Locust: clerks who take in at their counters, and verifiers with receipts in hand.

    locust --config loadtests/locust.conf                                        founds and starts a sample alliance
    locust --config loadtests/locust.conf --host https://hub.example \
           --county-data DIR --passphrase-file FILE --holders holders.ndjson     a hub that runs

Every user has an access token of its own, from a signed assertion (RFC 7523) under the county's client key; every
answer is checked for content. Beside the figures stands the generator's own ceiling: what it reaches against /healthz.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final

import gevent
from locust import FastHttpUser, between, events, task
from locust.env import Environment
from locust.exception import StopUser

from hub.county.folder import open_county
from hub.county.node import CountyNode
from hub.demo.alliance import SAMPLE
from hub.ingest.data import read_table
from hub.keyfiles import read_passphrase
from hub.partner import access_token
from loadtests import answers
from loadtests.bench.town import running_town
from loadtests.operations import operation
from loadtests.population import USE_CAUSE, Holder, read_holders

__all__ = ["IntakeClerk", "Verifier"]

_SCOPES: Final = "license.read license.face"
_TOKEN_S: Final = 300  # half of a token's life
_CEILING_S: Final = 2.0
_ASKING: Final = "320583"
_LICENSES: Final = 300


@dataclass(slots=True)
class Scene:
    """What the users share. node: the county whose client key signs their assertions. hub_url: for the token."""

    node: CountyNode
    holders: tuple[Holder, ...]
    taken: Iterator[int]

    def next_holder(self) -> Holder:
        """Give the next holder; all users together go round through all of them."""
        return self.holders[next(self.taken) % len(self.holders)]


_STAGE: Final = ExitStack()
_SCENES: Final[list[Scene]] = []


@events.init_command_line_parser.add_listener
def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--county-data", help="data folder of the county that asks; without it a sample is started")
    parser.add_argument("--passphrase-file", help="file (0600) with the passphrase of that county's keys")
    parser.add_argument("--holders", help="NDJSON file of holders with the licenses that must be found")


@events.init.add_listener
def _set_up(environment: Environment, **_: object) -> None:
    """Set the scene before the clock of the run starts."""
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs every poll of a start
    options = environment.parsed_options
    if options is not None and options.county_data:
        node = open_county(
            Path(options.county_data), read_passphrase(Path(options.passphrase_file)), random=secrets.token_bytes
        )
        _STAGE.callback(node.close)
        scene = Scene(node, read_holders(Path(options.holders)), count())
    else:
        scene, environment.host = _STAGE.enter_context(_sample())
    _SCENES.append(scene)
    print(f"ceiling of this generator against /healthz: {_ceiling(environment):,.0f} requests/s")


@events.quitting.add_listener
def _tear_down(**_: object) -> None:
    _SCENES.clear()
    _STAGE.close()


@contextmanager
def _sample() -> Iterator[tuple[Scene, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="tongban-load-") as folder,
        running_town(Path(folder) / "alliance", licenses=_LICENSES) as town,
        town.alliance.node(_ASKING) as node,
    ):
        yield Scene(node, town.population.holders, count()), town.url


def _ceiling(environment: Environment) -> float:
    """Measure what a few greenlets reach against a route that does nothing."""
    _Idler.host = environment.host
    users = [_Idler(environment) for _ in range(8)]
    end, done = time.monotonic() + _CEILING_S, [0] * len(users)

    def ask(number: int) -> None:
        while time.monotonic() < end:
            users[number].client.get("/healthz", name="(ceiling)")
            done[number] += 1

    gevent.joinall([gevent.spawn(ask, number) for number in range(len(users))], raise_error=True)
    environment.stats.reset_all()
    return sum(done) / _CEILING_S


class _Partner(FastHttpUser):
    """A user with a token of its own. Bounded: 3 s to connect, 10 s for an answer."""

    abstract = True
    connection_timeout = 3.0
    network_timeout = 10.0

    def on_start(self) -> None:
        """Take part in the scene; the token comes with the first question."""
        if not _SCENES:
            raise StopUser
        self.scene = _SCENES[0]
        self._token, self._token_until = "", 0.0

    def ask(self, name: str, variables: dict[str, object], check: Callable[[dict[str, Any]], Any]) -> Any:
        """Ask one operation and check its answer; gives what the check gives, None when it failed."""
        body = {"query": operation(name), "variables": variables}
        headers = {"Authorization": f"Bearer {self._fresh_token()}"}
        with self.client.post("/graphql", json=body, headers=headers, name=name, catch_response=True) as response:
            try:
                return check(response.json())
            except (ValueError, KeyError, TypeError) as error:
                response.failure(f"{response.status_code}: {error}")
                return None

    def _fresh_token(self) -> str:
        if time.monotonic() > self._token_until:
            self._token, self._token_until = access_token(self.scene.node, _SCOPES), time.monotonic() + _TOKEN_S
        return self._token


class _Idler(FastHttpUser):
    """Measures the generator; never spawned."""

    abstract = True


class IntakeClerk(_Partner):
    """Takes applicants in: looks their licenses up, reads some faces, and what the deciding county asks for."""

    weight = 3
    wait_time = between(0.0, 0.02)
    offerings: ClassVar = [
        (row["matter_code"], row["county"]) for row in read_table("offerings") if row["county"] in SAMPLE
    ]

    @task(8)
    def look_up(self) -> None:
        """Look a holder's licenses up, over all counties."""
        holder = self.scene.next_holder()
        self.ask("licenses", holder.variables(), lambda answer: answers.check_licenses(answer, holder))

    @task(2)
    def read_faces(self) -> None:
        """Read two fields of each of a holder's faces, from the counties that keep them."""
        holder = self.scene.next_holder()
        self.ask("faces", holder.variables(), lambda answer: answers.check_faces(answer, holder))

    @task(2)
    def see_offering(self) -> None:
        """See which materials a county asks for."""
        matter, county = self.offerings[next(self.scene.taken) % len(self.offerings)]
        variables: dict[str, object] = {"matter": matter, "county": county}
        self.ask("offering", variables, lambda answer: answers.check_offering(answer, matter, county))


class Verifier(_Partner):
    """A bank or another county: is shown a receipt, verifies it, and now and then looks at the log."""

    weight = 1
    wait_time = between(0.0, 0.02)

    def on_start(self) -> None:
        """Have nothing in hand yet."""
        super().on_start()
        self.receipt: str | None = None
        self.size = 0

    @task(2)
    def take_receipt(self) -> None:
        """Get a fresh receipt of some license, as a holder would bring it."""
        holder = self.scene.next_holder()
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
