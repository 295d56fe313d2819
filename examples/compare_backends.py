"""Two backends on one task, item by item: which is better, and how sure is that?

The second is the same small model with another chat template: the most common cause of "same model, other score".
"""

import evals
import reasoning

TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
strategy = reasoning.ChainOfThought(style="chat", sampling={"max_tokens": 64})
runs = []
for name, options in {"own-template": {}, "bare-text": {"chat_template": TEMPLATE}}.items():
    with reasoning.open_backend("local", **options) as backend:
        runs.append(evals.evaluate("reasoning-gym:chain_sum", strategy, backend, limit=12, name=name))

for pair in evals.compare(runs).pairs:
    print(pair.verdict)
