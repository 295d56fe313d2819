"""Sample once, then know what every vote and every number of samples would have given."""

import evals
import reasoning

strategy = reasoning.SelfConsistency(of=reasoning.ProgramOfThought(sampling={"max_tokens": 64}), samples=6)
with reasoning.open_backend("local", store="draws.sqlite") as backend:
    run = evals.evaluate("reasoning-gym:basic_arithmetic", strategy, backend, limit=12, name="replay")

for point in evals.curves(run).points:
    print(f"{point.vote} of {point.samples}, {point.stop}: {point.accuracy:.1%} for {point.tokens:.0f} tokens")
