"""The auditor's part of a county node: its store, its way to the log, its routes and its worker, opened together.

    auditor.sqlite     hub/county/auditing.py

POST /auditor/add-checkpoint · GET /auditor/<hex H(origin)>/checkpoint · POST /auditor/deposit
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx2
import structlog

from hub.county.access import county_token
from hub.county.auditing import SqliteAuditStore
from hub.county.auditor import Auditor
from hub.county.deposits import PassingOn, auditors_of, deposit_routes
from hub.county.keys import auditor_name
from hub.county.mirroring import MirroredLog
from hub.county.witness import cosigner_routes
from hub.logclient import HttpLog
from hub.workers import cores, workers
from ledger.errors import Malformed
from ledger.refusal import Refusal, sign_refusal

if TYPE_CHECKING:
    from starlette.routing import Route

    from hub.county.node import CountyNode
    from ledger.transparency.policy import Policy, PolicyLog
    from schema.context import Clock

__all__ = ["AuditorPart", "audited_log"]

_log = structlog.get_logger(__name__)


def audited_log(policy: Policy, origin: str) -> PolicyLog:
    """Give the log of a policy that the pinned genesis belongs to. Raises Malformed bad_policy."""
    found = [log for log in policy.logs if log.key.name == origin]
    if not found:
        raise Malformed("bad_policy", f"the policy does not name the log {origin} of the pinned genesis")
    return found[0]


class AuditorPart:
    """One auditor over a node's folder. Close it when the application has stopped. client: reaches any URL.

    Raises Unavailable not_ready (policy or genesis is missing), store_stopped; Malformed; NotVerified corrupt_store.
    """

    def __init__(self, node: CountyNode, clock: Clock, client: httpx2.AsyncClient) -> None:
        genesis = node.verifier.anchor.genesis
        log = audited_log(node.policy, genesis.origin)
        name = auditor_name(node.county, node.config.domain)
        self._node: Final = node
        self._clock: Final = clock
        if node.keys.auditor.public_key.x not in {each.key.public_key for each in node.policy.witnesses}:
            _log.warning("auditor_not_in_policy", auditor=name)  # it audits, and nobody asks it to cosign
        self._http: Final = httpx2.Client(trust_env=False)
        self._store: Final = SqliteAuditStore(node.data / "auditor.sqlite")
        url = log.url or f"{node.config.hub_url}/ledger"
        source = HttpLog(url, self._http, token=county_token(node, self._http, clock), attempts=1)
        self._auditor: Final = Auditor(
            self._store,
            MirroredLog(self._store, source, genesis=genesis, log_key=log.key, clock=clock),
            name=name,
            signer=node.keys.auditor,
            refuse=self._signed,
            clock=clock,
            pool=lambda: workers(cores()),
        )
        peers = auditors_of(node.policy, without=name)
        self.passing_on: Final = PassingOn(self._auditor, peers, client, log_url=url)

    def _signed(self, refusal: Refusal) -> bytes:
        keys = self._node.keys  # the govern key of now: it may have been rotated since the start
        return sign_refusal(refusal, kid=keys.kid("govern"), signer=keys.govern)

    def routes(self) -> list[Route]:
        """Give the routes below `/auditor`."""
        deposits = deposit_routes(self._auditor, self.passing_on, self._clock)
        return [*cosigner_routes("/auditor", self._auditor), *deposits]

    def close(self) -> None:
        """End what runs in the background, and close the store."""
        self._auditor.stop()
        self._http.close()
        self._store.close()
