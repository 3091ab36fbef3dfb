"""Whether a system keeps to the budget of its protocol: the column "Runnable?"."""

from __future__ import annotations

from svbench.results.store import Run

HEAD = "Runnable?"


def runnable(run: Run) -> str | None:
    """Return the verdict on a run, or None where the protocol sets no limits.

    Returns
    -------
    str or None
        ``"yes"``; ``"no (memory: 17.2 GB of 16 GB)"``, the limit that was broken first; ``"not known"``
        while tracks are missing or failed for another reason, or if the scores were imported.
    """
    if not run.record.protocol.limits:
        return None
    if run.over_budget:
        return f"no ({run.over_budget})"
    return "not known" if run.failed or run.missing or run.record.imported else "yes"
