"""What goes wrong, as one line."""

from typing import Sequence


class ConvertError(Exception):
    """A checkpoint, a file or an option that cannot be used; the text is one line."""

    def __init__(self, message: str):
        super().__init__(printable(message))


def printable(text: str, most: int = 4000) -> str:
    """`text` on one line, without control characters that a hostile name may carry."""
    clean = "".join(c if c.isprintable() else "?" for c in text[:most])
    return clean if len(text) <= most else clean + " ..."


def listed(names: Sequence[str], most: int = 8) -> str:
    """"a, b, c and 12 more"."""
    shown = ", ".join(printable(n, 200) for n in names[:most])
    return shown if len(names) <= most else "%s and %d more" % (shown, len(names) - most)


def counted(n: int, noun: str) -> str:
    """"1 tensor", "2 tensors"."""
    return "%d %s%s" % (n, noun, "" if n == 1 else "s")
