"""The one way in which text from outside reaches a terminal, or a pipe: what could act on it is shown, not sent.

Control characters move the cursor, set titles and colours; format characters turn the direction of writing or stand
between letters unseen. Each is written as Python writes it, `\\x1b` or `\\u202e`. `--json` keeps the text as it is.
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PLAIN = re.compile(r"[ -~\n]*", re.ASCII)


def visible(text: str) -> str:
    """The text with everything unseen made visible; line feeds stay, since our own sentences have them."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(one if one == "\n" or unicodedata.category(one) not in _HIDDEN else _shown(one) for one in text)


def _shown(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
