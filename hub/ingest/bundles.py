"""A bundle of a county that no network reaches, taken in at the hub's side, and the answer that goes back.

    1. head: a bundle for this hub's key, signed by an active `journal` key of its county        nothing was sent yet
    2. order: it follows the newest one taken in; the newest once more is answered once more
    3. body: every chunk is the one that was signed, every line is read                          nothing was sent yet
    4. entries, then records: POST to the running hub, 256 at a time, as the county's own node would
    5. faces: into the vault, by the code that judges them over HTTP; of a bundle that was noted before, those alone
       that the vault still has: a file that somebody kept undoes no erasure
    6. the answer: the objects of all these answers, encrypted to the bundle's answerKey, signed by the token key
    7. the number is noted (bundles.sqlite), then the answer is shown

Whatever ends it in between, the bundle is taken in again: everything sent is idempotent by bytes, and nothing else is
kept. Without a quorum nothing is answered: what was sequenced stays so, and the same command goes on later.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

import httpx2

from hub.answers import read_answer, stated_error, stated_in
from hub.bundles.head import BundleHead, check_signature
from hub.bundles.keys import BundleKey
from hub.bundles.lines import AnswerLine, OutboxLine, outbox_lines
from hub.bundles.sealed import CheckedBundle, OpenBundle, opened_bundle, write_bundle
from hub.database import Database
from ledger.closed import county_of
from ledger.encoding import MAX_INTEGER, JsonValue, parse_json
from ledger.errors import CODES, Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.transparency.tiles import encode_bundle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ledger.members import KeyState
    from ledger.signers import Signer
    from schema.context import Clock

__all__ = ["BundleBook", "BundleIntake", "Taken"]

_BATCH: Final = 256
_TIMEOUT_S: Final = 30.0
_MAX_ANSWER_BYTES: Final = 64 << 20
_PATHS: Final = {"entry": "/ledger/entries?wait=receipt", "record": "/journal/records"}
_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS bundle (
  county TEXT PRIMARY KEY, number INTEGER NOT NULL, digest BLOB NOT NULL, taken INTEGER NOT NULL)"""
_NEWEST: Final = "SELECT number, digest FROM bundle WHERE county = ?"
_NOTE: Final = "INSERT OR REPLACE INTO bundle VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a bundle. lines: by kind. again: it had been taken in before. refused: (kind, id, error)."""

    county: str
    number: int
    again: bool
    lines: Mapping[str, int]
    refused: Sequence[tuple[str, str, TongbanError]] = ()


class BundleBook:
    """Which bundle of each county was taken in last."""

    def __init__(self, path: Path) -> None:
        self._database: Final = Database(path, _SCHEMA, summed=True)

    def check(self, head: BundleHead, digest: bytes, *, without: bool) -> bool:
        """Check that a bundle follows the newest one; True: it is that one. without: go on where others are missing.

        Raises Conflict bundle_missing, stale_prev (older than the newest, or another one of its number).
        """
        with self._database.reading() as connection:
            row = connection.execute(_NEWEST, (head.county,)).fetchone()
        number, newest = (0, None) if row is None else (int(row[0]), bytes(row[1]))
        if digest == newest:
            return True
        if head.number <= number:
            raise Conflict("stale_prev", f"bundle {number} of {head.county} was taken in, this is number {head.number}")
        follows = head.number == number + 1 and head.previous == newest
        if not follows and not without:
            lost = f"bundle {number + 1}" if head.number == number + 2 else f"bundles {number + 1} to {head.number - 1}"
            told = lost if head.number > number + 1 else f"the bundle {number} that it follows"
            raise Conflict("bundle_missing", f"{told} of {head.county} was not taken in")
        return False

    def note(self, head: BundleHead, digest: bytes, now: int) -> None:
        """Note a bundle as the newest of its county, on disk when this returns."""
        with self._database.transaction() as connection:
            connection.execute(_NOTE, (head.county, head.number, digest, now))

    def close(self) -> None:
        """Close the store."""
        self._database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleIntake:
    """Takes bundles in. client: reaches the running hub; its base URL is the hub's. key: the hub's own, for bundles.

    keys: the newest key state of the ledger. kid, signer: the hub's token key. deposit: (county, SD-JWT, now) ->
    certificateIdentifier, as `VaultStore.deposit`; deposit_again: the same, for a bundle that was noted. on_line: told,
    for each line answered, how many there are in all.
    """

    client: httpx2.AsyncClient
    key: BundleKey
    keys: KeyState
    kid: str
    signer: Signer
    book: BundleBook
    deposit: Callable[[str, str, int], str]
    deposit_again: Callable[[str, str, int], str]
    clock: Clock
    on_line: Callable[[int], None] = lambda _all: None

    async def take(self, file: Path, answer: Path, *, without: bool = False) -> Taken:
        """Take a bundle in and write the answer, which replaces what is at that path.

        Raises Malformed bad_file, bad_bundle, too_large, NotVerified unknown_kid, key_use, key_not_active,
        bad_signature, bundle_damaged, Conflict wrong_target (for another hub), stale_prev, bundle_missing: then nothing
        was sent. Unavailable not_ready: the hub does not answer, or has no quorum now.
        """
        with opened_bundle(file) as bundle:
            again = self._check_head(bundle, without=without)
            checked = bundle.check_body()
            count = sum(1 for _ in outbox_lines(checked.lines(self.key)))  # all of it is read before the first is sent
            answers = [each async for each in self._answers(checked, bundle.head.county, count, again=again)]
            self._write(bundle, answers, answer)
            self.book.note(bundle.head, bundle.signed.digest, self.clock())
        refused = [(each.kind, each.id, error) for each in answers if (error := stated_error(each.answer.get("error")))]
        return Taken(
            county=bundle.head.county, number=bundle.head.number, again=again,
            lines=Counter(each.kind for each in answers), refused=refused,
        )  # fmt: skip

    def _check_head(self, bundle: OpenBundle, *, without: bool) -> bool:
        """Judge head and order; tell whether it was taken in before."""
        head, kid = bundle.head, bundle.signed.kid
        if head.kind != "outbox":
            raise Malformed("bad_bundle", "this is an answer: `tongban county bundle import` takes it")
        if head.to != self.key.thumbprint:
            raise Conflict("wrong_target", "the bundle is for another hub, or for a key that this one no longer has")
        if county_of(kid) != head.county:
            raise NotVerified("unknown_kid", f"the bundle is of {head.county} and names a key of another county")
        check_signature(bundle.signed, self.keys.key_for(kid, index=MAX_INTEGER, use="journal"))
        return self.book.check(head, bundle.signed.digest, without=without)

    async def _answers(
        self, bundle: CheckedBundle, county: str, count: int, *, again: bool
    ) -> AsyncIterator[AnswerLine]:  # fmt: skip
        put = self.deposit_again if again else self.deposit
        for kind, group in groupby(outbox_lines(bundle.lines(self.key)), key=lambda line: line.kind):
            while batch := list(islice(group, _BATCH)):
                told = (
                    self._deposited(batch, county, put) if kind == "face" else await self._posted(_PATHS[kind], batch)
                )
                for line, one in zip(batch, told, strict=True):
                    self.on_line(count)
                    yield AnswerLine(kind=line.kind, id=line.id, answer=one)

    async def _posted(self, path: str, lines: Sequence[OutboxLine]) -> list[dict[str, JsonValue]]:
        content, headers = encode_bundle([line.data for line in lines]), {"Content-Type": "application/octet-stream"}
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                self.client.stream("POST", path, content=content, headers=headers) as response,
            ):
                body, status = await read_answer(response, _MAX_ANSWER_BYTES), response.status_code
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unavailable("not_ready", "the hub does not answer: start it, and take the bundle in again") from error
        if status not in {200, 202}:
            raise stated_in(body) or Unavailable("not_ready", f"the hub answered with status {status}")
        return [_settled(each) for each in _rows(body, len(lines))]

    def _deposited(
        self, lines: Sequence[OutboxLine], county: str, put: Callable[[str, str, int], str]
    ) -> list[dict[str, JsonValue]]:  # fmt: skip
        answers: list[dict[str, JsonValue]] = []
        for line in lines:
            try:
                identifier = put(county, line.data.decode("ascii"), self.clock())
                answers.append({"certificateIdentifier": identifier})
            except TongbanError as error:
                answers.append({"error": {"code": error.code, "message": error.message}})
        return answers

    def _write(self, bundle: OpenBundle, answers: Iterable[AnswerLine], path: Path) -> None:
        head = bundle.head
        told = BundleHead(
            kind="answer", county=head.county, number=head.number, previous=bundle.signed.digest, iat=self.clock(),
            to="", length=0, total=b"", answer_key=None,
        )  # fmt: skip
        recipient = BundleKey(public=head.answer_key or b"")
        write_bundle(path, (each.text() for each in answers), told, recipient, kid=self.kid, signer=self.signer)


def _rows(body: bytes, count: int) -> list[dict[str, JsonValue]]:
    try:
        rows = parse_json(body, max_bytes=_MAX_ANSWER_BYTES)
    except Malformed as error:
        raise Unavailable("not_ready", "the hub's answer is no JSON") from error
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if len(found) != count:
        raise Unavailable("not_ready", "the hub did not answer for every line")
    return found


def _settled(answer: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Give an answer that is worth carrying home. Raises Unavailable for one that only time makes better."""
    if answer.get("state") == "sequenced":
        raise Unavailable("not_ready", "the ledger has no quorum now: take the bundle in again when it has one")
    error = answer.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and CODES.get(code) is Unavailable:
        raise Unavailable("not_ready", f"the hub cannot take it now ({code}): take the bundle in again")
    return answer
