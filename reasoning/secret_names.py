"""Which fields hold secrets, by their names."""

import re

_SECRET = re.compile(
    r"(^|[-_.])keys?$|apikey|token|secret|passw|authorization|^auth$|bearer|credential|cookie|signature|^sig$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"tokens|tokeni[sz]|token_ids?$", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """True for the name of a field that likely holds a secret: `api_key`, `password`, and not `max_tokens`."""
    return _SECRET.search(name) is not None and _HARMLESS.search(name) is None
