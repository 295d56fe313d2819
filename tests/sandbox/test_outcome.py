"""Outcomes: frozen, printable, and the same after a trip through JSON, whatever the program answered."""

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from sandbox.outcome import Isolation, Outcome, Status
from sandbox.wire import Array, Symbolic

HELD = Isolation(level="standard", layers={"landlock": "ABI 6: open('/etc/passwd') gave EACCES", "seccomp": True})

VALUES: list[Any] = [
    None, True, 7, -(10**6000), 0.1, -0.0, math.inf, 1j, Fraction(1, 3), Decimal("1.10"), "é\ud800\x00\x1b", b"\xff",
    [1, (2, {3})], {(1, 2): frozenset({"a"}), None: []}, Symbolic("Symbol('x')", "x"), Array("<i2", (2,), b"\1\0\2\0"),
    ["int", "2a"], {"encoding": "tagged", "value": ["int", "1"]}, "tagged", [["list"]],
]  # fmt: skip


class Path(BaseModel):
    """Something that holds an outcome, as results do."""

    outcome: Outcome
    other: int = 0


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_survives_json_exactly(value: object) -> None:
    outcome = Outcome(status=Status.OK, value=value, isolation=HELD, wall_s=0.01, max_rss_bytes=2**40)
    trips = [
        Outcome.model_validate_json(outcome.model_dump_json()),
        Outcome.model_validate(json.loads(outcome.model_dump_json())),
        Outcome.model_validate(outcome.model_dump(mode="json")),
        Outcome.model_validate(outcome.model_dump()),
        Path.model_validate_json(Path(outcome=outcome).model_dump_json()).outcome,
    ]
    for trip in trips:
        assert trip == outcome
        assert type(trip.value) is type(value)
    assert math.copysign(1, trips[0].value) == math.copysign(1, value) if isinstance(value, float) else True


def test_nan_survives_json() -> None:
    trip = Outcome.model_validate_json(Outcome(status=Status.OK, value=math.nan, isolation=HELD).model_dump_json())
    assert math.isnan(trip.value)


def test_what_a_program_prints_is_json_whatever_it_is() -> None:
    outcome = Outcome(status="error", stdout="\ud800\x00\x1b[31m", stderr="\udcff", error="\ud83d", isolation=HELD)
    assert outcome.stdout == "\\ud800\x00\x1b[31m"
    assert Outcome.model_validate_json(outcome.model_dump_json()) == outcome


def test_fields_can_be_left_out_of_the_json() -> None:
    outcome = Outcome(status=Status.OK, value=Fraction(1, 3), isolation=HELD)
    assert outcome.model_dump(mode="json", include={"status"}) == {"status": "ok"}
    assert json.loads(outcome.model_dump_json(exclude={"isolation"}))["value"] == ["fraction", "1", "3"]


def test_an_outcome_is_frozen_and_knows_its_fields() -> None:
    outcome = Outcome(status=Status.OK, isolation=HELD)
    with pytest.raises(ValidationError, match="frozen"):
        outcome.value = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Outcome(status=Status.OK, isolation=HELD, vallue=1)  # type: ignore[call-arg]


def test_an_unknown_encoding_or_a_malformed_value_is_refused() -> None:
    fields = Outcome(status=Status.OK, isolation=HELD).model_dump(mode="json")
    with pytest.raises(ValidationError, match="must be 'tagged'"):
        Outcome.model_validate({**fields, "encoding": "pickle"})
    with pytest.raises(ValidationError, match="unknown tag"):
        Outcome.model_validate({**fields, "value": ["eval", "1"]})


def test_an_outcome_prints_even_where_its_value_does_not() -> None:
    outcome = Outcome(status=Status.OK, value=[10**6000], isolation=HELD)
    assert "value=<list too long to print>" in repr(outcome)
    assert "value=<list too long to print>" in str(outcome)
    assert "value=7" in repr(Outcome(status=Status.OK, value=7, isolation=HELD))


def test_the_statuses_are_those_of_the_contract() -> None:
    said = "ok error timeout cpu_limit memory_limit output_limit exited signal no_result protocol_error setup_failed"
    assert [status.value for status in Status] == said.split()
    assert Status.OK == "ok"
    assert Outcome(status=Status.OK, isolation=HELD).ok
    assert not Outcome(status=Status.ERROR, isolation=HELD).ok


def test_the_layers_are_evidence() -> None:
    assert get_args(Isolation.model_fields["layers"].annotation) == (str, str | bool)
    assert Isolation.model_validate_json(HELD.model_dump_json()) == HELD
