"""What a county runs: keys, record store, outbox, witness and record-source endpoint."""

from __future__ import annotations

from hub.county.application import create_county_app
from hub.county.folder import init_county, open_county
from hub.county.licenses import LicenseHolder, LicenseRecord
from hub.county.member import MemberFile
from hub.county.node import CountyNode, CountyStatus, Sealed

__all__ = [
    "CountyNode",
    "CountyStatus",
    "LicenseHolder",
    "LicenseRecord",
    "MemberFile",
    "Sealed",
    "create_county_app",
    "init_county",
    "open_county",
]
