"""What readers ask of the hub: what must be one in the whole hub, whoever answers the document.

Who asks is what the hub found out from the token, by the number of the document: a reader cannot speak for another
caller, and says of an access only what was read and why. A document that nobody waits for any more leaves no record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hub.readers.messages import access, face_request, told_face
from ledger.errors import Unavailable
from schema.readafter import ReadAfter

if TYPE_CHECKING:
    from hub.readers.channel import Answering
    from schema.access import Principal
    from schema.context import FaceSources, Journal, Probes, Projection
    from schema.feed import Events

__all__ = ["Questions"]


class Questions:
    """The hub's side of a reader's ports. asking: number of a document -> who asks, while somebody waits for it."""

    def __init__(
        self, *, journal: Journal, probes: Probes, faces: FaceSources, projection: Projection, events: Events
    ) -> None:
        self.asking: Final[dict[int, Principal]] = {}
        self._journal: Final = journal
        self._probes: Final = probes
        self._faces: Final = faces
        self._projection: Final = projection
        self._events: Final = events

    @property
    def answers(self) -> Mapping[str, Answering]:
        """Every question by its name."""
        return {
            "record": self._record,
            "admit": self._admit,
            "missed": self._missed,
            "faces": self._ask_faces,
            "reach": self._reach,
            "newest": self._newest,
        }

    def _caller(self, number: int) -> Principal:
        caller = self.asking.get(number)
        if caller is None:
            raise Unavailable("deadline", "nobody waits for this answer any more")
        return caller

    async def _record(self, value: Any, _body: bytes) -> tuple[Any, bytes]:
        number, told = value
        return await self._journal.record_access(access(told, self._caller(number))), b""

    async def _admit(self, value: Any, _body: bytes) -> tuple[Any, bytes]:
        number, subject = value
        await self._probes.admit(self._caller(number), subject)
        return None, b""

    async def _missed(self, number: int, _body: bytes) -> tuple[Any, bytes]:
        await self._probes.missed(self._caller(number))
        return None, b""

    async def _ask_faces(self, value: Any, _body: bytes) -> tuple[Any, bytes]:
        number, asked = value
        caller = self._caller(number)
        found = await self._faces.faces([face_request(one, caller) for one in asked])
        return [told_face(one) for one in found], b""

    async def _reach(self, token: str, _body: bytes) -> tuple[Any, bytes]:
        return await self._projection.reach(ReadAfter.parse(token)), b""

    async def _newest(self, _value: Any, _body: bytes) -> tuple[Any, bytes]:
        return await self._events.newest(), b""
