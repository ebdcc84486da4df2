"""Bundles: signed, encrypted files that go where no network goes (专网数据导入)."""

from __future__ import annotations

from hub.bundles.head import BundleHead, build_head, parse_head
from hub.bundles.keys import BundleKey, make_bundle_key, parse_public_key, public_file
from hub.bundles.lines import AnswerLine, OutboxLine
from hub.bundles.sealed import CheckedBundle, OpenBundle, opened_bundle, write_bundle

__all__ = [
    "AnswerLine",
    "BundleHead",
    "BundleKey",
    "CheckedBundle",
    "OpenBundle",
    "OutboxLine",
    "build_head",
    "make_bundle_key",
    "opened_bundle",
    "parse_head",
    "parse_public_key",
    "public_file",
    "write_bundle",
]
