"""Text from files as text: nothing in a name becomes markup, a link or an image."""

import re

SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&^=\"'/])")


def plain(name: str) -> str:
    """The name for places that render Markdown: it reads as typed. Line breaks become spaces."""
    return SPECIAL.sub(r"\\\1", " ".join(name.split()))
