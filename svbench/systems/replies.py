"""Replies of a worker, with checks: the system shares its process and could write anything in their place."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from svbench.errors import SystemFailure
from svbench.systems.worker import HIGHEST_HZ, LOWEST_HZ

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Rate = Annotated[int, msgspec.Meta(ge=LOWEST_HZ, le=HIGHEST_HZ)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Bytes = Annotated[int, msgspec.Meta(ge=0)]
_MOST = 256  # targets
T = TypeVar("T")


class Failed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exception, by its type and text."""

    error: str


class Info(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`svbench.systems.api.SystemInfo` as it is sent."""

    id: str
    version: str
    targets: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST)]
    rate_hz: Rate | None
    deterministic: bool
    streaming: bool
    needs: frozenset[str]


class Loaded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to ``load``."""

    info: Info
    load_s: Seconds
    empty_rss_bytes: Bytes
    peak_rss_bytes: Bytes


class Estimate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One estimate; its file is named by its place in the list."""

    target: Name
    rate_hz: Rate


class Separated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to ``separate``."""

    estimates: Annotated[tuple[Estimate, ...], msgspec.Meta(max_length=_MOST)]
    wall_s: Seconds
    cpu_s: Seconds
    peak_rss_bytes: Bytes


class Streamed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to ``stream``; the estimates' files are named by their places in the list."""

    hop_samples: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    estimates: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST)]


class Measured(msgspec.Struct, frozen=True):
    """The answer to ``measure``: whatever was asked for."""

    values: dict[str, Any]
    peak_rss_bytes: Bytes


def decoded(line: bytes, kind: type[T]) -> T | Failed:
    """Read one reply.

    Raises
    ------
    SystemFailure
        It is not what a worker writes.

    Examples
    --------
    >>> decoded(b'{"error": "ValueError: no such chord"}', Loaded)
    Failed(error='ValueError: no such chord')
    >>> decoded(b"{", Loaded)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    svbench.errors.SystemFailure: wrote something else in place of the worker's answer (Input data was ...
    """
    try:
        return msgspec.json.decode(line, type=Failed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SystemFailure(f"wrote something else in place of the worker's answer ({error})") from error
