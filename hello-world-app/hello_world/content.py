"""What does the page say? The greeting, message and colour of `content.json`, the file that pull requests change."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

MAX_GREETING = 200
MAX_MESSAGE = 2000

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class ContentError(ValueError):
    """`content.json` cannot be shown; the message names the field and the rule."""


@dataclass(frozen=True)
class Content:
    greeting: str
    message: str
    colour: str
    """`#rrggbb`, and nothing else: it is written into the style sheet."""

    @property
    def ink(self) -> str:
        """Black or white, whichever is the more readable on the colour (WCAG relative luminance)."""
        red, green, blue = (_linear(int(self.colour[i : i + 2], 16)) for i in (1, 3, 5))
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        contrast_with_white = 1.05 / (luminance + 0.05)
        contrast_with_black = (luminance + 0.05) / 0.05
        return "#ffffff" if contrast_with_white >= contrast_with_black else "#000000"


def _linear(channel: int) -> float:
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def parse(text: str) -> Content:
    """Reads `content.json`; raises ContentError."""
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise ContentError(f"is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ContentError("must be a JSON object with greeting, message and colour")
    unknown = sorted(fields.keys() - {"greeting", "message", "colour"})
    if unknown:
        raise ContentError(f"has fields that the page does not know: {', '.join(unknown)}")
    colour = _text(fields, "colour", len("#rrggbb"))
    if not _COLOUR.fullmatch(colour):
        raise ContentError(f"colour must look like #2457d6, not {colour!r}")
    return Content(_text(fields, "greeting", MAX_GREETING), _text(fields, "message", MAX_MESSAGE), colour)


def _text(fields: dict, name: str, longest: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise ContentError(f"{name} must be a text of 1 to {longest} characters")
    return value


def load(file: Path) -> Content:
    """Reads the file; raises ContentError that names it."""
    try:
        return parse(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ContentError) as error:
        raise ContentError(f"{file.name}: {error}") from error
