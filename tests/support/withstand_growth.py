"""Runs the programs whose memory is measured from outside, one for each line of standard input that names it, or is it.

The first line is the plan: the level, and whether to live as in default Docker. Each answer is a line of JSON.
"""

import json
import sys

from withstand_corpus import CASES
from withstand_worker import live_as_in_docker, say

import sandbox


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    if plan["docker"]:
        live_as_in_docker()
    cases = {case.name: case for case in CASES}
    box = sandbox.Sandbox(level=plan["level"], preload=("numpy", "sympy"), parallel=1)
    try:
        box.run("ans = 1")
    except sandbox.LevelError as error:
        say(unavailable=str(error))
        return
    say(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        case = cases.get(asked)
        program, limits = (case.program, case.limits) if case else (asked, {})
        say(outcome=box.run(program, limits=sandbox.Limits(**limits)).model_dump_json())


if __name__ == "__main__":
    main()
