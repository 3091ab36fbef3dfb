"""Names that tell nothing, and the seeds of noise, drawn from one secret of the test.

Each is a keyed hash (HMAC-SHA-256) of what it is for, so the order of writing does not matter. The
secret is random, or made of a seed and the runs, for a build that can be repeated. Then names are as
hard to guess as the seed together with the runs' estimates is.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from svbench.specs.records import digest


class Names:
    """Opaque names and noise seeds of one test.

    Parameters
    ----------
    secret : bytes

    Examples
    --------
    >>> names = Names(b"secret")
    >>> names.opaque("trial", "a"), names.opaque("trial", "a") == names.opaque("trial", "b")
    ('0fd44314827b043b', False)
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def opaque(self, *what: str) -> str:
        """Return 16 hex digits that stand for something."""
        return self._hash("name", what)[:16]

    def noise(self, *what: str) -> int:
        """Return the seed of the noise of something; no part of its name."""
        return int(self._hash("noise", what)[:16], 16)

    def _hash(self, use: str, what: Sequence[str]) -> str:
        return hmac.new(self._secret, digest([use, *what]).encode(), hashlib.sha256).hexdigest()


def names_of(seed: str | None, sources: Sequence[str]) -> Names:
    """Make the names of a test.

    Parameters
    ----------
    seed : str or None
        None draws a secret that nobody can repeat.
    sources : sequence of str
        Digests of what the test is built from; they belong to the secret of a seeded build.
    """
    if seed is None:
        return Names(secrets.token_bytes(32))
    return Names(digest([seed, *sources]).encode())
