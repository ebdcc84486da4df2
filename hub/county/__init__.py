"""What a county runs: keys, record store, outbox, witness and record-source endpoint.

The web application is `hub.county.application`: sealing and ingestion do without it.
"""

from __future__ import annotations

from hub.county.folder import init_county, open_county
from hub.county.licenses import LicenseHolder, LicenseRecord
from hub.county.member import MemberFile
from hub.county.node import CountyNode
from hub.county.outcomes import CountyStatus, Sealed

__all__ = [
    "CountyNode",
    "CountyStatus",
    "LicenseHolder",
    "LicenseRecord",
    "MemberFile",
    "Sealed",
    "init_county",
    "open_county",
]
