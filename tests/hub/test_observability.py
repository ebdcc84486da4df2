"""Log lines: one JSON object each, whoever writes them, and no text of an exception."""

from __future__ import annotations

import json
import subprocess
import sys

from hub.lru import CacheCount
from hub.observability import Metrics

_PROGRAM = """
import logging
import structlog
from hub.observability import configure_logging
configure_logging("info")
try:
    raise ValueError("370214199001010014")
except ValueError:
    logging.getLogger("uvicorn.error").exception('said "%s"', "so")
    structlog.get_logger().error("ours", exc_info=True)
logging.getLogger("quiet").info("not logged")
"""


def test_every_line_is_json_and_tells_an_exception_by_its_class() -> None:
    run = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True, text=True)
    theirs, ours = (json.loads(line) for line in run.stderr.splitlines())
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ('said "so"', "uvicorn.error", "error")
    assert (theirs["error"], ours["error"], ours["event"]) == ("ValueError", "ValueError", "ours")
    assert "370214199001010014" not in run.stderr


def test_documents_show_by_the_way_they_went() -> None:
    metrics = Metrics()
    metrics.ways({"cached": 3, "refused": 1})
    assert b'tongban_documents{way="cached"} 3.0' in metrics.text()
    assert b'tongban_documents{way="refused"} 1.0' in metrics.text()


def test_caches_show_what_they_gave() -> None:
    metrics = Metrics()
    metrics.caches({"plan": CacheCount(hits=3, misses=1)})
    assert b'tongban_cache_hits{cache="plan"} 3.0' in metrics.text()
    assert b'tongban_cache_misses{cache="plan"} 1.0' in metrics.text()


def test_a_breaker_shows_by_county() -> None:
    metrics = Metrics()
    metrics.breakers({"320583": "closed", "370214": "half-open", "420583": "open"})
    lines = [line for line in metrics.text().decode().splitlines() if line.startswith("tongban_source_resting{")]
    assert lines == [
        'tongban_source_resting{county="320583"} 0.0',
        'tongban_source_resting{county="370214"} 1.0',
        'tongban_source_resting{county="420583"} 2.0',
    ]
