"""Choose the tracks and starts of excerpts so that they spread over difficulty.

The difficulty of a track is the mean of its headline score over the systems. ``n`` tracks are taken at even
distances in the ranking by difficulty, including the hardest and the easiest; a track gives a second excerpt
only where there are fewer than ``n`` tracks. Training takes the tracks on which the systems differ most, if
possible tracks that the test does not use. The start within a track is drawn with a seed. The rule is written
into the test.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from svbench.audio.draw import Draw
from svbench.errors import DataError
from svbench.results.record import Quantity
from svbench.specs.listening import Excerpts
from svbench.specs.records import digest

Kind = Literal["training", "test"]


@dataclass(frozen=True)
class Candidate:
    """A track that can be heard: its score by each system, and where excerpts of it can start."""

    track: str
    scores: tuple[float, ...]
    starts_s: tuple[float, ...]

    @property
    def difficulty(self) -> float:
        """The mean over the systems."""
        return statistics.fmean(self.scores)

    @property
    def spread(self) -> float:
        """From the worst system to the best."""
        return max(self.scores) - min(self.scores)


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a track, and the rule by which it was chosen."""

    kind: Kind
    track: str
    target: str
    start_s: float
    difficulty: float | None
    chosen_by: str


def choose(
    candidates: Sequence[Candidate],
    rule: Excerpts,
    target: str,
    quantity: Quantity,
    named: Sequence[Excerpt] = (),
) -> list[Excerpt]:
    """Choose the excerpts of one target, those of the training first.

    Parameters
    ----------
    candidates : sequence of Candidate
    rule : Excerpts
    target : str
    quantity : Quantity
        What the scores are.
    named : sequence of Excerpt
        Those of the test where the user names them; then only the training's are chosen.

    Raises
    ------
    DataError
        There are not enough excerpts of that length in which the target sounds.
    """
    sign = 1 if quantity.higher_is_better else -1
    ranked = sorted(candidates, key=lambda c: (sign * c.difficulty, c.track))
    if named:
        ranked = [_beside(c, named, rule.length_s) for c in ranked]
    left = {c.track: max_excerpts(c.starts_s, rule.length_s) for c in ranked}
    n = 0 if named else rule.n
    if sum(left.values()) < n + rule.training:
        raise DataError(
            f"{n + rule.training} excerpts of {rule.length_s:g} s are wanted ({n} of the test, "
            f"{rule.training} of the training), there are {sum(left.values())} in which {target} sounds "
            f"enough, in {sum(v > 0 for v in left.values())} tracks; take fewer or shorter ones in a "
            "protocol of your own, or runs of more tracks"
        )
    uses: list[tuple[Kind, Candidate]] = [("test", c) for c in _spread(ranked, left, n)]
    heard = {c.track for _, c in uses} | {e.track for e in named}
    for _ in range(rule.training):
        free = [c for c in ranked if left[c.track]]
        best = min(free, key=lambda c: (c.track in heard, -c.spread, c.track))
        left[best.track] -= 1
        heard.add(best.track)
        uses.append(("training", best))
    drawn = {c.track: draw_starts(c, sum(u is c for _, u in uses), rule, target) for c in ranked}
    unit = f" {quantity.unit}".rstrip()
    found = []
    for kind, c in uses:
        rank = f"{quantity.name} {c.difficulty:.2f}{unit}, rank {ranked.index(c) + 1} of {len(ranked)}"
        reason = f"range of {c.spread:.2f}{unit} between systems" if kind == "training" else rank
        found.append(Excerpt(kind, c.track, target, drawn[c.track].pop(0), c.difficulty, reason))
    tests = sorted((e for e in found if e.kind == "test"), key=lambda e: (e.track, e.start_s))
    return [e for e in found if e.kind == "training"] + (list(named) or tests)


def describe_rule(rule: Excerpts, quantity: Quantity, systems: Sequence[str], named: bool) -> str:
    """Say the rule as it was used."""
    where = (
        f"starts are drawn (seed {rule.seed}) from every half second at which the target is above "
        f"{rule.active_db:g} dB of its loudest 50 ms in at least {rule.active:.0%} of the {rule.length_s:g} s"
    )
    training = f"{rule.training} of training where the systems differ most, not heard in the test"
    if named:
        return f"excerpts of the test named by the user; {training}; there {where}"
    return (
        f"{rule.n} excerpts spread evenly over the tracks' ranks by the mean {quantity.name} of "
        f"{', '.join(systems)}, one of a track while there are tracks; {training}; {where}"
    )


def max_excerpts(starts_s: Sequence[float], length_s: float) -> int:
    """Return how many excerpts of a length can start at such places without overlap.

    Examples
    --------
    >>> max_excerpts([0.0, 0.5, 1.0, 5.0], 1.0)
    3
    """
    n, free_from = 0, float("-inf")
    for start in starts_s:
        if start >= free_from:
            n, free_from = n + 1, start + length_s
    return n


def draw_starts(candidate: Candidate, n: int, rule: Excerpts, target: str) -> list[float]:
    """Draw ``n`` starts in a track, as far as they do not overlap, none of which leaves too few others."""
    draw = Draw(int(digest([rule.seed, target, candidate.track])[:16], 16))
    free, drawn = list(candidate.starts_s), []
    for missing in range(n - 1, -1, -1):
        good = [s for s in free if max_excerpts(_apart(free, s, rule.length_s), rule.length_s) >= missing]
        drawn.append(draw.choice(good))
        free = _apart(free, drawn[-1], rule.length_s)
    return drawn


def _apart(starts_s: Sequence[float], start_s: float, length_s: float) -> list[float]:
    return [s for s in starts_s if abs(s - start_s) >= length_s]


def _beside(candidate: Candidate, named: Sequence[Excerpt], length_s: float) -> Candidate:
    starts = list(candidate.starts_s)
    for excerpt in named:
        if excerpt.track == candidate.track:
            starts = _apart(starts, excerpt.start_s, length_s)
    return Candidate(candidate.track, candidate.scores, tuple(starts))


def _spread(ranked: Sequence[Candidate], left: dict[str, int], n: int) -> list[Candidate]:
    """Take ``n`` candidates evenly over the ranks, each once more only when all were taken."""
    taken: list[Candidate] = []
    while len(taken) < n:
        free = [c for c in ranked if left[c.track]]
        for place in even_ranks(len(free), min(n - len(taken), len(free))):
            left[free[place].track] -= 1
            taken.append(free[place])
    return taken


def even_ranks(n_ranks: int, n: int) -> list[int]:
    """Return ``n`` places spread evenly over ranks, both ends included; one alone is in the middle.

    Examples
    --------
    >>> even_ranks(11, 3), even_ranks(6, 6), even_ranks(5, 1)
    ([0, 5, 10], [0, 1, 2, 3, 4, 5], [2])
    """
    if n == 1:
        return [(n_ranks - 1) // 2]
    return [round(i * (n_ranks - 1) / (n - 1)) for i in range(n)]
