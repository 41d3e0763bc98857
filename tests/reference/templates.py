"""The ImageNet sentences, as the C program carries them."""

import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "apps" / "cfedit" / "templates.c"


def templates():
    text = SOURCE.read_text(encoding="utf-8")
    table = text[text.index("template_text[CE_TEMPLATES] = {"):]
    return re.findall(r'"([^"]*\{\}[^"]*)"', table[:table.index("};")])


def fill(text, count=None):
    """The first `count` sentences about `text`."""
    return [sentence.replace("{}", text) for sentence in templates()[:count]]
