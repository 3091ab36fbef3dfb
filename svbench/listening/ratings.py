"""The long table of ratings: what the server stores, analyses read and files of others become.

One row is one stimulus as one assessor rated it. The scale is the method's: 0 to 100 (mushra), 1 to
5 (acr, dcr), and shares for comparisons: ``ab`` has two rows a pair, 1 for the preferred condition,
0 for the other and 0.5 for both where there was no preference; ``abx`` has one row a pair, 1 where X
was identified correctly and 0 if not, ``condition`` being X and ``against`` the other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "test": "str",  # id of the test, or the test id of an imported file
    "assessor": "str",  # opaque; one person as far as can be known
    "session": "str",  # opaque; one sitting
    "complete": "bool",  # whether the session was finished
    "screen": "int64",  # order of presentation in the session, from 0
    "trial": "str",
    "kind": "str",  # training or test
    "track": "str",
    "target": "str",
    "method": "str",
    "condition": "str",
    "role": "str",  # reference, low_anchor, mid_anchor, anchor, system
    "against": "str",  # the other condition of a comparison, else ""
    "replicate": "int64",  # 0 the first time the assessor rates the trial, 1 the second
    "slot": "int64",  # where on the screen, from 0
    "rating": "float64",
    "seconds": "float64",  # from the screen's start to the last change; NaN where unknown
    "rated_at": "str",  # ISO 8601, UTC; "" where unknown
}


def ratings_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Return rows as the long table, with all columns in order and of their types.

    Raises
    ------
    KeyError
        A row has no ``trial``, ``condition``, ``assessor`` or ``rating``.

    Examples
    --------
    >>> ratings_table([{"assessor": "a", "trial": "t", "condition": "reference", "rating": 100}]).rating[0]
    np.float64(100.0)
    """
    import pandas as pd

    defaults: dict[str, object] = {
        "test": "", "session": "", "complete": True, "screen": 0, "kind": "test", "track": "", "target": "",
        "method": "mushra", "role": "system", "against": "", "replicate": 0, "slot": 0,
        "seconds": float("nan"), "rated_at": "",
    }  # fmt: skip
    full = [
        {name: row[name] if name not in defaults else row.get(name, defaults[name]) for name in COLUMNS}
        for row in rows
    ]
    return pd.DataFrame(full, columns=list(COLUMNS)).astype(COLUMNS)
