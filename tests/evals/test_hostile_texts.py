"""What a model writes, and what a program leaves, breaks no verb."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from solving import scripted

from evals.cli.main import main
from evals.item import Item
from evals.runner import evaluate
from evals.task import Task
from evals.terminal import SafeStream
from reasoning.answer import kind
from reasoning.errors import DataError
from reasoning.pricing import load_prices
from reasoning.request import Request
from strategies.strategy import Strategy

ROOT = Path(__file__).parents[2]
Verb = Callable[..., int]


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Verb:
    """A verb in this process; its exit code."""

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["reasoning", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REASONING_STORE", "none")
    return call


def run_of(text: str, strategy: str, answers: str = "number", name: str | None = None) -> str:
    """The folder of a run in which the model always says the text."""

    def script(request: Request, index: int) -> str:
        return text

    items = [Item.of(f"item {n}", f"How many, {n}?", gold, answers) for n, gold in enumerate(("7", "8"))]
    task = Task(name="hostile", kind=kind(answers), load=lambda: items)
    few = {"universal-self-consistency": {"samples": 2}, "self-refine": {"rounds": 1}, "best-of-n": {"samples": 2}}
    run = evaluate(task, Strategy.of_config({strategy: few.get(strategy, {})}), scripted(script), out="runs", name=name)
    assert run.folder is not None
    return str(run.folder)


HUGE = "9" * 5000
NUMBERS = {
    "a power": ("ans = 10**6000", "program-of-thought"),
    "a list of powers": ("ans = [10**6000, {'x': -10**6000}]", "program-of-thought"),
    "a fraction": ("from fractions import Fraction\nans = Fraction(10**6000 + 1, 3)", "program-of-thought"),
    "a power shown to the model": ("ans = 10**6000", "self-refine"),
    "as many digits as a number may have": (f"The answer is {'9' * 4000}", "direct"),
    "more digits": (f"The answer is {HUGE}", "direct"),
    "a third of many digits": (f"The answer is 1/{'9' * 3999}", "direct"),
    "a response's number": (f"The answer is {{index}}. Response {HUGE}", "universal-self-consistency"),
    "a grade": (f"The answer is 5. Score: {HUGE}", "best-of-n"),
}


@pytest.mark.parametrize("answers", ["number", "text"])
@pytest.mark.parametrize("case", NUMBERS)
def test_a_number_of_any_size_breaks_no_verb(
    case: str, answers: str, verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    text, strategy = NUMBERS[case]
    folder, other = (run_of(text, strategy, answers, name) for name in (None, "again"))
    lines = (Path(folder) / "results.jsonl").read_text(encoding="utf-8")
    assert all(json.loads(line).get("error") is None for line in lines.splitlines())
    capsys.readouterr()
    for command in (
        ("show", folder), ("show", folder, "item 0"), ("show", folder, "item 0", "--json"), ("show", folder, "--items"),
        ("errors", folder), ("errors", folder, "--json"), ("report", "runs", "-o", "page.html"),
        ("export", folder, "-o", "items.csv"), ("export", folder, "--paths", "-o", "paths.csv"),
        ("export", folder, "-o", "items.parquet"), ("compare", folder, other), ("compare", folder, other, "--json"),
        ("replay", folder, "--json"), ("rescore", folder),
    ):  # fmt: skip
        code = verb(*command)
        said = capsys.readouterr()
        assert code in (0, 2), (command, said.err)
        assert code == 0 or (command[0] in ("replay", "rescore") and said.err.startswith("reasoning: ")), said.err
        if "--json" in command and code == 0:
            json.loads(said.out)


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("digits", [4300, 4301, 5000])
@pytest.mark.parametrize("answers", ["number", "text", "choice", "boolean", "expression"])
def test_a_gold_of_many_digits_is_refused_in_one_sentence(
    answers: str, digits: int, quoted: bool, verb: Verb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if answers == "expression":
        pytest.importorskip("math_verify")
    gold = "9" * digits
    (tmp_path / "items.jsonl").write_text(f'{{"q": "How many?", "a": {json.dumps(gold) if quoted else gold}}}\n')
    (tmp_path / "mine.yaml").write_text(
        f"name: mine\nsource: {{jsonl: items.jsonl}}\nquestion: q\ngold: a\nkind: {answers}\n"
    )
    assert verb("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "the gold '999" in line
    assert len(line) < 400


def test_a_gold_of_many_digits_in_python_too() -> None:
    with pytest.raises(
        DataError, match="the gold a value of type int with more digits than can be written out of item"
    ):
        Item.of("a", "How many?", 10**5000)


def test_a_column_of_many_digits_is_a_text(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text(f'{{"q": "How many?", "a": 7, "m": {HUGE}}}\n')
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\nmetadata: {m: m}\n"
    )
    assert verb("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "--out", "runs") == 0
    (folder,) = Path("runs").iterdir()
    for command in (
        ("show", str(folder), "--by", "m"),
        ("export", str(folder), "-o", "x.csv"),
        ("report", "runs", "-o", "x.html"),
    ):
        assert verb(*command) == 0


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
"""Nine lines that stand for a thousand million values."""


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("run", "bomb.yaml", "-b", "scripted/constant", "-s", "direct"), "bomb.yaml"),
        (("run", "mine.yaml", "-b", "scripted/constant", "-s", "{direct: {system: " + "[" * 4000 + "}}"), "--strategy"),
        (("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "-S", f"shots={HUGE}"), "-S"),
        (("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "-S", "shots=[&a [*a]]"), "-S"),
        (
            ("run", "mine.yaml", "-b", "scripted/constant", "-s", "chain-of-thought", "-S", "shots=bomb.yaml"),
            "bomb.yaml",
        ),
    ],
)
def test_yaml_that_grows_past_all_bounds_is_refused(
    arguments: tuple[str, ...], where: str, verb: Verb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bomb.yaml").write_text(f"name: mine\n{BOMB}\n")
    (tmp_path / "items.jsonl").write_text('{"q": "How many?", "a": 7}\n')
    (tmp_path / "mine.yaml").write_text("name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\n")
    assert verb(*arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("reasoning: ")
    assert where in line


def test_prices_that_grow_past_all_bounds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bomb.yaml").write_text(BOMB)
    with pytest.raises(DataError, match="aliases .* repeat what they stand for until there are over 100,000 values"):
        load_prices(tmp_path / "bomb.yaml")


@pytest.mark.parametrize("key", ["gold_pattern: '{}'", "keep: {{a: '{}'}}"])
@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$"])
def test_a_pattern_that_never_ends_is_refused(
    key: str,
    pattern: str,
    verb: Verb,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evals.patterns.SECONDS", 1.0)
    (tmp_path / "items.jsonl").write_text(json.dumps({"q": "How many?", "a": "a" * 200 + "b"}) + "\n")
    task = f"name: mine\nsource: {{jsonl: items.jsonl}}\nquestion: q\ngold: a\nkind: text\n{key.format(pattern)}\n"
    (tmp_path / "mine.yaml").write_text(task)
    assert verb("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "items.jsonl, line 1" in line
    assert f"{pattern!r} takes longer than 1 s" in line


ESCAPES = (
    "\x1b]52;c;aGk=\x07 \x1b]0;title\x1b\\ \x9b31m \x9d0;t\x9c \x1b[2J \x08\x7f\x0b\r \u202egpj.exe\u2066 \u200f\u2028"
)
"""The clipboard, the title, C1 in place of ESC [, a cleared screen, and text in another order than it has."""
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def hostile_run(name: str | None = None) -> str:
    """The folder of a run in which everything that a stranger writes holds escapes."""

    def script(request: Request, index: int) -> str:
        program = f"import sys\nprint({ESCAPES!r})\nsys.stderr.write({ESCAPES!r})\nans = {ESCAPES!r}"
        return f"{ESCAPES}\n```python\n{program}\n```\n"

    items = [
        Item.of(f"id {n} {ESCAPES}", f"{n}? {ESCAPES}", f"gold {ESCAPES}", "text", metadata={f"m{ESCAPES}": ESCAPES})
        for n in range(2)
    ]
    task = Task(name=f"task {ESCAPES}", kind=kind("text"), load=lambda: items)
    backend = scripted(script)
    backend.spec = f"scripted/{ESCAPES}"
    run = evaluate(task, Strategy.of_config("program-of-thought"), backend, out="runs", name=name, tags={"t": ESCAPES})
    assert run.folder is not None
    return str(run.folder)


def test_no_verb_lets_an_escape_reach_the_terminal(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    folder, other = hostile_run(), hostile_run(name=f"again {ESCAPES}")
    capsys.readouterr()
    shown = ""
    for command in (
        ("show", folder), ("show", folder, f"id 0 {ESCAPES}"), ("show", folder, f"id 0 {ESCAPES}", "--json"),
        ("show", folder, "--items"), ("show", folder, "--items", "--json"), ("show", folder, "--by", f"m{ESCAPES}"),
        ("show", folder, f"no such {ESCAPES}"), ("errors", folder), ("errors", folder, "--json"),
        ("report", "runs", "-o", "page.html"), ("export", folder, "-o", "items.csv"), ("compare", folder, other),
        ("compare", folder, other, "--json"), ("replay", folder), ("rescore", folder), ("rescore", folder, "--json"),
        ("list", f"x{ESCAPES}"), ("run", f"x{ESCAPES}", "-b", "scripted/constant"), (f"x{ESCAPES}",),
        ("solve", "How many?", "-b", "scripted/constant", "-B", f"text={json.dumps(ESCAPES)}", "--kind", "text"),
        ("solve", "How many?", "-b", f"scripted/{ESCAPES}"), ("plan", folder), ("import", ESCAPES),
    ):  # fmt: skip
        verb(*command)
        said = capsys.readouterr()
        assert RAW.findall(said.out + said.err) == [], (command, said)
        shown += said.out
        if "--json" in command and said.out:
            json.loads(said.out)
    assert "\\u001b]52;c;aGk=\\u0007" in shown, "it is shown what there is"


def texts_in(value: object) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)


def test_json_is_the_same_document_after_escaping(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    folder = hostile_run()
    capsys.readouterr()
    assert verb("show", folder, f"id 0 {ESCAPES}", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["id"] == f"id 0 {ESCAPES}"
    (text,) = {text for text in texts_in(told) if "```python" in text and text.startswith(ESCAPES)}
    assert text.endswith("```\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_stream_of_any_encoding_takes_any_text(encoding: str) -> None:
    bytes_written = io.BytesIO()
    stream = SafeStream(io.TextIOWrapper(bytes_written, encoding=encoding, newline="\n"))
    stream.write(json.dumps(f"é – 答 😀 \ud800 {ESCAPES}", ensure_ascii=False))
    stream.flush()
    read = bytes_written.getvalue().decode(encoding)
    assert json.loads(read) == f"é – 答 😀 \ud800 {ESCAPES}"
    assert RAW.findall(read) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "RUN"),
        ("show", "RUN", "ID"),
        ("errors", "RUN"),
        ("report", "runs"),
        ("list", "tasks"),
        ("doctor",),
        ("--help",),
        ("run", "--help"),
    ],
)
def test_an_ascii_terminal_is_no_traceback(arguments: tuple[str, ...], verb: Verb, tmp_path: Path) -> None:
    folder = hostile_run()
    command = [{"RUN": folder, "ID": f"id 0 {ESCAPES}"}.get(word, word) for word in arguments]
    told = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "evals.cli.main", *command], cwd=tmp_path, env=told, capture_output=True, timeout=170
    )
    assert done.returncode in (0, 1), done.stderr
    assert (done.stdout + done.stderr).isascii()
    assert b"Traceback" not in done.stderr


FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK('http://x')", "-2+3+cmd|' /C calc'!A0"]


def test_no_cell_of_an_export_is_a_formula(verb: Verb) -> None:
    texts = iter([*FORMULAS, "-5", "+2.5", "-1/3"])
    items = [
        Item.of(text, text, text.strip(), "text", metadata={f"={n}": text}, group=text)
        for n, text in enumerate(FORMULAS)
    ]
    task = Task(name="=task", kind=kind("text"), load=lambda: items)
    run = evaluate(task, "direct", scripted(lambda request, index: next(texts)), out="runs", name="=name")
    for extra in ((), ("--paths",)):
        assert verb("export", str(run.folder), "-o", "x.csv", *extra) == 0
        rows = list(csv.reader(io.StringIO(Path("x.csv").read_bytes().decode(), newline="")))
        assert len(rows) == 1 + len(FORMULAS)
        assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
        assert any(cell == "'=1+1" for row in rows for cell in row)


def test_a_negative_number_stays_one_in_an_export(verb: Verb) -> None:
    items = [Item.of("a", "How many?", "-5"), Item.of("b", "And of these?", "-1/3")]
    task = Task(name="mine", kind=kind("number"), load=lambda: items)
    run = evaluate(task, "direct", scripted(lambda request, index: "The answer is -5"), out="runs")
    assert verb("export", str(run.folder), "-o", "x.csv") == 0
    rows = list(csv.DictReader(io.StringIO(Path("x.csv").read_bytes().decode(), newline="")))
    assert sorted((row["answer"], row["gold"]) for row in rows) == [("-5", "-1/3"), ("-5", "-5")]
