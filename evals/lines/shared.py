"""What most lines of a run log have in common, kept once in `run.json`: sampling settings, served models, notes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MOST = 256
"""Values kept: a server that never repeats itself must not fill `run.json`. Further values stand in the lines."""


class Shared:
    """JSON values by short names, which are hashes of them: the same in every run, whatever the order of arrival.

    Attributes:
        values: By name.
        grew: Whether a value was added since this was last set to False.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = dict(values or {})
        self.grew = False

    def name(self, value: Any) -> Any:
        """The name of a JSON value; where there is no room for another, `{"is": value}`."""
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        name = hashlib.blake2b(text.encode(), digest_size=3).hexdigest()
        if name not in self.values:
            if len(self.values) >= MOST:
                return {"is": value}
            self.values[name] = value
            self.grew = True
        return name if self.values[name] == value else {"is": value}

    def value(self, name: Any) -> Any:
        """The value of what `name` gave.

        Raises:
            KeyError: There is none: `run.json` belongs to another log.
        """
        return name["is"] if isinstance(name, dict) else self.values[name]
