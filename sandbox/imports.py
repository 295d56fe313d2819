"""Whether a program can do without the preloaded packages: by the imports that its text names, without parsing it.

A fork of a server that has loaded little costs less than half of one that has loaded numpy and sympy, and most programs
that a model writes import nothing, or `math`. Where the text says `import` in any other way than as a plain statement
of modules that every server has loaded, the program gets the preloaded packages. What a program imports behind its
text's back is found on either server: there it only takes its time, and its memory.
"""

import re
from typing import Final

from sandbox.preload import COMMON

_LONGEST: Final = 1 << 16
_MENTION: Final = re.compile(r"__import__|\bimport(?:lib\b|_module\b|\b)")


def does_without_preload(source: str) -> bool:
    """Whether all that the program imports, so far as its text says, is loaded by every server."""
    if len(source) > _LONGEST:
        return False
    if not _MENTION.search(source):
        return True
    return all(_is_common(line) for line in re.split(r"[\r\n]", source) if _MENTION.search(line))


def _is_common(line: str) -> bool:
    """Whether a line that mentions an import is a comment, or imports modules that every server has loaded."""
    statement = line.partition("#")[0].strip()
    words = statement.split()
    if not words:
        return True
    if words[0] == "import":
        modules = [_imported(part.split()) for part in statement.removeprefix("import").split(",")]
    elif words[0] == "from" and words[2:3] == ["import"] and len(_MENTION.findall(statement)) == 1:
        modules = [words[1]]
    else:
        return False
    return all(module.partition(".")[0] in COMMON for module in modules)


def _imported(words: list[str]) -> str:
    """The module of `module` and `module as name`; of anything else what is none."""
    plain = len(words) == 1 or (len(words) == 3 and words[1] == "as" and words[2].isidentifier())
    return words[0] if plain and words[0].replace(".", "").isidentifier() else ""
