"""Reports in a real browser: made with `make test-browser`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from chromium import READY, browser
from hostile_sums import HOSTILE, SUMS, says, sums
from solving import scripted
from talkative import talkative_run

import evals
from evals.missed import CAUSES, misses
from evals.run import Run
from strategies.direct import Direct

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
ALL = SUMS + len(HOSTILE)

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as opened:
        yield opened


@pytest.fixture
def opened(chromium: Any, page: Path) -> Iterator[Open]:
    """Opens the report; at the end there were no errors and no requests."""
    contexts, wrong = [], []

    def open_page(fragment: str = "", file: Path = page, **settings: Any) -> Any:
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, **settings)
        contexts.append(context)
        shown = context.new_page()
        shown.on("console", lambda message: wrong.append(message.text))
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        shown.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or wrong.append(asked.url))
        shown.goto(file.as_uri() + fragment)
        shown.wait_for_selector(READY, state="attached")
        return shown

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def count(shown: Any) -> str:
    return str(shown.locator("#count").text_content())


def waits_for(shown: Any, selector: str, text: str) -> None:
    shown.locator(selector, has_text=text).first.wait_for(state="attached")


def link(run: Run, id: str, beside: Run | None = None) -> str:
    assert run.folder is not None
    more = f"?beside={quote(beside.folder.name, safe='')}" if beside is not None and beside.folder is not None else ""
    return f"#{quote(run.folder.name, safe='')}/{quote(id, safe='')}{more}"


def test_it_renders_tables_charts_and_the_list(opened: Open, runs: list[Run]) -> None:
    shown = opened()
    assert shown.locator("table.runs tbody tr:not(.task)").count() == len(runs)
    assert shown.locator("#price svg.chart:visible").count() == 2
    assert shown.locator("#comparisons tbody tr:not(.task)").count() == 1
    assert count(shown) == f"{ALL} problems"
    assert shown.title().startswith("sums </title><script>1</script>")


def test_outcomes_filter_the_list(opened: Open, runs: list[Run]) -> None:
    shown = opened()
    first = list(runs[0].records)
    right = sum(record.score == 1 for record in first)
    lost = sum(score is None for score in runs[0].scores.values())
    silent = sum(record.result.key is None for record in first)
    tied = sum(bool(record.result.tally.tied) for record in first)
    for outcome, expected in (("right", right), ("lost", lost), ("none", silent), ("wrong", ALL - right - silent)):
        shown.select_option("#outcome", outcome)
        assert count(shown) == f"{expected} of {ALL} problems"
    shown.select_option("#outcome", "tied")
    assert count(shown).startswith(f"{tied} of")


def test_flips_between_two_runs_are_found(opened: Open, runs: list[Run]) -> None:
    shown = opened()
    shown.select_option("#run-b", label="direct · <i>second</i>")
    a, b = (({record.id: record.score for record in run.records}) for run in runs[:2])
    for outcome, expected in (
        ("flipped", sum(a[id] != b[id] for id in a)),
        ("gained", sum(a[id] < b[id] for id in a)),
        ("dropped", sum(a[id] > b[id] for id in a)),
    ):
        shown.select_option("#outcome", outcome)
        assert count(shown) == f"{expected} of {ALL} problems"
        assert expected > 0


def test_the_comparison_links_to_its_flips(opened: Open) -> None:
    shown = opened()
    shown.locator("#comparisons a").first.click()
    waits_for(shown, "#count", " of ")
    assert shown.locator("#outcome").input_value() == "flipped"
    assert shown.locator("#run-b").input_value() != ""


def test_a_cause_links_to_its_misses(opened: Open, runs: list[Run]) -> None:
    shown = opened()
    cause, missed = next((cause, misses(runs[0]).count(cause)) for cause in CAUSES if misses(runs[0]).count(cause))
    shown.locator("#losses a", has_text=cause).first.click()
    waits_for(shown, "#count", f"{missed} of {ALL} problems")
    shown.locator(".row").first.click()
    waits_for(shown, "#problem .missed", cause)


def test_search_takes_words_ids_and_conditions(opened: Open) -> None:
    shown = opened()
    for words, expected in (("sum-7", 1), ("level=2", 10), ("level>=1 sum-", 20), ("what IS 29", 2), ("zzz", 0)):
        shown.fill("#search", words)
        waits_for(shown, "#count", f"{expected} of {ALL} problems")


def test_search_finds_what_the_models_wrote(opened: Open) -> None:
    shown = opened()
    shown.fill("#search", "I cannot tell <at")
    waits_for(shown, "#count", f"0 of {ALL} problems")
    shown.check("#deep")
    silent = sum(i % 5 == 4 and i % 7 != 6 for i in range(SUMS))
    waits_for(shown, "#count", f"{silent} of {ALL} problems")


def test_a_slice_is_chosen_from_the_metadata(opened: Open) -> None:
    shown = opened()
    shown.select_option("#column", "level")
    shown.select_option("#value", "</script>")
    assert count(shown) == f"{len(HOSTILE) - 1} of {ALL} problems"


def test_a_problem_shows_votes_paths_prompts_and_texts(opened: Open, runs: list[Run]) -> None:
    shown = opened()
    shown.fill("#search", "sum-17")
    waits_for(shown, "#count", f"1 of {ALL}")
    shown.locator(".row").first.click()
    shown.locator("#problem .path").first.wait_for()
    assert shown.locator("#problem h3").text_content() == "sum-17"
    assert shown.locator("#problem .asked-whole").text_content() == "What is 17 + 2?"
    assert shown.locator("#problem .tally .number").all_text_contents() == ["3", "2"]
    assert shown.locator("#problem .strip button").count() == 5
    shown.locator("#problem .strip button").nth(1).click()
    path = runs[0]["sum-17"].result.paths[1]
    opened_path = shown.locator("#problem details.path").nth(1)
    assert opened_path.locator("mark").last.text_content() == path.text[slice(*path.span)] == "21"
    opened_path.locator("summary", has_text="prompt").first.click()
    opened_path.locator(".prompt pre", has_text="What is 17 + 2?").first.wait_for()


def test_a_link_opens_a_problem_with_a_run_beside(opened: Open, runs: list[Run]) -> None:
    shown = opened(link(runs[0], "sum-3", runs[1]))
    assert shown.locator("#problem h3").text_content() == "sum-3"
    assert shown.locator("#problem .side h4").all_text_contents() == ["self-consistency", "direct · <i>second</i>"]
    assert shown.locator(".row[aria-selected=true] .id").text_content() == "sum-3"
    shown.evaluate("hash => { location.hash = hash; }", link(runs[2], "only"))
    waits_for(shown, "#problem h3", "only")
    assert count(shown) == "1 problem"
    shown.evaluate("hash => { location.hash = hash; }", link(runs[2], "no such"))
    waits_for(shown, "#problem", "This run has no problem no such.")


def test_another_run_shows_the_same_problem_wherever_it_stands(opened: Open, tmp_path: Path) -> None:
    """Runs list their problems as they were run: here in two orders."""
    pair = [
        evals.evaluate(sums(), Direct(shots=None), scripted(says), out=tmp_path, name=order, order=order)
        for order in ("seeded", "source")
    ]
    shown = opened(link(pair[0], "sum-17"), file=evals.report(pair, tmp_path / "orders.html").file)
    places = set()
    for order in ("source", "seeded"):
        shown.select_option("#run-a", label=f"direct · {order}")
        waits_for(shown, "#problem h4", f"direct · {order}")
        assert shown.locator("#problem h3").text_content() == "sum-17"
        selected = shown.locator(".row[aria-selected=true]")
        assert selected.locator(".id").text_content() == "sum-17"
        places.add(selected.get_attribute("aria-posinset"))
    assert len(places) == 2


def test_it_can_be_used_by_keyboard_alone(opened: Open) -> None:
    shown = opened()
    shown.keyboard.press("/")
    assert shown.evaluate("document.activeElement.id") == "search"
    shown.keyboard.type("sum-1")
    waits_for(shown, "#count", f"11 of {ALL}")
    shown.keyboard.press("Enter")
    waits_for(shown, "#problem h3", "sum-")
    first = shown.locator("#problem h3").text_content()
    assert shown.evaluate("document.activeElement.id") == "list"
    shown.keyboard.press("ArrowDown")
    second = shown.locator(".row[aria-selected=true] .id").text_content()
    assert second != first
    waits_for(shown, "#problem h3", second)
    shown.keyboard.press("Enter")
    assert shown.evaluate("document.activeElement.id") == "problem"
    shown.keyboard.press("e")
    assert shown.locator("#problem details.path:not([open])").count() == 0
    shown.keyboard.press("Escape")
    assert shown.evaluate("document.activeElement.id") == "list"
    shown.keyboard.press("End")
    assert shown.locator(".row[aria-selected=true]").get_attribute("aria-posinset") == "11"
    shown.keyboard.press("/")
    shown.keyboard.press("Escape")
    waits_for(shown, "#count", f"{ALL} problems")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_shown_and_do_nothing(opened: Open, runs: list[Run], name: str) -> None:
    id = "broken" if name == "broken" else f"hostile <b>{name}</b>"
    shown = opened(link(runs[0], id, runs[1]))
    assert shown.locator("#problem h3").text_content() == id
    shown.locator("#problem h3").click()
    shown.keyboard.press("e")
    shown.locator("#problem details.path").first.locator("pre").last.wait_for()
    text = shown.locator("#problem details.path").first.text_content()
    assert "The answer is 7." in text
    assert shown.locator("#problem script, #problem img, #problem b").count() == 0
    assert "taken" not in shown.title()
    expected = {
        "closes": "</script></style></pre><script>document.title='taken'</script>",
        "long": "show 88",
        "turned": "safe U+202E}eslaf nruterU+202C",
        "broken": "half \ufffd of a pair, and \ufffd another",
        "nul": "beforeU+0000after U+001B[31mredU+0007",
        "template": HOSTILE["template"],
    }
    assert expected[name] in text
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_long_text_is_shown_whole_when_that_is_asked_for(opened: Open, runs: list[Run]) -> None:
    shown = opened(link(runs[1], "hostile <b>long</b>"))
    shown.locator("#problem .path button").first.click()
    assert len(shown.locator("#problem .path pre").first.text_content()) > 99_000


def test_dark_is_dark_and_the_choice_is_kept(opened: Open) -> None:
    def paper(shown: Any) -> str:
        return str(shown.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert paper(opened(color_scheme="light")) == "rgb(255, 255, 255)"
    shown = opened(color_scheme="dark")
    assert paper(shown) == "rgb(20, 23, 27)"
    shown.click("#theme")
    assert (shown.locator("#theme").text_content(), paper(shown)) == ("Theme: light", "rgb(255, 255, 255)")
    shown.reload()
    shown.wait_for_selector(READY, state="attached")
    assert paper(shown) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opened: Open, runs: list[Run], scheme: str) -> None:
    """WCAG 2's contrast of 4.5 for every element with text of its own."""
    shown = opened(link(runs[0], "sum-17", runs[1]), color_scheme=scheme)
    faint = shown.evaluate(
        """() => {
          const linear = (part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
          const light = (rgb) => 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
          const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
          const ground = (node) => {
            for (; node; node = node.parentElement) {
              const seen = parts(getComputedStyle(node).backgroundColor);
              if (seen.length === 3 || seen[3] === 1) return seen;
            }
            return [255, 255, 255];
          };
          return [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility()
            && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())
            && !["SCRIPT", "STYLE", "OPTION", "title"].includes(node.tagName) && !node.disabled).flatMap((node) => {
              const svg = node instanceof SVGElement;
              const [a, b] = [light(parts(getComputedStyle(node)[svg ? "fill" : "color"])), light(ground(node))];
              const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
              return contrast < 4.5 ? [`${node.tagName}.${node.getAttribute("class")}: ${contrast.toFixed(2)}`] : [];
            });
        }"""
    )
    assert faint == []


def test_a_telephone_shows_it_without_scrolling_sideways(opened: Open, runs: list[Run]) -> None:
    for width in (320, 390, 768):
        shown = opened(link(runs[0], "sum-17", runs[1]))
        shown.set_viewport_size({"width": width, "height": 800})
        shown.keyboard.press("e")
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        if width < 700:
            assert shown.locator(".narrow:visible").count() > 0 == shown.locator(".wide:visible").count()


def test_every_control_and_picture_has_a_name(opened: Open, runs: list[Run]) -> None:
    shown = opened(link(runs[0], "sum-17"))
    nameless = shown.evaluate(
        """() => [...document.querySelectorAll("button, input, select, svg, [role=listbox], [role=option], nav")]
          .filter((node) => node.checkVisibility() && !node.textContent.trim() && !node.getAttribute("aria-label")
            && !node.labels?.length).map((node) => node.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    assert shown.locator("main").count() == shown.locator("h1").count() == 1
    assert shown.locator("html").get_attribute("lang") == "en"


def test_on_paper_are_figures_and_not_controls(opened: Open, runs: list[Run]) -> None:
    shown = opened(link(runs[0], "sum-17"), color_scheme="dark")
    shown.emulate_media(media="print")
    assert shown.locator("table.runs").is_visible()
    assert shown.locator("#problem .asked-whole").is_visible()
    for gone in ("nav", "#theme", "#list", ".controls"):
        assert not shown.locator(gone).is_visible()
    assert shown.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_a_large_run_opens_and_its_last_problem_is_found(opened: Open, tmp_path: Path) -> None:
    """How fast, says tests/benchmarks/report_open.py."""
    made = evals.report([talkative_run(1319, 40, tmp_path / "runs")], tmp_path / "large.html")
    assert made.bytes <= 30e6
    shown = opened(file=made.file)
    assert count(shown) == "1,319 problems"
    assert shown.locator(".row").count() < 60
    shown.locator("#list").focus()
    shown.keyboard.press("End")
    shown.locator("#problem .path").nth(39).wait_for()
    assert shown.locator("#problem .strip button").count() == 40
