"""lm-eval: its own chain of thought for GSM8K, and exact match; a dummy model, its cache of requests."""

from pathlib import Path

import lm_eval.tasks
import made
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

TASK = Path(__file__).with_name("lm_eval_made.yaml")


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
    (folder / "made.yaml").write_text(
        TASK.read_text().replace("PROBLEMS", str(file)).replace("LM_EVAL", lm_eval.tasks.__path__[0])
    )
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = simple_evaluate(
        Says(),
        tasks=["made"],
        task_manager=manager,
        use_cache=str(folder / "cache"),
        log_samples=True,
        verbosity="ERROR",
    )
    return found["results"]["made"]["exact_match,strict-match"]


made.job(work)
