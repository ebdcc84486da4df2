"""The port behind which a county's records stand, whatever keeps them: its own node, the vault, a legacy service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema.context import FaceAnswer, FaceRequest

__all__ = ["RecordSource"]


class RecordSource(Protocol):
    """The records of one county, as far as they are asked for."""

    @property
    def licenses_per_call(self) -> int:
        """How many licenses one call may ask for, 1 or more; they stand or fall together."""
        ...

    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        """Ask the faces of one county, caller and useCause in one call; answers in order, `absent` where none is kept.

        No answer holds a field that was not asked for. The time limit is the caller's. Raises Unavailable
        source_unavailable or deadline for every fault of the source, whatever it answers; NotVerified corrupt_store.
        """
        ...
