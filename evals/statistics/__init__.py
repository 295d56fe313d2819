"""Intervals, tests and plans as pure functions of numbers; `evals.stats` holds those of a single run."""
