"""A task: a named list of items with gold answers. A YAML file does as much without code."""

from reasoning import Item, Task


def say_it(count: int = 5) -> Task:
    """Asks for a number that stands in the question."""
    items = [Item.of(f"say-{n}", f"What comes after the word 'number'? The number {n}", n) for n in range(1, count + 1)]
    return Task.of("say-it", items, description="say the number that stands in the question")
