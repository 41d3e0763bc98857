"""Errors as one line, and the pieces that messages are made of."""

from typing import Any, Sequence


class ConvertError(Exception):
    """A checkpoint, a file or an option that cannot be used; the text is one line."""

    def __init__(self, message: str):
        super().__init__(printable(message))


def printable(text: str, most: int = 4000) -> str:
    """The first `most` characters of `text` on one line. Characters that do not print, which a
    hostile name may carry, become question marks."""
    clean = "".join(c if c.isprintable() else "?" for c in text[:most])
    return clean if len(text) <= most else clean + " ..."


def brief(value: Any, most: int = 60) -> str:
    """A value from a file, for a message. Lists and the like are named by their type only, because
    the text of a list that holds another list twice, and so on, doubles with each level."""
    if isinstance(value, str):
        return printable(value, most)
    if value is None or isinstance(value, (bool, float)):
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 64 else "a very large number"
    return "a " + type(value).__name__


def listed(names: Sequence[str], most: int = 8) -> str:
    """"a, b, c and 12 more"."""
    shown = ", ".join(printable(n, 200) for n in names[:most])
    return shown if len(names) <= most else "%s and %d more" % (shown, len(names) - most)


def counted(n: int, noun: str) -> str:
    """"1 tensor", "2 tensors"."""
    return "%d %s%s" % (n, noun, "" if n == 1 else "s")
