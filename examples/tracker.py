"""Any tracker on `on_event`: Weights & Biases here; MLflow and Trackio differ in the two lines that are marked."""

from collections.abc import Callable

import evals
import reasoning
from evals.events import ItemScored, RunEvent


def tracking(log: Callable[[dict[str, float]], object]) -> Callable[[RunEvent], None]:
    """Logs the running score and the tokens of each problem as it is scored."""
    scores: list[float] = []

    def on_event(event: RunEvent) -> None:
        if isinstance(event, ItemScored):
            scores.append(event.record.score)
            tokens = event.record.result.usage.total_tokens
            log({"score": scores[-1], "accuracy": sum(scores) / len(scores), "tokens": tokens})

    return on_event


if __name__ == "__main__":
    import wandb  # mlflow: mlflow.set_experiment("reasoning"); trackio: import trackio as wandb

    strategy = reasoning.ProgramOfThought(sampling={"max_tokens": 64})
    with wandb.init(project="reasoning", config=strategy.model_dump(mode="json")) as tracked:
        with reasoning.open_backend("local") as backend:
            on_event = tracking(tracked.log)  # mlflow: tracking(mlflow.log_metrics)
            run = evals.evaluate("reasoning-gym:products", strategy, backend, limit=8, on_event=on_event)
        tracked.summary["accuracy"] = run.accuracy
