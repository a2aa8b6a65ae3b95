"""Protects the brief in a real browser: nothing is requested or cut off, axe finds no fault, and names are text."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acquisition_assets.catalog import brief_rules
from acquisition_assets.content_recommendations.contract import CONTENT_RECOMMENDATIONS
from acquisition_assets.core.env import Env
from acquisition_assets.core.lake import Lake
from acquisition_assets.core.settings import Settings
from acquisition_assets.daily_brief.asset import make_brief
from acquisition_assets.definitions import make_engine
from acquisition_assets.policy import read_policy
from acquisition_assets_tests.kit import world
from acquisition_assets_tests.kit.random_world import write
from acquisition_assets_tests.kit.running import compute_day
from acquisition_assets_tests.kit.world import MONDAY, SUNDAY
from acquisition_assets_tests.services.ui.browser import chromium

pytestmark = pytest.mark.browser
WIDTHS = (375, 768, 1440)
SCHEMES = ("light", "dark")
SCRIPT = "<script>document.title='owned'</script>"
NAMES = (
    *(SCRIPT, "<img src=x onerror=alert(1)>", '"><a href="//evil.example">here</a>', "{{ 7 * 7 }}"),
    *("\u202egnp.exe", "\u05e9\u05dc\u05d5\u05dd", "\U0001f600 & co", "x" * 300, "a_b" * 100),
)
"""Names of leads, channels and items that could break a page: markup, directions, emoji, and very long words."""
SHOWN = {NAMES[4]: "\ufffdgnp.exe", NAMES[-2]: "x" * 79 + "…", NAMES[-1]: ("a_b" * 100)[:79] + "…"}
"""What is shown of the names that are not shown as they are."""


def hostile_world() -> dict[str, list[world.Row]]:
    """Return the hand-made world with a lead for each name, who does as ana does, from a source of that name."""
    (ana,) = (row for row in world.LEADS if row["lead_id"] == "ana")
    events = [row for row in world.EVENTS if row["lead_id"] == "ana"]
    leads, copies = [], []
    for number, name in enumerate(NAMES):
        leads.append({**ana, "lead_id": name, "source": name, "email": f"{number}@example.org"})
        for event in events:
            copy = {"event_id": f"{event['event_id']}-{number}", "delivery_id": f"{event['delivery_id']}-{number}"}
            copies.append({**event, **copy, "lead_id": name})
    return {**world.SOURCE, "leads": [*world.LEADS, *leads], "events": [*world.EVENTS, *copies]}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a Monday whose leads, channels and recommended items have hostile names."""
    folder = tmp_path_factory.mktemp("page")
    write(folder / "source", hostile_world())
    made = compute_day(folder / "source", folder / "lake", MONDAY, world.ZONE)
    assert made.success, made.errors
    lake = Lake(str(folder / "lake"))
    rows = lake.read(CONTENT_RECOMMENDATIONS.table, MONDAY).to_pylist()[: len(NAMES)]
    earlier = [{**row, "title": name, "content_id": name} for row, name in zip(rows, NAMES, strict=False)]
    with lake.staging() as staged:
        pq.write_table(pa.Table.from_pylist(earlier, CONTENT_RECOMMENDATIONS.arrow_schema), staged / "rows.parquet")
        lake.publish(staged / "rows.parquet", CONTENT_RECOMMENDATIONS.table, SUNDAY)
    settings = Settings.from_environment({}, lake=lake.url, timezone=world.ZONE)
    env = Env(lake, make_engine(settings, lake), ZoneInfo(world.ZONE))
    return folder / "lake" / make_brief(env, MONDAY, brief_rules(read_policy()))


def test_the_page_fits_every_width_in_light_and_dark(page: Path) -> None:
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    with chromium() as browser:
        for scheme in SCHEMES:
            for width in WIDTHS:
                opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                requested: list[str] = []
                opened.on("request", lambda request, requested=requested: requested.append(request.url))
                opened.goto(page.as_uri())
                assert opened.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width)
                opened.evaluate(axe)
                found = opened.evaluate("axe.run()")["violations"]
                assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], (scheme, width)
                assert requested == [page.as_uri()]
                if (scheme, width) == (SCHEMES[0], WIDTHS[-1]):
                    people = opened.locator("#people b").all_inner_texts()
                    assert sorted(people) == sorted(["ana", *(SHOWN.get(name, name) for name in NAMES)])
                    assert SCRIPT in opened.locator("#channels").inner_text()
                    assert SCRIPT in opened.locator("#recommended").inner_text()
                    assert opened.title() != "owned"
                    assert opened.locator("script, img, a[href*='evil']").count() == 0
                    pdf = opened.pdf(prefer_css_page_size=True)
                    assert b"/MediaBox [0 0 594" in pdf, "A4"
                    assert 1 <= pdf.count(b"/Type /Page\n") <= 2
                opened.close()
