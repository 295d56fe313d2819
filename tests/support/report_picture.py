"""The README's picture of a report, from real runs.

    python tests/support/report_picture.py RUN… --problem ID --of RUN --beside RUN -o docs/images/report.png

Runs of one task; one of them votes. Its problem is shown, beside that of another run. Needs what `make test-browser`
installs; Inter, Debian's fonts-inter, is the typeface that the page asks for first.
"""

import argparse
import io
import tempfile
from pathlib import Path
from urllib.parse import quote

from chromium import READY, browser
from PIL import Image

from evals.reporting.writing import report
from evals.run import load_run

WIDTH, SCALE, COLOURS = 1200, 1.5, 96


def main() -> None:
    """Writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--problem", required=True)
    parser.add_argument("--of", type=Path, required=True)
    parser.add_argument("--beside", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        file = report([load_run(run) for run in given.runs], Path(folder) / "report.html").file
        page = chromium.new_page(viewport={"width": WIDTH, "height": 760}, device_scale_factor=SCALE)
        page.goto(file.as_uri())
        page.wait_for_selector(READY, state="attached")
        end = page.locator("#votes").bounding_box()["y"]
        top = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": end})
        page.goto(f"{file.as_uri()}#{quote(given.of.name)}/{quote(given.problem)}?beside={quote(given.beside.name)}")
        page.reload()
        page.wait_for_selector(READY, state="attached")
        page.locator("#problem .strip button").first.click()
        page.locator("#problem .path pre").first.wait_for()
        page.evaluate("""() => {
            document.querySelector("nav").hidden = true;
            document.documentElement.style.scrollPaddingTop = "24px";
            document.querySelector("#problems h2").scrollIntoView({ behavior: "instant" });
        }""")
        page.evaluate("document.activeElement.blur()")
        low = page.screenshot()
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data in (top, low)]
    whole = Image.new("RGB", (pictures[0].width, sum(one.height for one in pictures)), "white")
    whole.paste(pictures[0], (0, 0))
    whole.paste(pictures[1], (0, pictures[0].height))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    whole.quantize(COLOURS, dither=Image.Dither.NONE).save(given.out, optimize=True)
    print(given.out, given.out.stat().st_size)


if __name__ == "__main__":
    main()
