"""A folder that one trusts, of a county, a hub or a sync: `policy`, `genesis`, and the chain of keys known so far.

The log that it speaks of is reached where the policy says, where `county.json` says, or where the caller says. Whatever
that log answers is checked against policy and genesis before it is used, and then kept in the folder; but not in that
of a sync, whose files are all of one size of the log (hub/sync/folder.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import httpx2

from hub.county.config import CountyConfig
from hub.folderfiles import read_file
from hub.keychain import FolderChain, KeyChain, fetch_chain
from hub.logclient import HttpLog
from hub.sync.folder import SyncFolder
from hub.urls import log_url
from ledger.anchor import TrustAnchor
from ledger.errors import Malformed, Unavailable
from ledger.jws import MAX_ENTRY_BYTES
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy

if TYPE_CHECKING:
    from schema.context import Clock

__all__ = ["TrustFolder"]

T = TypeVar("T")


class TrustFolder:
    """One folder. Raises Unavailable not_ready (policy or genesis is missing), Malformed, NotVerified, Conflict."""

    def __init__(self, data: Path, *, url: str | None = None, policy: bytes | None = None) -> None:
        """Read policy and genesis. url: the log's prefix, as https://hub.example/ledger; None: by the folder.

        policy: another file to judge the log's witnesses by; None: the folder's.
        """
        place = SyncFolder(data).place
        trusted = Policy.parse(_file(place, "policy", MAX_POLICY_BYTES) if policy is None else policy)
        self.anchor: Final = TrustAnchor(trusted, _file(place, "genesis", MAX_ENTRY_BYTES))
        self.held: Final = FolderChain(place)
        self._synced: Final = (place / "head.json").exists()
        self._data: Final = data
        self._given: Final = None if url is None else log_url(url, "--url")

    @property
    def url(self) -> str:
        """The log's prefix, without a slash at its end. Raises Malformed bad_setting: nobody says it."""
        config = self._data / "county.json"
        named = (log.url for log in self.anchor.policy.logs if log.key.name == self.anchor.genesis.origin)
        url = self._given
        if url is None and config.exists():
            url = f"{CountyConfig.parse(config.read_bytes()).hub_url}/ledger"
        url = url or next(named, None)
        if url is None:
            raise Malformed("bad_setting", "the policy names no URL of the log: give one with --url")
        return url

    def newest(self, clock: Clock) -> KeyChain:
        """Ask the log for the newest chain, check it, keep it. Raises as hub.keychain.fetch_chain, FolderChain.keep."""
        return self.ask(lambda log: self._newest(log, clock))

    def _newest(self, log: HttpLog, clock: Clock) -> KeyChain:
        chain = fetch_chain(log, self.anchor, self.held.chain(), clock())
        self.keep(chain)
        return chain

    def keep(self, chain: KeyChain) -> None:
        """Put a checked chain into the folder, if it is longer than the one there. Raises as FolderChain.keep."""
        if not self._synced:
            self.held.keep(chain)

    def ask(self, question: Callable[[HttpLog], T]) -> T:
        """Put a question to the log."""
        with httpx2.Client(trust_env=False) as http:
            return question(HttpLog(self.url, http))


def _file(data: Path, name: str, max_bytes: int) -> bytes:
    found = read_file(data / name, max_bytes)
    if found is None:
        raise Unavailable("not_ready", f"the file {name} is not in the data folder")
    return found
