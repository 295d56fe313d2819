"""YAML whose values know the file and line they stand at, and which can extend other files."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasoning import yaml_text
from reasoning.errors import DataError

Place = tuple[Hashable, ...]
"""Keys and list positions that lead to a value."""

_DEEPEST = 40


@dataclass(frozen=True)
class Located:
    """A YAML document.

    Attributes:
        value: Its content.
        lines: For each place in it, the file and the line.
    """

    value: Any
    lines: Mapping[Place, tuple[Path, int]]

    def at(self, *place: Hashable) -> str:
        """Where a place stands, e.g. `"suite.yaml, line 7"`; that of the nearest place above it where it is missing."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                file, line = self.lines[place[:length]]
                return f"{file}, line {line}"
        return "the suite"


def read_located(file: Path) -> Located:
    """Reads a YAML file, and first those that its key `extends` names.

    Paths are relative to the file. Mappings are merged key by key, the extending file's values going first; lists and
    plain values replace each other.

    Raises:
        DataError: A file cannot be read, is no YAML mapping, or extends itself.
    """
    return _extended(file, ())


def _extended(file: Path, before: tuple[Path, ...]) -> Located:
    if file.resolve() in before:
        raise DataError(f"{file} extends itself; take its `extends` out.")
    own = read_yaml(file)
    if not isinstance(own.value, dict):
        raise DataError(f"{file}, line 1: expected a mapping of keys such as tasks, strategies and backends.")
    parents = own.value.pop("extends", [])
    parents = [parents] if isinstance(parents, str) else parents
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise DataError(f"{own.at('extends')}: extends takes the path of a file, or a list of them.")
    whole = Located({}, {})
    for parent in parents:
        whole = _merged(whole, _extended(file.parent / parent, (*before, file.resolve())))
    return _merged(whole, own)


def _merged(under: Located, over: Located) -> Located:
    lines = dict(under.lines)

    def merge(low: Any, high: Any, place: Place) -> Any:
        if isinstance(low, dict) and isinstance(high, dict):
            both = {key: merge(low.get(key), value, (*place, key)) for key, value in high.items()}
            lines.update({place: over.lines[place]} if place in over.lines else {})
            return {**low, **both}
        for known in [known for known in lines if known[: len(place)] == place]:
            del lines[known]
        lines.update({known: where for known, where in over.lines.items() if known[: len(place)] == place})
        return high

    return Located(merge(under.value, over.value, ()), lines)


def read_yaml(file: Path) -> Located:
    """Reads one YAML file as it stands.

    Raises:
        DataError: It cannot be read or is no YAML; the message gives file and line.
    """
    import yaml

    try:
        text = file.read_text(encoding="utf-8")
        with yaml_text.loader(text) as loader:
            node = yaml_text.node_of(loader)
            places = dict(_places(node, (), file)) if node is not None else {}
            value = loader.construct_document(node) if node is not None else None
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no UTF-8 text: {error.reason} at byte {error.start}.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise DataError(f"{file}{line}: this is no YAML: {error.problem or error.context}.") from error
    except yaml.reader.ReaderError as error:
        raise DataError(f"{file} is no YAML: {' '.join(str(error).split())}.") from error
    except yaml.YAMLError as error:
        raise DataError(f"{file}: {' '.join(str(error).split())}.") from error
    return Located(value, places)


def _places(node: Any, place: Place, file: Path) -> Iterator[tuple[Place, tuple[Path, int]]]:
    where = (file, node.start_mark.line + 1)
    if len(place) > _DEEPEST:
        raise DataError(f"{file}, line {where[1]}: nested too deeply, or within itself.")
    if not place:
        yield (), where
    if node.id == "mapping":
        seen: set[str] = set()
        for key, value in node.value:
            if key.id != "scalar":  # what `question: {{ body }}` is to YAML
                raise DataError(
                    f"{file}, line {key.start_mark.line + 1}: a key is a {key.id} here; "
                    "write a template, or any text that begins with a bracket, in quotes."
                )
            if key.value in seen:
                raise DataError(f"{file}, line {key.start_mark.line + 1}: {key.value!r} stands here twice.")
            seen.add(key.value)
            yield (*place, key.value), (file, key.start_mark.line + 1)
            yield from _places(value, (*place, key.value), file)
    elif node.id == "sequence":
        for position, value in enumerate(node.value):
            yield (*place, position), (file, value.start_mark.line + 1)
            yield from _places(value, (*place, position), file)
