"""The Chromium of this machine, without a screen: started by playwright, which downloads nothing."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
READY = "html[data-ready=yes]"
"""Matches when a report can be used."""


def program() -> str:
    """Where Chromium is: `REASONING_CHROMIUM`, or one on the path.

    Raises:
        LookupError: There is none.
    """
    found = os.environ.get("REASONING_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        raise LookupError("There is no chromium: apt-get install chromium, or set REASONING_CHROMIUM to one.")
    return found


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A playwright `Browser`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program(), args=list(ARGUMENTS))
        try:
            yield chromium
        finally:
            chromium.close()
