"""A strategy in five lines."""

import reasoning

backend = reasoning.open_backend("local", store="draws.sqlite")  # run it again: nothing is bought twice
strategy = reasoning.SelfConsistency(of=reasoning.ProgramOfThought(shots="arithmetic"), samples=3)
print(strategy.solve("Calculate ( 17 * 23 ) - 48.", backend))
