"""How does the preview look? Turns content and preview into HTML, CSS and JSON. Nothing here does I/O or reads a clock."""

from __future__ import annotations

import json
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from hello_world.content import Content
from hello_world.preview import Preview

_ASSETS = Path(__file__).parent / "assets"
_PAGE = Template((_ASSETS / "page.html").read_text(encoding="utf-8"))
_STYLE = Template((_ASSETS / "style.css").read_text(encoding="utf-8"))

SCRIPT = (_ASSETS / "countdown.js").read_text(encoding="utf-8")

UNKNOWN = "unknown"


def html(content: Content, preview: Preview, now: datetime) -> str:
    """The page. Every value is escaped: all of them come from a pull request."""
    values = {
        "greeting": content.greeting,
        "message": content.message,
        "colour": content.colour,
        "repository": preview.repository or UNKNOWN,
        "pull_request": f"#{preview.pull_request}" if preview.pull_request else UNKNOWN,
        "commit": preview.commit or UNKNOWN,
        "time_left": time_left(preview.expires_at, now),
        "until": _until(preview.expires_at),
        "expires_at": preview.expires_at.isoformat() if preview.expires_at else "",
        "now": now.isoformat(),
    }
    return _PAGE.substitute({name: escape(value, quote=True) for name, value in values.items()})


def css(content: Content) -> str:
    """The style sheet in the content's colour."""
    return _STYLE.substitute(colour=content.colour, ink=content.ink)


def info(preview: Preview, now: datetime) -> str:
    """The same facts for programs; unknown ones are null, times are RFC 3339."""
    return json.dumps(
        {
            "repository": preview.repository,
            "pull_request": preview.pull_request,
            "commit": preview.commit,
            "expires_at": preview.expires_at.isoformat() if preview.expires_at else None,
            "now": now.isoformat(),
        },
        indent=2,
    ) + "\n"


def time_left(expires_at: datetime | None, now: datetime) -> str:
    """`1 h 05 min`, `9 min 07 s` or `12 s`; countdown.js repeats this format every second."""
    if expires_at is None:
        return "not limited"
    seconds = int((expires_at - now).total_seconds())
    if seconds <= 0:
        return "planned end reached"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def _until(expires_at: datetime | None) -> str:
    if expires_at is None:
        return "Nobody told this page when it ends."
    return f"Until {expires_at:%Y-%m-%d %H:%M:%S} UTC, unless the pull request has a newer answer."
