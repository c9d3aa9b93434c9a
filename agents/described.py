"""An exception in words that can be written anywhere: whatever is in it, saying so does not fail."""

from __future__ import annotations

import traceback

LONGEST_SENTENCE = 2000  # characters
LONGEST_STACK = 1500  # of a stack that is kept: its end, where it happened
MOST_FRAMES = 20


def described(error: BaseException) -> str:
    """Its type and what it says, as text that UTF-8 can carry."""
    try:
        said = str(error)
    except Exception:
        said = "(it cannot say what it is)"
    return readable(f"{type(error).__name__}: {said}".rstrip(": "))


def readable(text: str) -> str:
    """Text without what UTF-8 cannot carry: a lone surrogate from a vendor's answer made a whole record unwritable."""
    return text.encode("utf-8", "replace").decode()


def sentence(text: str) -> str:
    """A text that stands in a record: readable, and no longer than anybody reads."""
    return readable(text)[:LONGEST_SENTENCE]


def place_of(error: BaseException) -> str:
    """Where it was raised: file, line and function."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    if not frames:
        return "raised nowhere"
    last = frames[-1]
    return f"{_short(last.filename)}:{last.lineno} in {last.name}"


def stack_of(error: BaseException) -> str:
    """The end of its stack, the innermost call last."""
    frames = traceback.extract_tb(error.__traceback__, limit=-MOST_FRAMES)
    lines = [f"{_short(frame.filename)}:{frame.lineno} in {frame.name}: {frame.line}" for frame in frames]
    return readable("\n".join(lines))[-LONGEST_STACK:]


def _short(path: str) -> str:
    """The last three parts of a path: enough to find the file, wherever it is installed."""
    return "/".join(path.replace("\\", "/").rsplit("/", 3)[-3:])
