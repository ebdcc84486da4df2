"""What `tongban ingest bundle` does: a hub's folder opened beside the running hub, a bundle judged, the answer told."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from hub.auth import TokenIssuer
from hub.bundles.keys import open_bundle_key
from hub.commands.bundles import counted, report
from hub.commands.output import new_file
from hub.commands.progress import progress_bars
from hub.database import open_reader
from hub.envelope import FaceCipher
from hub.governance.founding import open_hub_keys
from hub.ingest.bundles import BundleBook, BundleIntake, Taken
from hub.keychain import KeyChain
from hub.keyfiles import read_passphrase
from hub.settings import Settings, load_settings
from hub.sources.vault import VaultStore
from hub.upkeep.stores import LEDGER, check_hub_folder
from hub.urls import server_url
from ledger.encoding import MAX_INTEGER
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteReader

__all__ = ["opened_intake", "taken_in"]


def taken_in(  # the options of `tongban ingest bundle`, each by its name
    file: Path, output: Path, *, config: Path | None, url: str | None, without: bool, force: bool, json: bool
) -> None:
    """Take a bundle in, write the answer, say what became of it. Raises as BundleIntake.take, then what was refused."""
    settings = load_settings(file=config, environment=os.environ)
    place = settings.url if url is None else server_url(url, "--url")
    with (
        new_file(output, force=force) as draft,
        progress_bars(shown=not json) as bars,
        opened_intake(settings, place, on_line=lambda count: bars.advance("lines", 1, count)) as intake,
    ):
        found = asyncio.run(_closing(intake, intake.take(file, draft, without=without)))
    row = {
        "county": found.county, "number": found.number, "again": found.again, "lines": dict(found.lines),
    }  # fmt: skip
    before = ", as before" if found.again else ""
    told = f"bundle {found.number} of {found.county}{before}: {counted(found.lines)}; wrote {output}"
    report(row, told, found.refused, json=json)


async def _closing(intake: BundleIntake, work: Coroutine[Any, Any, Taken]) -> Taken:
    async with intake.client:
        return await work


@contextmanager
def opened_intake(settings: Settings, url: str, *, on_line: Callable[[int], None]) -> Iterator[BundleIntake]:
    """Open what an intake needs of a hub's folder, beside the hub that runs on it.

    Raises Malformed bad_file (no hub's folder, no key for bundles), Unavailable no_log, NotVerified corrupt_store.
    """
    data = settings.data
    check_hub_folder(data)
    key, keys = open_bundle_key(data), open_hub_keys(data, read_passphrase(settings.passphrase_file))
    with ExitStack() as stack:
        connection = stack.enter_context(closing(open_reader(data / LEDGER)))
        reads = LogReads(lambda: SqliteReader(connection))
        ((_, genesis), *changes) = reads.governance(0, MAX_INTEGER)
        cipher = FaceCipher(keys.vault, secrets.token_bytes)
        vault = VaultStore(data / "vault.sqlite", cipher, lambda leaf: bool(reads.find([leaf])))
        stack.callback(vault.close)
        yield BundleIntake(
            client=httpx2.AsyncClient(base_url=url, trust_env=False),
            key=key,
            keys=KeyChain.follow(genesis, tuple(changes)).state,
            kid=TokenIssuer(keys.token, issuer=settings.url, random=secrets.token_bytes).kid,
            signer=keys.token,
            book=stack.enter_context(closing(BundleBook(data / "bundles.sqlite"))),
            deposit=vault.deposit,
            deposit_again=vault.deposit_again,
            clock=lambda: int(time.time()),
            on_line=on_line,
        )
