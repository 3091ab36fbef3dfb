"""HTML of others as plain text, and plain text as HTML: no markup of a configuration reaches a listener."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

# Elements that begin a line, most of which end one too.
_LINES = frozenset(
    ("address", "article", "blockquote", "br", "div", "dl", "dt", "dd", "figure", "footer", "form", "h1",
     "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr",
     "ul")
)  # fmt: skip
_UNSEEN = frozenset(("script", "style", "template", "title", "noscript"))
_MEDIA = frozenset(("audio", "canvas", "embed", "iframe", "img", "object", "svg", "video"))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.lost: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        if tag in _MEDIA:
            self.lost.append(tag)
        if tag in _LINES:
            self.parts.append("\n")
        if tag == "li":
            self.parts.append("• ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNSEEN:  # else it would never end
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        if tag in _LINES - {"br", "li"}:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))


def plain_text(markup: str) -> tuple[str, tuple[str, ...]]:
    """Return what a page of HTML says, and the elements of it that text cannot hold.

    Examples
    --------
    >>> plain_text("<p>Listen <b>well</b>.<br/>Then rate &amp; go on.</p><img src=x onerror=y>")
    ('Listen well.\\nThen rate & go on.', ('img',))
    >>> plain_text("<ul><li>one<li>two</ul><script>alert(1)</script>")[0]
    '• one\\n• two'
    """
    parser = _Text()
    parser.feed(markup)
    parser.close()
    lines = [re.sub(r" +", " ", line).strip() for line in "".join(parser.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), tuple(dict.fromkeys(parser.lost))


def as_html(text: str) -> str:
    """Return plain text as HTML on one line, as `plain_text` reads it back.

    Examples
    --------
    >>> as_html("a < b\\nc")
    'a &lt; b<br/>c'
    """
    return html.escape(text, quote=False).replace("\n", "<br/>")
