"""dspy: its ChainOfThought module under its own Evaluate, with an instant model behind its own cache."""

from pathlib import Path
from types import SimpleNamespace

import dspy
import made


class Says(dspy.BaseLM):
    def forward(self, prompt=None, messages=None, **more):
        text = f"[[ ## reasoning ## ]]\n{made.REPLY}\n\n[[ ## answer ## ]]\n18\n\n[[ ## completed ## ]]"
        choice = SimpleNamespace(message=SimpleNamespace(content=text, tool_calls=None), finish_reason="stop")
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        return SimpleNamespace(choices=[choice], usage=usage, model="says")


def work(file: Path, folder: Path) -> float:
    dspy.configure(lm=Says(model="says"), track_usage=False)
    solve = dspy.ChainOfThought("question -> answer")
    items = [dspy.Example(**one).with_inputs("question") for one in made.problems(file)]
    evaluate = dspy.Evaluate(
        devset=items,
        metric=lambda item, found, trace=None: item.answer == found.answer,
        num_threads=8,
        display_progress=False,
    )
    return evaluate(solve).score / 100


made.job(work)
