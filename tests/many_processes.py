"""A hub with reader processes: licenses written to it, looked up, and what the kernel and the journal say of it.

with ManyProcesses.running(folder, TONGBAN_WORKERS="2") as world:
    written = world.write()
    world.look_up(written.identifier, "cause", after=written.token)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from hub.county.licenses import LicenseRecord
from hub.county.node import CountyNode
from hub.county.sealing import Sealer
from hub.demo.alliance import Alliance, EngineChoice
from hub.endpoints import READ_AFTER_HEADER
from hub.partner import access_token
from ledger.transparency.tiles import encode_bundle
from schema.context import Access
from tests.kill.processes import Process, children_of
from tests.kill.stored import stored_in
from tests.kill.world import licenses_of, wait_until

__all__ = ["OTHER", "SEALING", "ManyProcesses", "Written"]

SEALING: Final = "320583"
OTHER: Final = "370214"
_BUNDLE: Final = {"Content-Type": "application/octet-stream"}
_LICENSE: Final = """\
query ($id: LicenseIdentifier!, $cause: UseCause!) {
  license(certificateIdentifier: $id, useCause: $cause) { certificateIdentifier status }
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A license that the hub has taken. token: what a query names to see it."""

    identifier: str
    token: str


@dataclass(slots=True)
class ManyProcesses:
    """A running alliance of two counties of two provinces. tokens: access tokens by county."""

    alliance: Alliance
    tokens: dict[str, str] = field(default_factory=dict)
    _licenses: Iterator[LicenseRecord] = field(default_factory=lambda: licenses_of(SEALING))

    @classmethod
    @contextmanager
    def running(cls, folder: Path, **settings: str) -> Iterator[ManyProcesses]:
        """Found and run it, with these settings of the hub."""
        choice = EngineChoice(variables=settings)
        world = cls(Alliance.found(folder / "alliance", (SEALING, OTHER), provinces=2, engine=choice))
        with world.alliance.running(graph=False):
            wait_until(lambda: world.get("/readyz").status_code == 200, "the hub is ready")
            yield world

    @property
    def url(self) -> str:
        """The hub's URL."""
        return self.alliance.url("hub")

    def processes(self) -> list[Process]:
        """The hub's children, and the hub."""
        pid = self.alliance.children["hub"].pid
        return [Process.of(pid), *children_of(pid)]

    def readers(self) -> list[Process]:
        """The hub's reader processes."""
        return [each for each in self.processes() if "hub.readers" in each.command]

    def await_readers(self, count: int) -> None:
        """Wait until so many take documents."""
        wait_until(lambda: self.get("/readyz").json().get("readers", {}).get("ready") == count, f"{count} readers")

    @contextmanager
    def node(self, county: str) -> Iterator[CountyNode]:
        """Open a county's folder."""
        with self.alliance.node(county) as node:
            yield node

    def token(self, county: str = SEALING) -> str:
        """Give an access token of a county's own system, which needs no basis for its own licenses."""
        if county not in self.tokens:
            with self.node(county) as node:
                self.tokens[county] = access_token(node, "license.read.own")
        return self.tokens[county]

    def get(self, path: str) -> httpx2.Response:
        """Fetch a path of the hub."""
        return httpx2.get(self.url + path, timeout=60.0, trust_env=False)

    def write(self) -> Written:
        """Submit the seal of one license, and state it; give what a query names to see both."""
        now, license_ = int(time.time()), next(self._licenses)
        with self.node(SEALING) as node:
            sealed = Sealer(keys=node.keys, random=node.random).seal(license_, license_.claims(), now)
        self._post("/ledger/entries", sealed.entry)
        return Written(identifier=license_.identifier, token=self._post("/journal/records", sealed.journal))

    def _post(self, path: str, payload: bytes) -> str:
        body = encode_bundle([payload])
        answer = httpx2.post(self.url + path, content=body, headers=_BUNDLE, timeout=60.0, trust_env=False)
        assert answer.status_code in {200, 202}, answer.text
        return str(answer.headers[READ_AFTER_HEADER])

    def look_up(
        self, identifier: str, cause: str, *, after: str | None = None, county: str = SEALING
    ) -> httpx2.Response:
        """Look a license up, behind a write where one is named."""
        variables = {"id": identifier, "cause": cause}
        return self.ask(_LICENSE, variables, county=county, **({} if after is None else {"readAfter": after}))

    def ask(self, document: str, variables: Any = None, *, county: str = SEALING, **extensions: Any) -> httpx2.Response:
        """Send one document."""
        headers = {"Authorization": f"Bearer {self.token(county)}", "Accept": "application/graphql-response+json"}
        body = {"query": document, "variables": variables or {}, "extensions": extensions}
        return httpx2.post(f"{self.url}/graphql", json=body, headers=headers, timeout=60.0, trust_env=False)

    def accesses(self, folder: Path) -> list[Access]:
        """Give the access records that the journal holds, in order."""
        with stored_in(self.alliance.data("hub"), folder) as stored:
            return stored.accesses
