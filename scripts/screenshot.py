"""Takes the pictures of the documentation: `python -m scripts.screenshot` starts the UI on the sample.

Driving the browser is left to acquisition_assets_tests/services/ui/browser.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from acquisition_assets.daily_brief.asset import page_path
from acquisition_assets.sources.sample import LAST_DAY
from acquisition_assets_tests.kit.servers import free_port, wait_for
from acquisition_assets_tests.services.ui.browser import Visitor, chromium, visit

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
START_SECONDS = 300
STATES_MS = 6000  # the colours of the assets come after everything else


def take_pictures(url: str, brief: Path, folder: Path) -> None:
    """Take pictures of the brief, of the graph, and of an output's page with its plot and its checks."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1150})
        page.goto(brief.as_uri())
        page.screenshot(path=folder / "brief.png")
        _graph(visit(browser, url, 2300, 900), folder / "lineage.png")
        _checks(visit(browser, url, 1300, 560), folder / "checks.png")
        _plot(visit(browser, url, 1300, 800), folder / "plot.png")


def _graph(visitor: Visitor, path: Path) -> None:
    page = visitor.graph(["outputs"])
    visitor.see("dynamic_scores", "social_performance")
    page.wait_for_timeout(STATES_MS)
    page.screenshot(path=path, clip={"x": 560, "y": 112, "width": 1690, "height": 710})


def _checks(visitor: Visitor, path: Path) -> None:
    page = visitor.go("/assets/anomalies?view=checks&checkDetail=high_fraud_rate")
    visitor.see("Evaluation result")
    page.screenshot(path=path)


def _plot(visitor: Visitor, path: Path) -> None:
    page = visitor.go(f"/assets/lead_segments?view=partitions&partition={LAST_DAY}")
    page.get_by_role("img", name="plot").scroll_into_view_if_needed()
    page.screenshot(path=path)


def main() -> int:
    """Start the UI on a lake of its own, and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [sys.executable, "-m", "acquisition_assets", "ui", "--port", str(port)]
        command += ["--lake", f"{folder}/lake", "--home", f"{folder}/home"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for("answer of the UI", lambda: _answers(f"http://127.0.0.1:{port}/server_info"), START_SECONDS)
            policy = Path(folder, "policy.yaml")
            policy.write_text("locale: en\n", encoding="utf-8")
            brief = [
                sys.executable,
                "-m",
                "acquisition_assets",
                "brief",
                "--lake",
                f"{folder}/lake",
                "--policy",
                str(policy),
            ]
            subprocess.run(brief, check=True, stdout=subprocess.DEVNULL)
            take_pictures(f"http://127.0.0.1:{port}", Path(folder, "lake", page_path(LAST_DAY)), IMAGES)
        finally:
            server.terminate()
            server.wait(60)
    return 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


if __name__ == "__main__":
    sys.exit(main())
