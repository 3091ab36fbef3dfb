"""What the server signs: cookies, invitations, who came from where; and what it only keeps hashed.

All keys follow from one secret that is drawn when the database is made and stays in it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from itsdangerous import URLSafeSerializer


class Join(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who comes: an invitation, or somebody from a crowd; hashes, so that it may travel in an address."""

    invitation: str | None = None
    crowd: str | None = None
    submission: str | None = None

    def known(self) -> bool:
        """Whether it tells one person from another."""
        return self.invitation is not None or self.crowd is not None


class Signer:
    """Signs and checks under one secret.

    Parameters
    ----------
    secret : str

    Examples
    --------
    >>> signer = Signer("secret")
    >>> signer.read_join(signer.join(Join(crowd="c"))).crowd
    'c'
    >>> signer.read_join("forged") is None
    True
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def cookie(self, kind: str, value: str) -> str:
        """Return a cookie: ``session`` with a session's id, or ``visitor`` with a random word."""
        return str(self._serializer("cookie").dumps([kind, value]))

    def read_cookie(self, cookie: str) -> tuple[str, str] | None:
        """Return kind and value, or None where it was not made here."""
        content = self._read("cookie", cookie)
        return (content[0], content[1]) if isinstance(content, list) and len(content) == 2 else None

    def csrf(self, cookie: str) -> str:
        """Return what forms and scripts send along; other sites can read neither it nor the cookie."""
        return self._keyed("csrf", cookie)

    def right_csrf(self, cookie: str, token: str) -> bool:
        """Whether a token belongs to the cookie."""
        return hmac.compare_digest(self.csrf(cookie).encode(), token.encode())

    def session_of(self, visitor: str) -> str:
        """Return the session that a visitor's consent begins: one, however often it is sent."""
        return self._keyed("session", visitor)

    def person(self, *ids: str) -> str:
        """Return the salted hash of ids of a crowd."""
        return self._keyed("person", "\0".join(ids))

    def invitation(self) -> str:
        """Return a new invitation: good for one assessor."""
        return str(self._serializer("invitation").dumps(secrets.token_hex(6)))

    def invitations(self, url: str, n: int) -> list[str]:
        """Return addresses of new invitations to the test at a public address."""
        return [f"{url.rstrip('/')}/join?invite={self.invitation()}" for _ in range(n)]

    def read_invitation(self, invitation: str) -> str | None:
        """Return the invitation's number, or None where it was not made here."""
        content = self._read("invitation", invitation)
        return content if isinstance(content, str) else None

    def join(self, join: Join) -> str:
        """Sign who comes, to be carried by the welcome page."""
        return str(self._serializer("join").dumps(msgspec.to_builtins(join)))

    def read_join(self, join: str) -> Join | None:
        """Return who comes, or None where it was not signed here."""
        content = self._read("join", join)
        return None if content is None else msgspec.convert(content, Join)

    def token(self, *parts: object) -> str:
        """Return an opaque name for something of a session, always the same."""
        return self._keyed("token", "/".join(map(str, parts)))[:22]

    def _keyed(self, purpose: str, text: str) -> str:
        key = hmac.digest(self._secret, purpose.encode(), "sha256")
        return hmac.new(key, text.encode(errors="surrogatepass"), "sha256").hexdigest()

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        from itsdangerous import URLSafeSerializer

        return URLSafeSerializer(
            self._secret, salt=purpose, signer_kwargs={"digest_method": staticmethod(hashlib.sha256)}
        )

    def _read(self, purpose: str, text: str) -> object:
        from itsdangerous import BadData

        try:
            content: object = self._serializer(purpose).loads(text)
        except BadData:
            return None
        return content


def new_admin_token() -> tuple[str, str]:
    """Return a new token for the admin page, and the hash that is stored of it."""
    token, salt = secrets.token_urlsafe(24), secrets.token_bytes(16)
    return token, f"scrypt${salt.hex()}${_scrypt(token, salt).hex()}"


def right_admin_token(token: str, stored: str) -> bool:
    """Whether a token is the one whose hash is stored.

    Examples
    --------
    >>> token, stored = new_admin_token()
    >>> right_admin_token(token, stored), right_admin_token("guess", stored)
    (True, False)
    """
    _, salt, expected = stored.split("$")
    return hmac.compare_digest(_scrypt(token, bytes.fromhex(salt)), bytes.fromhex(expected))


def _scrypt(token: str, salt: bytes) -> bytes:
    return hashlib.scrypt(token.encode(errors="surrogatepass"), salt=salt, n=2**14, r=8, p=1)
