"""Conditions on metadata."""

import pytest

from evals.where import Where
from reasoning.errors import ConfigError, UnknownNameError

ROW = {"level": 4, "subject": "Algebra", "steps": "7", "hard": True, "none": None, "new": "False"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("level >= 4", True),
        ("level>4", False),
        ("4 <= level < 5", True),
        ("level != 4", False),
        ("level == 4.0", True),
        ("subject == 'Algebra'", True),
        ('subject != "Algebra"', False),
        ("subject in ['Algebra', 'Geometry']", True),
        ("subject not in ('Algebra', 'Geometry')", False),
        ("level in [1, 4]", True),
        ("steps > 10", False),  # a CSV's text beside a number is read as one: 7, not '7' > '10'
        ("steps == 7", True),
        ("steps in [7]", True),
        ("hard", True),
        ("not hard", False),
        ("hard == True", True),
        ("new", False),  # a CSV's text once more
        ("new == False", True),
        ("new != True", True),
        ("none > 3", False),
        ("none != 3", False),
        ("not none", True),
        ("level >= 4 and subject == 'Geometry'", False),
        ("level >= 4 or subject == 'Geometry'", True),
        ("not (level > 4 or subject == 'Geometry')", True),
        ("level > -1", True),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    assert Where.parse(text, ROW).holds(ROW) is holds


def test_a_column_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'level'"):
        Where.parse("levle >= 4", ROW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "level >=",
        "level + 1 > 2",
        "level.real > 1",
        "__import__('os')",
        "len(subject) > 3",
        "[level for level in [1]]",
        "level is 4",
        "level in 4",
        "level == [4]",
        "subject == f'{level}'",
        "(lambda: level)()",
        "'subject'",
        "level == 4 if hard else level",
        "(" * 300,
    ],
)
def test_anything_else_is_refused_with_the_grammar(text: str) -> None:
    with pytest.raises(ConfigError, match="comparisons"):
        Where.parse(text, ROW)


def test_a_single_equals_sign_says_so() -> None:
    with pytest.raises(ConfigError, match="Equality is written =="):
        Where.parse("level = 4", ROW)


def test_values_that_cannot_be_compared_name_the_item() -> None:
    with pytest.raises(ConfigError, match="in item '17'"):
        Where.parse("subject > 3", ROW).holds(ROW, "17")
