"""YAML that people write, read within bounds: a few lines of it can stand for more values than memory holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final

MOST: Final = 100_000
"""Values that a document may hold, those that its aliases repeat included."""


@contextmanager
def loader(text: str) -> Iterator[Any]:
    """PyYAML's safe loader of a text.

    Raises:
        yaml.YAMLError: Whatever is wrong with the text, from within too.
    """
    import yaml  # here, because it costs start-up time that most commands need not pay

    made = yaml.SafeLoader(text)
    try:
        yield made
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply, or within itself") from error
    except ValueError as error:  # what looks like a date, or has more digits than the interpreter reads
        raise yaml.YAMLError(f"a value cannot be read: {error}; put it in quotes") from error
    finally:
        made.dispose()


def node_of(made: Any) -> Any:
    """The one document of a loader as a node; None where there is none.

    Raises:
        yaml.YAMLError: Its aliases repeat more than a document may hold, or it holds itself.
    """
    import yaml

    node = made.get_single_node()
    if node is not None and _size(node, {}) > MOST:
        raise yaml.YAMLError(f"its aliases (*name) repeat what they stand for until there are over {MOST:,} values")
    return node


def load(text: str) -> Any:
    """What a text says.

    Raises:
        yaml.YAMLError: It is no YAML, or past the bounds.
    """
    with loader(text) as made:
        node = node_of(made)
        return None if node is None else made.construct_document(node)


def _size(node: Any, known: dict[int, int]) -> int:
    """The values under a node, aliases written out; one that holds itself has too many."""
    if id(node) not in known:
        known[id(node)] = MOST + 1  # while it is counted
        children = (
            node.value if node.id == "sequence" else () if node.id == "scalar" else chain.from_iterable(node.value)
        )
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]
