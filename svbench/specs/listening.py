"""Listening protocols: which excerpts are presented, with which anchors, to whom and in what order.

Like a scoring protocol, a released one is never edited, and its digest is recorded with every rating.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from svbench.errors import SpecError
from svbench.specs.records import Record, digest, load_by_id, without

Method = Literal["mushra", "ab", "abx", "acr", "dcr"]
Anchor = Literal["lowpass-3500", "lowpass-7000", "mixture", "distorted"]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Text = dict[str, str]  # by language, such as {"en": …, "de": …}

MOST_CONDITIONS = 12  # of one trial, including hidden reference and anchors: ITU-R BS.1534-3


class Excerpts(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How excerpts are chosen and cut.

    ``choose = "spread"`` takes ``n`` excerpts spread over difficulty (the systems' mean score of the
    track), one of each track as long as there are tracks; ``"list"`` takes those that the user names.
    In at least the share ``active`` of an excerpt the target must be louder than ``active_db`` relative to
    its loudest 50 ms. ``fade_s`` is the length of each raised-cosine fade.
    """

    choose: Literal["spread", "list"] = "spread"
    n: Annotated[int, msgspec.Meta(ge=1)] = 6
    length_s: Annotated[float, msgspec.Meta(ge=1, le=30)] = 10.0
    fade_s: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.02
    active: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.6
    active_db: Annotated[float, msgspec.Meta(lt=0)] = -40.0
    training: Count = 1
    seed: Count = 0


class Levels(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The loudness of stimuli, and the format of their files.

    With ``align`` each stimulus gets the loudness of its reference (ITU-R BS.1770); all stimuli of
    a trial share a further gain that keeps every true peak at or below ``peak_dbtp``.
    """

    align: bool = True
    reference_lufs: Annotated[float, msgspec.Meta(lt=0)] = -23.0
    peak_dbtp: Annotated[float, msgspec.Meta(le=0)] = -1.0
    bits: Literal[16, 24] = 16


class Question(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of the questionnaire; only ``kind = "choice"`` has ``choices``."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    kind: Literal["choice", "number", "text"]
    label: Text
    choices: tuple[Text, ...] = ()
    required: bool = False


class Listeners(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What listeners are asked before they rate, and where they are sent afterwards.

    Listeners agree to ``consent`` in the version ``consent_version``; after another version they are
    asked again. The ``headphones`` check is Woods et al. (2017) or Huggins pitch (Milne et al., 2020).
    Listeners who fail it ``headphones_attempts`` times either continue and are noted, or are thanked and
    refused (``headphones_failed``). ``invited_only`` requires a signed invitation.
    """

    languages: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("en", "de", "fr", "ja")
    consent: Text = msgspec.field(default_factory=dict)
    consent_version: str = "1"
    contact: str = ""
    questionnaire: tuple[Question, ...] = ()
    headphones: Literal["none", "woods", "huggins"] = "none"
    headphones_attempts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    headphones_failed: Literal["note", "refuse"] = "note"
    volume: bool = True
    completion_url: str = ""
    invited_only: bool = False


class Sessions(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which trials a session has in which order, and when the test is full.

    A session has ``trials`` of the test's trials (0: all), those presented least often first, in the order of
    a Latin square, and repeats ``replicates`` of them. ``seats`` limits the complete sessions
    (0: no limit); a session that is idle for ``idle_minutes`` loses its seat. A pause is offered after
    ``break_after`` trials (0: never).
    """

    trials: Count = 0
    replicates: Count = 1
    seats: Count = 0
    idle_minutes: Positive = 60.0
    break_after: Count = 0
    seed: Count = 0


class ListeningProtocol(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The definition of a listening test, without its sounds."""

    schema: Literal[1]
    id: str
    title: str
    version: str
    description: str
    citation: str
    method: Method = "mushra"
    targets: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    question: Text = msgspec.field(default_factory=dict)
    anchors: tuple[Anchor, ...] = ()
    excerpts: Excerpts = Excerpts()
    levels: Levels = Levels()
    listeners: Listeners = msgspec.field(default_factory=Listeners)
    sessions: Sessions = Sessions()

    @property
    def digest(self) -> str:
        """SHA-256 of the content of the file; title, description and citation do not count."""
        return digest(without(self, "title", "description", "citation"))


def load_listening_protocol(name_or_path: str | Path) -> ListeningProtocol:
    """Load a listening protocol by id or path, and check it for contradictions that the types allow.

    Raises
    ------
    SpecError, UnknownNameError

    Examples
    --------
    >>> load_listening_protocol("mushra-vocals").method
    'mushra'
    """
    protocol, path = load_by_id("listening protocol", name_or_path, ListeningProtocol)
    for key in ("targets", "anchors"):
        names = getattr(protocol, key)
        if len(set(names)) < len(names):
            raise SpecError(path, key, f"one stands twice: {', '.join(names)}")
    for i, question in enumerate(protocol.listeners.questionnaire):
        key = f"listeners.questionnaire[{i}]"
        if (question.kind == "choice") != bool(question.choices):
            raise SpecError(path, f"{key}.choices", "stands with kind 'choice', and only there")
        texts = [question.label, *question.choices]
        for language in protocol.listeners.languages:
            if any(not text.get(language) for text in texts):
                raise SpecError(path, key, f"has no text in {language!r}, one of the test's languages")
    return protocol
