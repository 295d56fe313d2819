"""Our own cost beside the field's: the same job by each project's own means, each in an environment of its own.

1,319 problems of GSM8K's size, chain of thought, a model that answers at once, each reply scored and (where the project
does that) logged; then once more in the same folder, with whatever the project keeps; and the whole command, from its
start to its end, of each project that has a command line. Besides, programs: this project's contained ones against an
interpreter in the caller's own process. Environments are made under `.cache/peers/` by the first call. Rounds are
interleaved; medians are told.

    python tests/benchmarks/peers.py [--problems 1319] [--rounds 3] [--only inspect_ai,lm-eval] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "peers"))

from made import REPLY, write_problems

ROOT = Path(__file__).parents[2]
JOBS = Path(__file__).parent / "peers"
ENVIRONMENTS = ROOT / ".cache" / "peers"


@dataclass(frozen=True)
class Peer:
    """A job, and what its environment holds; None for this one."""

    name: str
    script: str
    needs: tuple[str, ...] | None = None
    arguments: tuple[str, ...] = ()
    programs: bool = False
    help: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None


REPLIES = ("-b", "scripted/constant", "-B", f"text={REPLY}")
OURS = ("-m", "evals.cli.main", "run", "ours_made.yaml", *REPLIES, "-s", "chain-of-thought", "--store")
FIGURES = ("cold", "again", "bytes", "command")
LOGGED = ("--output_path", "out", "--log_samples")

PEERS = (
    Peer(
        "this project",
        "ours_job.py",
        help=("-m", "evals.cli.main", "--help"),
        command=(*OURS, "draws.sqlite"),
    ),
    Peer("this project, no store", "ours_job.py", arguments=("--no-store",), command=(*OURS, "none")),
    Peer(
        "inspect_ai",
        "inspect_job.py",
        ("inspect-ai==0.3.285",),
        ("--realtime",),
        help=("-m", "inspect_ai", "--help"),
        command=("-m", "inspect_ai", "eval", "inspect_made.py", "--display", "none", "--max-connections", "64"),
    ),
    Peer("inspect_ai, no realtime log", "inspect_job.py", ("inspect-ai==0.3.285",)),
    Peer(
        "lm-eval",
        "lm_eval_job.py",
        ("lm-eval==0.4.13", "datasets"),
        help=("-m", "lm_eval", "--help"),
        command=("-m", "lm_eval", "run", "--model", "dummy", "--tasks", "made", "--include_path", ".", *LOGGED),
    ),
    Peer("dspy", "dspy_job.py", ("dspy==3.4.1",)),
    Peer("this project, programs in the sandbox", "ours_programs_job.py", programs=True),
    Peer("smolagents, programs in its own process", "smolagents_job.py", ("smolagents==1.26.0",), programs=True),
)


def python_of(peer: Peer) -> Path:
    """The interpreter of a peer's environment, which is made where it is missing."""
    if peer.needs is None:
        return Path(sys.executable)
    place = ENVIRONMENTS / peer.needs[0].replace("==", "-")
    python = place / "bin" / "python"
    if not (place / ".made").exists():
        print(f"installing {' '.join(peer.needs)}", file=sys.stderr)
        venv.create(place, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q", *peer.needs]
        subprocess.run(install, check=True, stdout=sys.stderr)
        (place / ".made").touch()
    return python


def environment(peer: Peer, folder: str) -> dict[str, str]:
    """Caches that are new, no network, and where the job's parts are."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("REASONING_")}
    caches = {"XDG_CACHE_HOME": folder, "DSPY_CACHEDIR": f"{folder}/dspy", "HF_HOME": f"{folder}/hf"}
    told = {**kept, **caches, "INSPECT_CACHE_DIR": f"{folder}/inspect", "HF_HUB_OFFLINE": "1"}
    return told | {"MADE_JOBS": str(JOBS)} | ({"PYTHONPATH": str(ROOT)} if peer.needs is None else {})


def lm_eval_tasks() -> str:
    """Where lm-eval keeps the tasks that it comes with; "" while it is not installed."""
    found = ENVIRONMENTS.glob("lm-eval-*/lib/python*/site-packages/lm_eval/tasks")
    return str(next(found, ""))


def command_seconds(peer: Peer, problems: Path) -> float | None:
    """Seconds of a whole command, as a person types it; None where the peer has none."""
    if peer.command is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        for place in JOBS.glob("*_made.*"):
            text = place.read_text().replace("PROBLEMS", str(problems)).replace("LM_EVAL", lm_eval_tasks())
            (Path(folder) / place.name).write_text(text)
        command = [str(python_of(peer)), *peer.command]
        told = environment(peer, folder)
        started = time.perf_counter()
        done = subprocess.run(command, env=told, cwd=folder, capture_output=True, text=True)
        taken = time.perf_counter() - started
        kept = sum(place.stat().st_size for place in Path(folder).rglob("*") if place.is_file())
        if done.returncode or kept < problems.stat().st_size:
            raise SystemExit(f"{peer.name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return taken


def measured(peer: Peer, problems: Path) -> dict[str, Any]:
    """One run of a job: seconds cold and again, and bytes kept."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(python_of(peer)), str(JOBS / peer.script), str(problems), folder, *peer.arguments]
        done = subprocess.run(command, env=environment(peer, folder), cwd=folder, capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("FIGURES ")]
        if done.returncode or not lines:
            raise SystemExit(f"{peer.name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        figures: dict[str, Any] = json.loads(lines[0].removeprefix("FIGURES "))
        return figures


def help_seconds(peer: Peer, rounds: int) -> float | None:
    """Median seconds of the command line's `--help`."""
    if peer.help is None:
        return None
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        told = {**os.environ, "PYTHONPATH": str(ROOT)} if peer.needs is None else dict(os.environ)
        subprocess.run([str(python_of(peer)), *peer.help], env=told, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def table(rows: Mapping[str, Mapping[str, Any]], count: int) -> str:
    """The figures in Markdown."""
    lines = ["| | ms a problem | again | whole command, s | kept, MB | `--help`, s |", "|---|---:|---:|---:|---:|---:|"]
    for name, row in rows.items():
        helps = "" if row["help"] is None else f"{row['help']:.2f}"
        cold, again = (1e3 * row[key] / count for key in ("cold", "again"))
        whole = f"{row['command']:.1f}" if "command" in row else ""
        lines.append(f"| {name} | {cold:.2f} | {again:.2f} | {whole} | {row['bytes'] / 1e6:.1f} | {helps} |")
    return "\n".join(lines)


def chosen(only: Sequence[str]) -> list[Peer]:
    """The peers that were asked for; this project always."""
    return [peer for peer in PEERS if not only or peer.needs is None or any(peer.name.startswith(one) for one in only)]


def _told(peer: Peer, figure: str) -> bool:
    return figure != "command" or peer.command is not None


def main() -> None:
    """Runs all and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=1319)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    peers = chosen([name for name in asked.only.split(",") if name])
    found: dict[str, list[dict[str, Any]]] = {peer.name: [] for peer in peers}
    with tempfile.TemporaryDirectory() as folder:
        problems = Path(folder) / "problems.jsonl"
        write_problems(problems, asked.problems)
        for peer in peers:
            python_of(peer)
        for turn in range(asked.rounds):
            for peer in peers:
                print(f"round {turn + 1}: {peer.name}", file=sys.stderr)
                found[peer.name].append(measured(peer, problems) | {"command": command_seconds(peer, problems)})
    rows = {
        peer.name: {key: statistics.median(one[key] for one in found[peer.name]) for key in FIGURES if _told(peer, key)}
        | {"help": help_seconds(peer, asked.rounds), "programs": peer.programs}
        for peer in peers
    }
    if asked.json:
        print(
            json.dumps({"problems": asked.problems, "rounds": asked.rounds, "load": os.getloadavg()[0], "rows": rows})
        )
        return
    print(f"{asked.problems} problems, medians of {asked.rounds} rounds, load {os.getloadavg()[0]:.1f}\n")
    print(table(rows, asked.problems))
    ours = rows["this project, no store"]
    for name, row in rows.items():
        if not name.startswith("this project") and not row["programs"]:
            whole = f", {row['command'] / ours['command']:.1f} × as a whole command" if "command" in row else ""
            print(f"{name}: {row['cold'] / ours['cold']:.1f} × ours without the store{whole} (10 asked of two of them)")


if __name__ == "__main__":
    main()
