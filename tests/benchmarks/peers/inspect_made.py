"""The same job for `inspect eval`: its command takes a file with a task."""

import os
import sys
from pathlib import Path

sys.path.insert(0, os.environ["MADE_JOBS"])

import made
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import match
from inspect_ai.solver import chain_of_thought, generate
from inspect_job import replies


@task
def made_job():
    samples = [Sample(input=one["question"], target=one["answer"]) for one in made.problems(Path("PROBLEMS"))]
    return Task(
        dataset=MemoryDataset(samples),
        solver=[chain_of_thought(), generate()],
        scorer=match(location="end", numeric=True),
        model=get_model("mockllm/model", custom_outputs=replies()),
    )
