"""The best of several paths, by a judge."""

from pydantic import Field

from strategies.judging import Judged
from strategies.self_consistency import SelfConsistency
from strategies.waves import VoteField


class BestOfN(SelfConsistency):
    """Draws several paths and answers by their grades (Cobbe et al. 2021; weighted: Li et al. 2023).

    Self-consistency whose vote is a judge's: the role "judge", or else the same backend. A reward model grades with
    `vote: {scored: {}}` and the role "scorer". At equal samples compare it with a majority vote.
    """

    samples: int = Field(default=8, ge=1, le=65536)
    vote: VoteField = Judged(pick="argmax")
