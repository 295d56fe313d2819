"""Charts: well-formed, escaped, true to their figures."""

from xml.etree import ElementTree

from markupsafe import Markup

from evals import rendering
from evals.reporting import charts
from evals.reporting.charts import Dot, Line

EVIL = "</text><script>alert(1)</script>\"' onload=x"
SVG = "{*}"


def parsed(markup: Markup) -> ElementTree.Element:
    """The chart, read by an XML parser."""
    return ElementTree.fromstring(str(markup))


def dots(*given: tuple[str, float, float]) -> list[Dot]:
    return [Dot(label, x, y, max(0, y - 0.1), min(1, y + 0.1)) for label, x, y in given]


def circles(markup: Markup) -> list[ElementTree.Element]:
    return parsed(markup).findall(f".//{SVG}circle")


def test_what_a_label_says_is_text_and_nothing_else() -> None:
    line = Line(EVIL, dots((EVIL, 1, 0.5), (EVIL, 2, 0.6)))
    pictures = [
        charts.scatter(dots((EVIL, 1, 0.5)), EVIL, rendering.count, 500, 300),
        charts.curves([line], 500, 300),
        charts.stacked({EVIL: 3}, {EVIL: "s-right"}),
        charts.histogram(1, 10, [1, 2], {"p50": 2}, EVIL),
    ]
    for picture in pictures:
        tags = {element.tag for element in parsed(picture).iter()}
        assert tags <= {"svg", "line", "circle", "title", "text", "polyline", "polygon", "rect"}
        assert all(not name.startswith("on") for element in parsed(picture).iter() for name in element.attrib)


def test_the_front_is_filled_and_the_rest_is_not() -> None:
    picture = charts.scatter(dots(("a", 1, 0.2), ("b", 2, 0.6), ("c", 3, 0.5)), "tokens", rendering.count, 500, 300)
    assert [one.get("class") for one in circles(picture)] == ["dot best", "dot best", "dot"]


def test_better_is_higher_and_dearer_is_further_right() -> None:
    cheap, dear = circles(charts.scatter(dots(("a", 10, 0.2), ("b", 30, 0.9)), "tokens", str, 500, 300))
    assert float(cheap.get("cx", 0)) < float(dear.get("cx", 0))
    assert float(cheap.get("cy", 0)) > float(dear.get("cy", 0))


def test_all_that_is_drawn_lies_within_the_picture() -> None:
    for width in (340, 520, 760):
        many = dots(*((f"a run with a long name {n}", 10.0 + n, 0.5) for n in range(6)))
        picture = parsed(charts.scatter(many, "tokens", rendering.count, width, 300))
        for circle in picture.findall("circle"):
            assert 0 <= float(circle.get("cx", 0)) <= width
            assert 0 <= float(circle.get("cy", 0)) <= 300


def test_labels_keep_clear_of_each_other() -> None:
    near = dots(*((f"run-{n}", 100.0 + n, 0.5 + n / 100) for n in range(5)))
    labels = [
        (float(one.get("x", 0)), float(one.get("y", 0)))
        for one in parsed(charts.scatter(near, "tokens", rendering.count, 520, 340)).findall("text")
        if "label" in (one.get("class") or "")
    ]
    wide = 5 * charts.CHARACTER
    for number, (x, y) in enumerate(labels):
        for other_x, other_y in labels[:number]:
            assert abs(x - other_x) >= wide * 0.9 or abs(y - other_y) >= 9


def test_a_bar_is_as_long_as_its_share() -> None:
    bars = parsed(charts.stacked({"right": 3, "wrong": 1, "lost": 0}, {"right": "a", "wrong": "b", "lost": "c"}, 200))
    assert [(bar.get("x"), bar.get("width")) for bar in bars.findall("rect")] == [("0", "149"), ("150", "49")]


def test_a_picture_says_in_words_what_it_shows() -> None:
    picture = parsed(charts.scatter(dots(("direct", 10, 0.25)), "tokens", rendering.count, 500, 300))
    assert picture.get("role") == "img"
    assert "direct: 25.0 % [15.0, 35.0] at 10" in (picture.get("aria-label") or "")


def test_curves_show_a_point_a_number_of_samples_and_the_first_ones_band() -> None:
    best = Line("majority", dots(("m", 1, 0.5), ("m", 2, 0.6), ("m", 40, 0.7)))
    other = Line("weighted", dots(("w", 1, 0.5), ("w", 40, 0.6)))
    picture = parsed(charts.curves([best, other], 500, 300))
    assert len(picture.findall("circle")) == 5
    assert len(picture.findall("polygon")) == 1
    assert [one.get("class") for one in picture.findall("polyline")] == ["curve best", "curve dash1"]


def test_one_sample_alone_is_a_curve_too() -> None:
    assert len(circles(charts.curves([Line("majority", dots(("m", 1, 0.0)))], 340, 280))) == 1
