"""Logs go to stderr as one line each; they name devices, tickets and counts, never a person."""

import logging
import sys
from typing import Final

import structlog

TELLS_PATIENTS: Final = ("pynetdicom", "pydicom")
"""Libraries that log queries and data sets, with names in them; our own modules say what an operator must know."""


def log_to_stderr() -> None:
    """Set up structlog, and the standard logging that `sync` uses, for a process of the vehicle."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="timestamp=%(asctime)s level=%(levelname)s event=%(name)s %(message)s",
    )
    logging.getLogger("sync").setLevel(logging.INFO)
    for library in TELLS_PATIENTS:
        logging.getLogger(library).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
