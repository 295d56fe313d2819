"""The command line, as a person meets it: real processes, exit codes, one document on standard output."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.cli.main import VERBS, main

ROOT = Path(__file__).parents[2]
Cli = Callable[..., subprocess.CompletedProcess[str]]

TASK = "name: mine\nsource: {jsonl: items.jsonl}\nquestion: q\ngold: a\nmetadata: {level: level}\n"


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("REASONING_", "OPENAI_"))}
    return {**kept, "COLUMNS": "120", **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "items.jsonl").write_text(
        '{"q": "3 * 6?", "a": 18, "level": 1}\n{"q": "3 * 7?", "a": 21, "level": 2}\n'
    )
    (tmp_path / "mine.yaml").write_text(TASK)
    return tmp_path


@pytest.fixture
def cli(folder: Path) -> Cli:
    """`reasoning …` in the folder, with a store and data of its own."""

    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "evals.cli.main", *arguments]
        told = environment(XDG_DATA_HOME=str(folder / "data"), PYTHONPATH=str(ROOT), **variables)
        return subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=170)

    return call


def one_sentence(done: subprocess.CompletedProcess[str], code: int) -> str:
    """What a command that cannot be done as asked says: one line, no traceback, nothing on standard output."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def test_a_run_prints_one_json_document_and_the_rest_beside_it(cli: Cli, folder: Path) -> None:
    done = cli("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "-s", "chain-of-thought", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert [run["strategy"] for run in document["runs"]] == ["direct", "chain-of-thought"]
    run = document["runs"][0]
    promised = {"task", "strategy", "backend", "items", "accuracy", "interval", "bounds", "usage", "cost", "paid"}
    assert promised | {"seconds", "lost", "folder"} <= set(run)
    assert (run["task"], run["backend"], run["items"], run["accuracy"]) == ("mine", "scripted/constant", 2, 0.5)
    assert (folder / run["folder"] / "results.jsonl").exists()
    assert "50.0 [9.5, 90.5]" in done.stderr
    assert (folder / "data" / "reasoning" / "draws.sqlite").exists()


def test_fresh_buys_anew_of_the_judge_too(cli: Cli) -> None:
    votes = ["-s", "best-of-n", "-S", "of=direct", "-S", "samples=2", "-S", "of.sampling.temperature=0.5"]
    command = ["run", "mine.yaml", "-b", "scripted/constant", "--role", "judge=scripted/constant", *votes, "--json"]
    bought = [cli(*command, "--out", out, *more) for out, more in (("a", []), ("b", []), ("c", ["--fresh"]))]
    paid = [json.loads(done.stdout)["runs"][0]["paid"] for done in bought]
    assert paid[0]["draws"] == paid[2]["draws"] > 2 * 2
    assert paid[1]["draws"] == 0


NOISY = """
from reasoning import Path, PathStrategy, Request, draw


class Noisy(PathStrategy):
    \"\"\"Prints, as engines and Ray's listener do.\"\"\"

    async def path(self, problem, backend, index):
        print("a print of theirs")
        return Path.read(problem, index, (await draw(backend, Request(prompt=problem.question), index),))
"""


@pytest.mark.parametrize("verb", ["run mine.yaml", "plan mine.yaml", "solve 3*6?"])
def test_what_others_print_stays_off_standard_output(cli: Cli, folder: Path, verb: str) -> None:
    (folder / "noisy.py").write_text(NOISY)
    about = folder / "noisy-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[reasoning.strategies]\nnoisy = noisy:Noisy\n")
    done = cli(*verb.split(), "-b", "scripted/constant", "-s", "noisy", "--json")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    assert "a print of theirs" in done.stderr


def test_fields_options_and_tags_reach_the_run(cli: Cli, folder: Path) -> None:
    arguments = ["-S", "of=chain-of-thought", "-S", "samples=3", "-S", "of.sampling.temperature=0.5"]
    more = [
        "-B",
        "text=The answer is 21.",
        "--role",
        "judge=scripted/echo",
        "--tag",
        "who=me",
        "--name",
        "n",
        "--seed",
        "4",
    ]
    done = cli(
        "run", "mine.yaml", "-b", "scripted/constant", "-s", "self-consistency", *arguments, *more, "--out", "out"
    )
    assert done.returncode == 0
    header = json.loads((folder / "out" / "mine--self-consistency--scripted-constant--n" / "run.json").read_text())
    voted = header["strategy"]["self-consistency"]
    assert (voted["samples"], voted["of"]["chain-of-thought"]["sampling"]["temperature"]) == (3, 0.5)
    assert (header["tags"], header["seed"], header["backends"]["judge"]["spec"]) == ({"who": "me"}, 4, "scripted/echo")
    assert header["backend"]["options"] == {"text": "The answer is 21."}


def test_running_again_goes_on_and_a_difference_is_refused(cli: Cli) -> None:
    assert cli("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "--limit", "1").returncode == 0
    more = cli("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "--json")
    assert json.loads(more.stdout)["runs"][0]["done"] == 2
    assert "limit grew from 1 to all" in more.stderr
    refused = cli("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "--seed", "1")
    assert "seed differs, it was 0 and is now 1" in one_sentence(refused, 2)


def test_flag_goes_before_environment_before_suite(cli: Cli, folder: Path) -> None:
    suite = "defaults: {store: suite.sqlite}\ntasks: [mine.yaml]\nstrategies: [direct]\nbackends: [scripted/constant]\n"
    (folder / "suite.yaml").write_text(suite)
    cli("run", "suite.yaml", "--store", "flag.sqlite", "--name", "a", REASONING_STORE="environment.sqlite")
    assert (folder / "flag.sqlite").exists()
    assert not (folder / "environment.sqlite").exists()
    cli("run", "suite.yaml", "--name", "b", REASONING_STORE=str(folder / "environment.sqlite"))
    assert (folder / "environment.sqlite").exists()
    assert not (folder / "suite.sqlite").exists()
    cli("run", "suite.yaml", "--name", "c")
    assert (folder / "suite.sqlite").exists()
    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "gsm9k"], "Did you mean 'gsm8k'"),
        (["run", "mine.yaml", "-b", "lokal"], "Did you mean 'local'"),
        (["run", "mine.yaml", "-b", "scripted/constan"], "Did you mean 'constant'"),
        (["run", "mine.yaml", "-b", "scripted/constant", "-B", "latency=1"], "Did you mean 'latency_s'"),
        (["run", "mine.yaml", "-s", "chain-of-thougt"], "Did you mean 'chain-of-thought'"),
        (["run", "mine.yaml", "-s", "direct", "-S", "samplng.temperature=1"], "Did you mean 'sampling'"),
        (["run", "mine.yaml", "-s", "direct", "-S", "sampling.temperature=9"], "sampling.temperature"),
        (["run", "mine.yaml", "--where", "levl == 1"], "Did you mean 'level'"),
        (["run", "mine.yaml", "--limit", "0"], "limit"),
        (["run", "mine.yaml", "--repeats", "2", "-s", "direct"], "greedily"),
        (["run", "mine.yaml", "--tag", "who"], "key=value"),
        (["run", "mine.yaml", "--spend-limit", "euro=1"], "Unknown spend limit 'euro'"),
        (["run", "gsm8k", "--data", "nowhere.jsonl"], "nowhere.jsonl"),
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "mine.yaml", "-b", "openai/gpt-4o"], "OPENAI_API_KEY"),
        (["run", "mine.yaml", "--store", "mine.yaml", "-b", "scripted/constant"], "mine.yaml"),
        (["solve", "3 * 6?", "--kind", "nmber"], "Did you mean 'number'"),
        (["show", "nowhere"], "nowhere"),
        (["list", "task"], "Did you mean 'tasks'"),
        (["rn"], "Did you mean 'run'"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "REASONING_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["reasoning", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    shown = capsys.readouterr()
    assert (stopped.value.code, shown.out) == (2, "")
    (line,) = shown.err.strip().splitlines()
    assert message in line


def test_a_traceback_comes_with_v_alone(cli: Cli) -> None:
    assert "Traceback" in cli("run", "gsm9k", "-v").stderr


def test_bad_data_is_named_with_its_line(cli: Cli, folder: Path) -> None:
    (folder / "items.jsonl").write_text('{"q": "3 * 6?", "a": 18, "level": 1}\n{"q": oops}\n')
    assert "items.jsonl, line 2" in one_sentence(cli("run", "mine.yaml", "-b", "scripted/constant"), 2)


def test_a_wrong_address_is_said_in_one_sentence_with_what_to_do(cli: Cli, folder: Path) -> None:
    told = ("-B", "base_url=http://127.0.0.1:9/v1", "-B", "retry={attempts: 1}", "--store", "none")
    done = cli("run", "mine.yaml", "-b", "openai/m", "-s", "direct", *told, OPENAI_API_KEY="any")
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("reasoning: ")]
    assert "2 of 2 problems are lost, most often: connection: The connection to http://127.0.0.1:9/v1 failed" in line
    assert line.endswith("Run the same command again to go on with them.")


def test_lost_items_make_exit_code_1(cli: Cli, folder: Path) -> None:
    done = cli(
        "run",
        "mine.yaml",
        "-b",
        "scripted/constant",
        "-s",
        "direct",
        "--spend-limit",
        "calls=1",
        "--store",
        "none",
        "--json",
    )
    assert done.returncode == 1
    run = json.loads(done.stdout)["runs"][0]
    assert (run["status"], run["done"], run["lost"], run["failures"]) == ("spend limit", 1, {"not_run": 1}, 1)
    assert "stopped" in done.stderr


def test_show_tells_of_a_run_a_problem_and_a_column(cli: Cli) -> None:
    cli("run", "mine.yaml", "-b", "scripted/constant", "-s", "direct")
    place = "runs/mine--direct--scripted-constant"
    page = cli("show", place, "--by", "level", "--items")
    assert page.returncode == 0
    assert "50.0 [9.5, 90.5]" in page.stdout
    assert "3 * 7?" in page.stdout
    told = json.loads(cli("show", place, "--by", "level", "--items", "--json").stdout)
    assert [(found["value"], found["accuracy"]) for found in told["by"]["level"]] == [(1, 1.0), (2, 0.0)]
    one = told["results"][0]["id"]
    problem = cli("show", place, one)
    assert "The answer is 18." in problem.stdout
    document = json.loads(cli("show", place, one, "--json").stdout)
    assert document["repeats"][0]["result"]["problem"]["id"] == one
    assert "Did you mean" in one_sentence(cli("show", place, "--by", "levle"), 2)


def test_solve_prints_the_answer_alone(cli: Cli) -> None:
    done = cli("solve", "What is 3 * 6?", "-b", "scripted/constant")
    assert (done.returncode, done.stdout) == (0, "18\n")
    document = json.loads(cli("solve", "3 * 6?", "-b", "scripted/constant", "--json").stdout)
    assert (document["answer"], len(document["paths"])) == ("18", 1)
    nothing = cli("solve", "3 * 6?", "-b", "scripted/constant", "-B", "text=I do not know", "--store", "none")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no answer" in nothing.stderr


@pytest.mark.parametrize(("what", "one"), [("tasks", "gsm8k"), ("tasks", "reasoning-gym:products"), ("suites", "demo")])
def test_list_names_what_there_is(what: str, one: str, cli: Cli) -> None:
    assert one in cli("list", what).stdout.splitlines()
    assert one in json.loads(cli("list", what, "--json").stdout)[what]


@pytest.mark.parametrize(("what", "one"), [("strategies", "self-consistency"), ("backends", "scripted")])
def test_list_tells_what_they_are(what: str, one: str, cli: Cli) -> None:
    entries = json.loads(cli("list", what, "--json").stdout)[what]
    assert next(entry for entry in entries if entry["name"] == one)["about"]
    assert one in cli("list", what).stdout


def test_every_verb_has_help_with_an_example(cli: Cli) -> None:
    whole = cli("--help")
    assert whole.returncode == 0
    for verb in VERBS:
        assert f"  {verb} " in whole.stdout
        told = cli(verb, "--help")
        assert (told.returncode, f"Example: reasoning {verb}" in told.stdout) == (0, True)


def test_doctor_says_what_works(cli: Cli) -> None:
    findings = {found["what"]: found for found in json.loads(cli("doctor", "--json").stdout)["findings"]}
    assert findings["package reasoning"]["works"]
    assert findings["store of draws"]["works"]
    assert not findings["OpenAI key"]["works"]


def test_the_shell_completes_verbs_and_options() -> None:
    def completed(words: str) -> list[str]:
        asked = environment(_REASONING_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
        command = [str(Path(sys.executable).parent / "reasoning")]
        return subprocess.run(command, env=asked, capture_output=True, text=True, check=True).stdout.split()

    assert completed("reasoning re") == ["report", "replay", "rescore"]
    assert "--strategy" in completed("reasoning run --str")


def test_help_loads_neither_pydantic_nor_rich_nor_a_verb(folder: Path) -> None:
    code = """
import sys
from evals.cli.main import main
sys.argv = ["reasoning", "--help"]
try:
    main()
except SystemExit:
    print(sorted(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = done.stdout.rpartition("[")[2]
    for heavy in ("'pydantic'", "'rich'", "'evals.cli.run'", "'openai'", "'asyncio'"):
        assert heavy not in modules


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(folder: Path, how: signal.Signals) -> None:
    rows = "".join(json.dumps({"q": f"{i}?", "a": 18, "level": i}) + "\n" for i in range(400))
    (folder / "items.jsonl").write_text(rows)
    command = ["run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "--store", "none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "evals.cli.main", *command, "-B", "latency_s=0.02", "-B", "max_concurrency=2"],
        cwd=folder, env=environment(PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    log = folder / "runs" / "mine--direct--scripted-constant" / "results.jsonl"
    while process.poll() is None and not (log.exists() and log.stat().st_size):
        time.sleep(0.01)
    process.send_signal(how)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert "Go on with: reasoning run mine.yaml -b scripted/constant" in stderr
    assert "Traceback" not in stderr
    done = len(log.read_text().splitlines())
    assert 0 < done < 400
    assert json.loads((log.parent / "run.json").read_text())["status"] == "interrupted"


def test_an_engine_that_does_not_let_go_holds_no_interrupt_up(folder: Path) -> None:
    """It computes a step of a minute in a thread, which the interpreter's own end would wait for."""
    (folder / "sitecustomize.py").write_text(
        "import asyncio, time\n"
        "from reasoning import loop\n"
        "from reasoning.backends.scripted import Scripted\n"
        "loop.TELL_AFTER_S, loop.WIND_DOWN_S = 0.1, 0.3\n"
        "async def aclose(self):\n"
        "    await asyncio.to_thread(time.sleep, 50)\n"
        "Scripted.aclose = aclose\n"
    )
    (folder / "items.jsonl").write_text(
        "".join(json.dumps({"q": f"{i}?", "a": 18, "level": i}) + "\n" for i in range(99))
    )
    command = ["run", "mine.yaml", "-b", "scripted/constant", "-s", "direct", "--store", "none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "evals.cli.main", *command, "-B", "latency_s=0.05", "-B", "max_concurrency=1"],
        cwd=folder, env=environment(PYTHONPATH=f"{folder}:{ROOT}"), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    log = folder / "runs" / "mine--direct--scripted-constant" / "results.jsonl"
    while process.poll() is None and not (log.exists() and log.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=40)
    assert process.returncode == 130
    assert "Ctrl-C once more" in stderr
    assert "Go on with: reasoning run mine.yaml" in stderr
    assert "Traceback" not in stderr
    assert json.loads((log.parent / "run.json").read_text())["status"] == "interrupted"


def lines_of(run: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / run["folder"] / "results.jsonl").read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.model
def test_the_embedded_model_runs_a_generated_task_end_to_end(cli: Cli, folder: Path) -> None:
    arguments = ["-s", "direct", "-s", "program-of-thought", "-S", "most_shots=4", "--limit", "4", "--json"]
    done = cli("run", "reasoning-gym:products", "-b", "local", *arguments)
    assert done.returncode == 0, done.stderr
    direct, programs = json.loads(done.stdout)["runs"]
    assert programs["accuracy"] > direct["accuracy"]
    assert programs["paid"]["draws"] == 4
    line = lines_of(programs, folder)[0]
    assert line["p"][0]["o"]
    again = cli("run", "reasoning-gym:products", "-b", "local", *arguments, "--name", "again")
    first, second = (json.loads(shown.stdout)["runs"][1] for shown in (done, again))
    assert (second["accuracy"], second["paid"]["draws"]) == (first["accuracy"], 0)


@pytest.mark.slow
@pytest.mark.model
def test_gsm8k_from_a_file_runs_on_the_embedded_model(cli: Cli, gsm8k: Path, folder: Path) -> None:
    data = str(gsm8k / "test.jsonl")
    short = ["-S", "most_shots=2", "-S", "sampling.max_tokens=64"]
    done = cli("run", "gsm8k", "--data", data, "--limit", "8", "-b", "local", "--json", *short)
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["items"], run["done"], run["failures"]) == (8, 8, 0)
    assert run["usage"]["completion_tokens"] > 0
    assert len({line["id"] for line in lines_of(run, folder)}) == 8
