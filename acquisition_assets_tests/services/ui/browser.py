"""Drives a headless Chromium on the Dagster UI, and records errors of its pages.

What a page must show is left to the tests.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as BrowserTimeoutError

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "chromium.sh"
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 120_000
QUIET_MS = 10_000
GROUPS = ("raw", "features", "outputs")


@dataclass
class Visitor:
    """A browser page on the UI. complaints: errors of the page's scripts and of its requests."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Record every error from now on."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )
        self.page.on(
            "response",
            lambda answer: self.complaints.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
        )

    def go(self, path: str) -> Page:
        """Open a page of the UI, and wait a moment for the end of its requests: while days run, there is none."""
        self.page.goto(self.url + path)
        self.page.get_by_role("link", name="Catalog").wait_for()
        with contextlib.suppress(BrowserTimeoutError):
            self.page.wait_for_load_state("networkidle", timeout=QUIET_MS)
        return self.page

    def see(self, *texts: str) -> None:
        """Wait until each text is visible."""
        for text in texts:
            self.page.get_by_text(text).locator("visible=true").first.wait_for()

    def graph(self, groups: Sequence[str] = GROUPS) -> Page:
        """Open the graph of all assets, with these groups expanded."""
        opened = ",".join(f"global%40global%3A{group}" for group in groups)
        return self.go(f"/asset-groups?expanded={opened}")


def chromium_program() -> str:
    """Return the path of Chromium, which is installed if missing."""
    return subprocess.run(["sh", str(SCRIPT)], check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=OPTIONS)
        yield browser
        browser.close()


def visit(browser: Browser, url: str, width: int = 1800, height: int = 1500, scale: float = 1) -> Visitor:
    """Open a page with a window of this size that shows the graph from top to bottom."""
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script("localStorage.setItem('asset-graph-direction', JSON.stringify('vertical'))")
    context.request.post(f"{url}/graphql", data={"query": "mutation { setNuxSeen }"})  # the invitation to a newsletter
    visitor = Visitor(context.new_page(), url)
    visitor.listen()
    return visitor
