"""What a suite, an entry of it, or a flag says about runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from reasoning.budget import SpendLimit
from reasoning.draws import SEEDS


class Settings(BaseModel):
    """How runs are made. What is not set is left to whoever comes next: flag, entry, `defaults`, built-in default.

    Attributes:
        limit: Only the first so many items.
        repeats: How often each item is solved.
        seed: Of the draws, 0 to 32767.
        where: A condition on metadata.
        order: Which items come first.
        name: Part of the folder's name.
        tags: Recorded with the run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = Field(default=None, ge=1)
    repeats: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=0, lt=SEEDS)
    where: str | None = None
    order: Literal["seeded", "source"] | None = None
    name: str | None = None
    tags: Mapping[str, str] = {}

    def over(self, other: "Settings") -> Self:
        """These settings, and the other's where these are not set. Names are joined, tags united."""
        told = {field: value for field, value in self if value is not None}
        names = [name for name in (other.name, self.name) if name]
        return self.model_copy(
            update={
                **{field: value for field, value in other if value is not None},
                **told,
                "name": "-".join(names) or None,
                "tags": {**other.tags, **self.tags},
            }
        )

    def for_job(self) -> dict[str, Any]:
        """The fields of a `Job` that are set."""
        return {field: value for field, value in self if value is not None}

    def plain(self) -> "Settings":
        """The settings of runs alone."""
        return Settings(**{field: getattr(self, field) for field in Settings.model_fields})


class Defaults(Settings):
    """The `defaults:` of a suite.

    Attributes:
        out: The parent of the runs' folders; relative to where the command is given.
        store: The file in which draws are kept; "none" keeps none.
        spend_limit: Over all runs of the suite together.
    """

    out: Path | None = None
    store: str | None = None
    spend_limit: SpendLimit | None = None
