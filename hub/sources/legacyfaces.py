"""A county's legacy service as record source: one metadata call a license, its selection set the `metadataRange`.

What the service sends beyond the fields that were asked for is dropped here and goes nowhere. It gives no time of its
own: a face is as old as its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ledger.errors import Malformed, Unavailable
from schema.context import FaceAnswer, FaceRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.sources.legacy import LegacyService
    from schema.context import Clock

__all__ = ["LegacySource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacySource:
    """Implements RecordSource for one county."""

    licenses_per_call: ClassVar[int] = 1

    service: LegacyService
    clock: Clock

    async def faces(self, requests: Sequence[FaceRequest]) -> list[FaceAnswer]:
        """Ask the face of one license. Raises Unavailable source_unavailable, deadline."""
        (request,) = requests
        try:
            values = await self.service.metadata(
                request.certificate_identifier, request.fields, request.use_cause
            )  # fmt: skip
        except Malformed as error:
            raise Unavailable("source_unavailable", "the service cannot be asked this") from error
        code = "absent" if values is None else None
        return [FaceAnswer(values=values, source="legacy", as_of=self.clock(), code=code)]
