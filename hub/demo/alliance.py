"""A small alliance on one machine: a hub and county nodes as separate processes on loopback.

What `tongban demo`, `make serve`, the kill tests and the benchmarks stand on. Every part is the real one: the same
founding, the same command line, the same files as in production; only the addresses are loopback.

    alliance = Alliance.found(folder, SAMPLE)
    with alliance.running():
        ...
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from hub.consentdesk import new_consent_id
from hub.county.folder import init_county, open_county
from hub.county.member import MemberFile
from hub.county.node import CountyNode
from hub.governance.founding import draft_genesis, draft_policy, found_ledger, make_hub_keys
from hub.hubdesk import state_records
from hub.ingest.data import read_table
from hub.ingest.offerings import sample_offerings
from hub.journal.consents import build_consent
from hub.keyfiles import make_private_folder, read_passphrase, write_private
from hub.processes import Child, free_ports
from ledger.consents import Consent, Purpose
from ledger.errors import Unavailable
from ledger.identifiers import holder_key
from ledger.workdays import china_day

__all__ = ["SAMPLE", "Alliance", "EngineChoice"]

SAMPLE: Final = ("130283", "320412", "320583", "370214", "370783")
"""Five counties of three provinces. Only 370214 is a confirmed member of the real alliance; the others are samples."""

_DOMAIN: Final = "tongban.example"
_DAY_S: Final = 86_400
_BUNDLE: Final = 1000
_EVIDENCE: Final = sha256(b"sample consent form\n").digest()
_HANDED_OUT: Final = ("genesis", "policy", "hub-jwks.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """Which graph engine the hub uses: its `TONGBAN_*` variables; by default the embedded one."""

    variables: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Alliance:
    """A founded alliance: its folder, its counties, its processes by name (`hub` or a county's code).

    hub_program: module and arguments that start the hub; the demo and the tests put a dishonest one in its place.
    """

    folder: Path
    counties: tuple[str, ...]
    hub_port: int
    ports: dict[str, int]
    engine: EngineChoice = field(default_factory=EngineChoice)
    children: dict[str, Child] = field(default_factory=dict)
    auditors: frozenset[str] = frozenset()
    dev: bool = False
    hub_program: tuple[str, ...] = ("hub", "serve")

    @classmethod
    def found(
        cls,
        folder: Path,
        counties: Sequence[str] = SAMPLE,
        *,
        provinces: int = 2,
        engine: EngineChoice | None = None,
        auditors: Collection[str] = (),
        suites: Mapping[str, str] | None = None,
    ) -> Alliance:
        """Make keys for the hub and every county, sign genesis by all, create the ledger, hand out its files.

        provinces: how many provinces a quorum needs. auditors: counties that run one; the others run a witness.
        suites: of the seal keys by county, Ed25519 where none is named. Raises Conflict already_exists.
        """
        make_private_folder(folder)
        hub_port, *ports = free_ports(len(counties) + 1)
        alliance = cls(folder, tuple(counties), hub_port, dict(zip(counties, ports, strict=True)))
        alliance.engine, alliance.auditors = engine or EngineChoice(), frozenset(auditors)
        now, holder = int(time.time()), secrets.token_bytes(32)
        for name in ("hub", *counties):
            write_private(alliance.passphrase_file(name), secrets.token_urlsafe(24).encode() + b"\n")
        seal_algs = {county: (suites or {}).get(county, "Ed25519") for county in counties}
        members = [alliance._county(county, holder, now, seal_algs[county]) for county in counties]
        alliance._hub(members, holder, provinces, now)
        return alliance

    def _county(self, county: str, holder: bytes, now: int, seal_alg: str) -> MemberFile:
        names = {row["code"]: row["name"] for row in read_table("divisions")}
        return init_county(
            self.data(county),
            county=county,
            name=names[county],
            domain=_DOMAIN,
            listen_url=self.url(county),
            hub_url=self.url("hub"),
            passphrase=read_passphrase(self.passphrase_file(county)),
            holder_key=holder,
            random=secrets.token_bytes,
            now=now,
            seal_alg=seal_alg,
            auditor=county in self.auditors,
        )

    def _hub(self, members: Sequence[MemberFile], holder: bytes, provinces: int, now: int) -> None:
        data, passphrase = self.data("hub"), read_passphrase(self.passphrase_file("hub"))
        origin = f"127.0.0.1:{self.hub_port}/ledger"
        key = make_hub_keys(data, origin=origin, passphrase=passphrase, holder=holder, random=secrets.token_bytes)
        payload = draft_genesis(members, origin=origin, k=len(members) // 2 + 1, iat=now)
        signatures: dict[str, tuple[str, str]] = {}
        for county in self.counties:
            with self.node(county) as node:
                signatures[county] = node.sign_genesis(payload)
        policy = draft_policy(members, log=key, url=f"http://{origin}", provinces_needed=provinces)
        found_ledger(data, payload=payload, signatures=signatures, policy=policy, passphrase=passphrase)
        nodes = "".join(f'"{county}" = "{self.url(county)}"\n' for county in self.counties)
        (data / "hub.toml").write_text(f"[nodes]\n{nodes}", encoding="utf-8")
        for county in self.counties:
            for name in _HANDED_OUT:
                shutil.copyfile(data / name, self.data(county) / name)

    def data(self, name: str) -> Path:
        """The data folder of the hub or of a county."""
        return self.folder / name

    def passphrase_file(self, name: str) -> Path:
        """The passphrase file of the hub or of a county."""
        return self.folder / f"{name}.pass"

    def url(self, name: str) -> str:
        """The loopback URL of the hub or of a county's node."""
        return f"http://127.0.0.1:{self.hub_port if name == 'hub' else self.ports[name]}"

    @contextmanager
    def node(self, county: str) -> Iterator[CountyNode]:
        """Open a county's folder in this process, as its commands do beside the serving process."""
        passphrase = read_passphrase(self.passphrase_file(county))
        node = open_county(self.data(county), passphrase, random=secrets.token_bytes)
        try:
            yield node
        finally:
            node.close()

    def publish_offerings(self, now: int) -> int:
        """Let every county publish its sample offerings, in force from today on; give their number."""
        day, count = china_day(now).isoformat(), 0
        for county in self.counties:
            with self.node(county) as node:
                for claims in sample_offerings(county, day):
                    count += node.offerings.publish(claims, now).fresh
        return count

    def await_offerings(self, seconds: float = 60.0) -> None:
        """Wait until the hub's journal has taken every offering that was published. Raises Unavailable not_ready."""
        end = time.monotonic() + seconds
        for county in self.counties:
            with self.node(county) as node:
                while any(each.state != "stated" for each in node.offerings.all()):
                    if time.monotonic() > end:
                        raise Unavailable("not_ready", f"the offerings of {county} are not all stated yet")
                    time.sleep(0.1)

    def record_consents(self, county: str, holders: Sequence[tuple[str, str]], now: int) -> list[str]:
        """Let a county record that holders let it read every field for a day; ids in order. The hub must run.

        holders: kind of code and code. The evidence is a sample text. Raises Unavailable not_ready.
        """
        with self.node(county) as node:
            key, ids, raws = node.keys.key("journal"), [], []
            for holder in holders:
                consent = Consent(
                    id=new_consent_id(node), county=county, matter=None, fields=None, purpose=Purpose.HANDLING,
                    expires=now + _DAY_S,
                )  # fmt: skip
                named = holder_key(node.keys.holder, *holder)
                raws.append(
                    build_consent(consent, holder=named, evidence=_EVIDENCE, iat=now, kid=key.kid, signer=key.signer)
                )
                ids.append(consent.id)
            for start in range(0, len(raws), _BUNDLE):
                state_records(node, raws[start : start + _BUNDLE])
        return ids

    def start(self, *names: str, graph: bool = True) -> None:
        """Start processes side by side, and return when each answers; the hub with its graph, or already before.

        Raises Unavailable not_ready.
        """
        for name in names:
            self.children[name] = self._child(name, "readyz" if graph and name == "hub" else "healthz")
            self.children[name].start()
        for name in names:
            self.children[name].wait_ready()

    def stop(self, *names: str) -> None:
        """Stop processes by SIGTERM, each waited for."""
        for name in names:
            self.children.pop(name).stop()

    def kill(self, name: str) -> None:
        """Kill a process at once, as a crash would."""
        self.children.pop(name).kill()

    @contextmanager
    def running(self, *, dev: bool = False, graph: bool = True) -> Iterator[None]:
        """Run the hub (`dev`: with its explorer page) and every county node; all that runs at the end is stopped."""
        self.dev = dev
        try:
            self.start("hub", *self.counties, graph=graph)
            yield
        finally:
            self.stop(*list(self.children))

    def _child(self, name: str, ready: str) -> Child:
        secret = ["--passphrase-file", str(self.passphrase_file(name))]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("TONGBAN_")}
        if name == "hub":
            arguments = [*self.hub_program, "--data", str(self.data("hub")), *secret, "--port", str(self.hub_port)]
            arguments += ["--config", str(self.data("hub") / "hub.toml"), *(["--dev"] if self.dev else [])]
        else:
            auditor = ["--auditor"] if name in self.auditors else []
            arguments = ["hub", "county", "serve", "--data", str(self.data(name)), *secret, *auditor]
        return Child(
            name=name,
            arguments=["-m", *arguments],
            log=self.folder / f"{name}.log",
            ready_url=f"{self.url(name)}/{ready}",
            environment={**clean, **(self.engine.variables if name == "hub" else {})},
        )
