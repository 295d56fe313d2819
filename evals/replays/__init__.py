"""What other votes, stopping rules and budgets would have given, from the draws that a run has paid for.

`docs/replay.md` has the estimators, their derivations and what the tests hold. (The package has another name than the
functions `evals.replay` and `evals.curves`, so that importing it cannot put a module in a function's place.)
"""
