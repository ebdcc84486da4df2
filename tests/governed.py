"""A governed alliance in one process: a real ledger, journal and log routes, witnessed by the nodes themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import httpx2
from starlette.applications import Starlette

from hub.county import CountyNode, open_county
from hub.county.delivery import Delivery
from hub.county.evidence import EvidenceCheck
from hub.county.following import KeyFollower
from hub.county.witness import Witness, WitnessStore, cosigner_routes, log_keys
from hub.endpoints import submission_routes
from hub.governance.drafts import Draft, MemberWishes, draft_members
from hub.governance.governing import SignatureFile, Submitted, joined, sign_draft, submitted
from hub.journal.intake import RecordIntake
from hub.journal.writer import JournalWriter, create_journal
from hub.keychain import KeyChain, fetch_chain
from hub.log.ledgerfile import create_ledger
from hub.log.registry import LedgerRegistry, RegistryLimits
from hub.log.routes import log_routes
from hub.logclient import HttpLog
from ledger.transparency.policy import Policy
from ledger.verdict import Verdict
from schema.access import ANONYMOUS
from tests.alliance import HUB_URL, PASSPHRASE, Alliance, identifier_of
from tests.entropy import seeded
from tests.in_loop import reaching
from tests.offerings import LISTED
from tests.ports import FakeClock

__all__ = ["GovernedHub", "reopened"]

_LIMITS: Final = RegistryLimits(group_s=0.01, quiet_s=0.001, heartbeat_s=3600, witness_s=60, sighting_s=60)


@dataclass(slots=True)
class GovernedHub:
    """The hub of an alliance, running. app: its log and submission routes. http: a client that reaches it.

    journal: what counties have stated, as the projection reads it.
    """

    alliance: Alliance
    registry: LedgerRegistry
    app: Starlette
    http: httpx2.AsyncClient
    clock: FakeClock
    journal: JournalWriter

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        alliance: Alliance,
        folder: Path,
        clock: FakeClock,
        *,
        policy: bytes | None = None,
        gone: Sequence[str] = (),
        wait_s: float = 60.0,
    ) -> AsyncIterator[GovernedHub]:
        """Run a ledger and a journal, made in the folder if there are none; every node witnesses but those gone.

        policy: another than the alliance's. wait_s: how long a submission waits for its proof.
        """
        async with AsyncExitStack() as stack:
            trusted = policy or alliance.policy
            if not (folder / "ledger.sqlite").exists():
                create_ledger(folder / "ledger.sqlite", alliance.genesis, alliance.log)
                create_journal(folder / "journal.sqlite")
            nodes = [node for county, node in alliance.nodes.items() if county not in gone]
            witnesses = {node.config.url: _witness(stack, node, clock) for node in nodes}
            mounts: dict[str, Any] = {"all://": httpx2.MockTransport(_nobody)}
            mounts |= {url: httpx2.ASGITransport(app=app) for url, app in witnesses.items()}
            witness_http = await stack.enter_async_context(httpx2.AsyncClient(mounts=mounts))
            journal, published = JournalWriter(folder / "journal.sqlite"), asyncio.Event()
            registry = LedgerRegistry(
                folder / "ledger.sqlite",
                signer=alliance.log,
                policy=Policy.parse(trusted),
                journal=lambda: (journal.head.n, journal.head.root),
                clock=clock,
                http=witness_http,
                limits=replace(_LIMITS, wait_s=wait_s),
                on_published=lambda _: published.set(),
            )
            intake = RecordIntake(journal, registry, listed=LISTED, pool=registry.file.checks, clock=clock)
            routes = [
                *log_routes(registry, journal, principal_of=lambda _: ANONYMOUS, documents={"policy": trusted}),
                *submission_routes(registry, intake),
            ]
            app = Starlette(routes=routes)
            await journal.start()
            stack.push_async_callback(journal.stop)
            await registry.start()
            stack.push_async_callback(registry.stop)
            await published.wait()
            http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=HUB_URL)
            yield cls(alliance, registry, app, await stack.enter_async_context(http), clock, journal)

    @property
    def log(self) -> HttpLog:
        """The log as its clients reach it, from threads beside the event loop."""
        return HttpLog(f"{HUB_URL}/ledger", reaching(self.app))

    async def chain(self) -> KeyChain:
        """Give the newest chain, checked from genesis on."""
        node = next(iter(self.alliance.nodes.values()))
        known = await asyncio.to_thread(node.chain.chain)
        return await asyncio.to_thread(fetch_chain, self.log, node.verifier.anchor, known, self.clock())

    async def sign(self, draft: Draft, counties: Sequence[str]) -> list[SignatureFile]:
        """Let counties sign a draft."""
        chain, now = await self.chain(), self.clock()
        return [sign_draft(self.alliance.nodes[county], draft, chain, now) for county in counties]

    async def enact(self, draft: Draft, counties: Sequence[str]) -> Submitted:
        """Let counties sign a draft, submit it, and let every node of the alliance follow."""
        raw = joined(draft, await self.sign(draft, counties), await self.chain())
        node = self.alliance.nodes[counties[0]]
        done = await self.submitted(raw, await self.chain(), node)
        for each in self.alliance.nodes.values():
            await self.follow(each)
        return done

    async def submitted(self, raw: bytes, known: KeyChain, node: CountyNode, **options: Any) -> Submitted:
        """Submit an entry as a node's operator does."""
        anchor = options.pop("anchor", node.verifier.anchor)
        return await asyncio.to_thread(submitted, self.log, anchor, raw, known, clock=self.clock, **options)

    async def change(self, wishes: MemberWishes, counties: Sequence[str]) -> Submitted:
        """Do what is wished."""
        return await self.enact(draft_members((await self.chain()).state, wishes, iat=self.clock()), counties)

    async def follow(self, node: CountyNode) -> bool:
        """Let a node look at the log once."""
        return await asyncio.to_thread(KeyFollower(node, self.log, self.clock).follow)

    async def deliver(self, node: CountyNode) -> int:
        """Deliver what a node has signed; how many items came a state further."""
        check = EvidenceCheck(node.verifier)
        delivery = Delivery(
            node.outbox, self.http, check=check, renew=node.renew, clock=self.clock, random=seeded("jitter")
        )
        return await delivery.deliver()

    async def verdict(self, node: CountyNode, number: int, *, by: CountyNode | None = None) -> Verdict:
        """Give the verdict of a fresh receipt of a node's license, by its own verifier or another county's."""
        identifier = str(identifier_of(number, node.county))
        fresh = await self.registry.receipt(node.log_index(identifier))
        receipt = node.present(identifier, ["certificateTypeName"], fresh)
        return (by or node).verifier.verify(receipt, now=self.clock(), max_age=3600)


def _witness(stack: AsyncExitStack, node: CountyNode, clock: FakeClock) -> Starlette:
    store = WitnessStore(node.data / "witness.sqlite")
    stack.callback(store.close)
    logs = log_keys(node.policy)
    witness = Witness(store, logs=logs, name=node.witness_name, signer=node.keys.witness, clock=clock)
    return Starlette(routes=cosigner_routes("/witness", witness))


async def _nobody(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("no route", request=request)


def reopened(node: CountyNode) -> CountyNode:
    """Open a node's folder again, as another process does."""
    return open_county(node.data, PASSPHRASE, random=seeded(f"again {node.county}"))
