"""lm-eval: a generation task, a regular-expression filter, exact match; a dummy model, its cache of requests."""

from pathlib import Path

import made
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

TASK = """
task: made
dataset_path: json
dataset_kwargs: {{data_files: {{test: "{file}"}}}}
test_split: test
output_type: generate_until
doc_to_text: "Q: {{{{question}}}}\\nA: Let's think step by step."
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["Q:"], do_sample: false, temperature: 0.0}}
filter_list:
  - name: strict
    filter:
      - function: regex
        regex_pattern: "The answer is (\\\\-?[0-9\\\\.\\\\,]*[0-9]+)"
      - function: take_first
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
metadata: {{version: 1.0}}
"""


class Says(LM):
    def generate_until(self, requests, disable_tqdm=False):
        found = []
        for request in requests:
            found.append(made.REPLY)
            self.cache_hook.add_partial("generate_until", request.args, made.REPLY)
        return found

    def loglikelihood(self, requests, disable_tqdm=False):
        raise NotImplementedError

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        raise NotImplementedError


def work(file: Path, folder: Path) -> float:
    (folder / "made.yaml").write_text(TASK.format(file=file))
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = simple_evaluate(
        Says(),
        tasks=["made"],
        task_manager=manager,
        use_cache=str(folder / "cache"),
        log_samples=True,
        verbosity="ERROR",
    )
    return found["results"]["made"]["exact_match,strict"]


made.job(work)
