"""inspect_ai: its own chain-of-thought solver and numeric match, its mock model, its cache of generations."""

import sys
from pathlib import Path

import made
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import chain_of_thought, generate


def replies():
    while True:
        output = ModelOutput.from_content("mockllm/model", made.REPLY.replace("18.", "ANSWER: 18"))
        output.usage = ModelUsage(input_tokens=100, output_tokens=20, total_tokens=120)  # else it counts, by a download
        yield output


def work(file: Path, folder: Path) -> float:
    samples = [Sample(input=one["question"], target=one["answer"]) for one in made.problems(file)]
    task = Task(
        dataset=MemoryDataset(samples),
        solver=[chain_of_thought(), generate(cache=True)],
        scorer=match(location="end", numeric=True),
    )
    model = get_model("mockllm/model", custom_outputs=replies())
    realtime = "--realtime" in sys.argv
    [log] = eval(task, model=model, log_dir=str(folder), display="none", max_connections=64, log_realtime=realtime)
    assert log.status == "success", log.error.message[:1000]
    return log.results.scores[0].metrics["accuracy"].value


if __name__ == "__main__":
    made.job(work)
