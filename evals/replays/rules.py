"""Stopping rules on many orders of draws at once, and how they are named on the command line.

An order of draws is a column: arrays are (draws, orders). Each rule here is the one of `strategies.stopping`, its
decision on a prefix worked out from running counts; any other rule is asked itself, prefix by prefix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reasoning import yaml_text
from reasoning.errors import ConfigError
from reasoning.usage import Usage
from strategies.path import Path
from strategies.stopping import Adaptive, Both, Either, Fixed, Stop, TokenLimit, Window, least_leader

Array = Any

FIXED = "fixed"
"""The name of no rule: all samples are drawn."""

MAIN_FIELD = {"fixed": "samples", "adaptive": "confidence", "window": "size", "token-limit": "tokens"}


@dataclass(frozen=True, slots=True)
class Orders:
    """Draws in one or more orders each, as arrays of (draws, orders).

    Attributes:
        classes: The class of each draw; −1 where it abstains.
        first: Votes of the largest class so far.
        second: Votes of the second largest class so far.
        written: Completion tokens so far.
    """

    classes: Array
    first: Array
    second: Array
    written: Array


@dataclass(frozen=True, slots=True)
class Decided:
    """What a rule says of every prefix.

    Attributes:
        stops: Whether it stops there.
        settles: The class that the rule itself settles on; −1 leaves it to the vote. None: it never settles one.
    """

    stops: Array
    settles: Array | None = None


def decided(rule: Stop, orders: Orders) -> Decided:
    """What a rule says of every prefix of every order."""
    import numpy as np

    draws = len(orders.classes)
    if type(rule) is Fixed:
        return Decided(np.broadcast_to((np.arange(1, draws + 1) >= rule.samples)[:, None], orders.classes.shape))
    if type(rule) is Adaptive:
        return Decided(_adaptive(rule, orders))
    if type(rule) is TokenLimit:
        return Decided(orders.written >= rule.tokens)
    if type(rule) is Window:
        return _window(rule.size, orders.classes)
    if type(rule) is Either:
        one, other = decided(rule.first, orders), decided(rule.second, orders)
        return Decided(one.stops | other.stops, _settled(one, other, one.stops))
    if type(rule) is Both:
        one, other = decided(rule.first, orders), decided(rule.second, orders)
        takes_first = None if one.settles is None else one.settles >= 0
        return Decided(one.stops & other.stops, _settled(one, other, takes_first))
    return _asked(rule, orders)


def _adaptive(rule: Adaptive, orders: Orders) -> Array:
    """Whether the rule stops, looked up by the votes."""
    import numpy as np

    draws = len(orders.classes)
    if rule.prior is None:
        needed = np.array([least_leader(rule.confidence, second) for second in range(draws // 2 + 1)])
        return orders.first >= needed[orders.second]
    policy = rule.policy
    stops: Array = np.ones((policy.horizon + 1,) * 3, bool)
    for votes, further in policy.fewest.items():
        stops[votes] = further == 0
    votes = np.cumsum(orders.classes >= 0, axis=0)
    others = votes - orders.first - orders.second
    at_end = votes >= policy.horizon
    first, second, rest = (np.where(at_end, 0, count) for count in (orders.first, orders.second, others))
    return at_end | stops[first, second, rest]


def _window(size: int, classes: Array) -> Decided:
    import numpy as np

    stops = np.zeros(classes.shape, bool)
    for end in range(size, len(classes) + 1, size):
        window = classes[end - size : end]
        stops[end - 1] = (window[0] >= 0) & (window == window[0]).all(axis=0)
    return Decided(stops, np.where(stops, classes, -1))


def _settled(one: Decided, other: Decided, takes_first: Array | None) -> Array | None:
    """The class settled on: that of the first rule where its word goes before the second's."""
    import numpy as np

    if one.settles is None and other.settles is None:
        return None
    none = np.int16(-1)
    first, second = (none if rule.settles is None else rule.settles for rule in (one, other))
    return np.where(False if takes_first is None else takes_first, first, second)


def _asked(rule: Stop, orders: Orders) -> Decided:
    """A rule of somebody else's, asked about every prefix of paths that have keys and tokens, and no texts."""
    import numpy as np

    stops, settles = np.zeros(orders.classes.shape, bool), np.full(orders.classes.shape, -1, np.int16)
    written = np.diff(orders.written, axis=0, prepend=0)
    for column in range(orders.classes.shape[1]):
        paths = [_path(at, which, written[at, column]) for at, which in enumerate(orders.classes[:, column])]
        for count in range(1, len(paths) + 1):
            decision = rule.decide(paths[:count])
            if decision is not None:
                stops[count - 1, column] = True
                settles[count - 1, column] = -1 if decision.key is None else int(decision.key)
                break
    return Decided(stops, settles)


def _path(index: int, which: int, written: float) -> Path:
    from reasoning.completion import Completion

    drawn = (Completion.model_construct(index=index, usage=Usage.model_construct(completion_tokens=int(written))),)
    if which < 0:
        return Path.without_answer(index, "no_answer", "", drawn)
    return Path.model_construct(index=index, status="ok", key=str(which), answer=str(which), completions=drawn)


# Names


def read_stop(given: Stop | str | Mapping[str, Any] | None) -> Stop | None:
    """A stopping rule as it is given: `adaptive=0.95`, `window=5|adaptive`, `{adaptive: {prior: FILE}}`; or itself.

    Raises:
        UsageError: There is no such rule, or a value is out of its range.
    """
    if given is None or isinstance(given, Stop):
        return given
    if isinstance(given, Mapping):
        return Stop.of_config(given)
    import yaml

    text = given.strip()
    if text == FIXED:
        return None
    if text.startswith("{"):
        try:
            return Stop.of_config(yaml_text.load(text))
        except yaml.YAMLError as error:
            raise ConfigError(f"The stopping rule {text!r} is no YAML; write {{name: {{field: value}}}}.") from error
    for sign, joined in (("|", Either), ("&", Both)):
        one, found, other = text.partition(sign)
        if found:
            first, second = read_stop(one), read_stop(other)
            if first is None or second is None:
                raise ConfigError(f"{text!r}: {FIXED} is no rule to compose; leave it out, or write fixed=N.")
            return joined(first=first, second=second)
    name, given_value, value = text.partition("=")
    if not given_value:
        return Stop.of_config(name)
    if name not in MAIN_FIELD:
        raise ConfigError(f"{text!r}: {name} has no one number; write {{{name}: {{field: value}}}}.")
    try:
        number = yaml_text.load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"{text!r}: {value!r} is no number; write {name}=N.") from error
    return Stop.of_config({name: {MAIN_FIELD[name]: number}})


def stop_name(stop: Stop | None) -> str:
    """The name of a rule, such that `read_stop` gives it again where it holds neither a prior nor parentheses."""
    if stop is None:
        return FIXED
    if isinstance(stop, Either):
        return f"{stop_name(stop.first)}|{stop_name(stop.second)}"
    if isinstance(stop, Both):
        sides = (
            f"({stop_name(one)})" if isinstance(one, Either) else stop_name(one) for one in (stop.first, stop.second)
        )
        return "&".join(sides)
    ((name, fields),) = stop.config.items()
    main = MAIN_FIELD.get(name)
    default = type(stop).model_fields
    rest = {key: value for key, value in fields.items() if key != main and value != default[key].default}
    if "prior" in rest:
        problems, source = rest["prior"]["problems"], rest["prior"]["source"]
        rest["prior"] = f"{problems} problems" + (f" of {source}" if source else "")
    if main is None or rest:
        own = {**({main: fields[main]} if main else {}), **rest}
        return f"{{{name}: {{{', '.join(f'{key}: {value}' for key, value in own.items())}}}}}"
    return f"{name}={fields[main]:g}"


def is_known(stop: Stop | None) -> bool:
    """Whether a rule's decisions are worked out from running counts, and it need not be asked itself."""
    if isinstance(stop, Either | Both):
        return is_known(stop.first) and is_known(stop.second)
    return stop is None or type(stop) in (Fixed, Adaptive, Window, TokenLimit)
