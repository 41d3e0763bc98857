"""The merge list of CLIP's tokenizer (clip/simple_tokenizer.py of openai/CLIP).

The list is a text file, plain or gzip: a first line with "#version", then one merge a line, two
symbols with a blank between. OpenAI's file has 262144 merges, of which the tokenizer uses the first
48894; Hugging Face's merges.txt has only these. The ids are 256 bytes, 256 bytes that end a word,
the merges, start and end of text, so the token embedding of a network for M merges has M + 514
rows.
"""

import importlib.util
import os
import zlib
from typing import List, Optional

from . import strict_json
from .errors import ConvertError, brief, printable

MERGES_MAX = 49152 - 256 - 2  # as the published tokenizer counts
LIST_MAX = 1 << 26            # bytes, unpacked
LINE_MAX = 1000               # characters
SPECIAL = 514
BPE_FILE = "bpe_simple_vocab_16e6.txt.gz"
PACKAGES = ("open_clip", "clip")


class Merges:
    """The merges of a list, up to MERGES_MAX, and the file they were found in."""

    def __init__(self, path: str, merges: List[str]):
        self.path, self.merges = path, merges

    def for_rows(self, rows: int, network: str) -> bytes:
        """The bytes of the tensor tokenizer.merges, for a network with `rows` rows in the token
        embedding."""
        if len(self.merges) + SPECIAL != rows:
            raise ConvertError("%s: the merge list %s makes a vocabulary of %d tokens, the network "
                               "has %d; it belongs to another model" %
                               (network, self.path, len(self.merges) + SPECIAL, rows))
        return ("#version: 0.2\n" + "\n".join(self.merges) + "\n").encode("utf-8")


def parse(data: bytes, path: str) -> Merges:
    """The merges in the bytes of a list."""
    if data[:2] == b"\x1f\x8b":
        unpacker = zlib.decompressobj(31)
        try:
            data = unpacker.decompress(data, LIST_MAX)
        except zlib.error as error:
            raise ConvertError("%s: a damaged gzip file (%s)" % (path, error))
        if not unpacker.eof:
            raise ConvertError("%s: the gzip file is truncated or too large" % path)
    try:
        lines = data.decode("utf-8").split("\n", MERGES_MAX + 1)  # the rest stays in one piece
    except UnicodeDecodeError:
        raise ConvertError("%s: not a merge list: no UTF-8" % path)
    if "#version" not in lines[0]:
        raise ConvertError("%s: not a merge list: its first line has no '#version'" % path)
    merges = []
    for i, line in enumerate(lines[1:MERGES_MAX + 1]):
        line = line.rstrip("\r")
        if not line:
            break
        if len(line) > LINE_MAX or len(line.split()) != 2:
            raise ConvertError("%s: line %d is no merge of two symbols: '%s'" %
                               (path, i + 2, printable(line, 60)))
        merges.append(" ".join(line.split()))
    return Merges(path, merges)


def read_list(path: str) -> Merges:
    """The merges in a file."""
    try:
        with open(path, "rb") as file:
            data = file.read(LIST_MAX + 1)
    except OSError as error:
        raise ConvertError("%s: %s" % (path, error.strerror or error))
    if len(data) > LIST_MAX:
        raise ConvertError("%s: too large for a merge list" % path)
    return parse(data, path)


def read_tokenizer_json(path: str) -> Optional[Merges]:
    """The merges of tokenizer.json of the Hugging Face hub (model.merges, texts or pairs), or None
    where it has none."""
    table = strict_json.read(path)
    model = table.get("model") if isinstance(table, dict) else None
    merges = model.get("merges") if isinstance(model, dict) else None
    if not isinstance(merges, list):
        return None
    lines = [" ".join(m) if isinstance(m, list) and all(isinstance(s, str) for s in m) else brief(m, 1000)
             for m in merges]
    return parse(("#version: 0.2\n" + "\n".join(lines)).encode("utf-8", "replace"), path)


def installed_list() -> Optional[str]:
    """The merge list of an installed open_clip or clip package. The package is found but not
    imported."""
    for package in PACKAGES:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            continue
        for folder in (spec.submodule_search_locations or []) if spec else []:
            path = os.path.join(folder, BPE_FILE)
            if os.path.exists(path):
                return path
    return None


def find_merges(own: Optional[str], folder: str, network: str) -> Merges:
    """The list of --bpe, else a list beside the weights, else the list of an installed package."""
    if own:
        return read_list(own)
    for name in ("merges.txt", BPE_FILE):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return read_list(path)
    path = os.path.join(folder, "tokenizer.json")
    found = read_tokenizer_json(path) if os.path.exists(path) else None
    if found:
        return found
    installed = installed_list()
    if installed:
        return read_list(installed)
    raise ConvertError("%s: the CLIP's vocabulary is missing: there is no merges.txt or %s beside it; get "
                       "the latter from github.com/openai/CLIP (folder clip) and name it with --bpe, "
                       "or leave it out with --no-bpe" % (network, BPE_FILE))


def check_vocabulary(folder: str, merges: Merges) -> None:
    """Fails where a vocab.json beside the weights gives other ids than cfedit's tokenizer does."""
    path = os.path.join(folder, "vocab.json")
    if not os.path.exists(path):
        return
    table = strict_json.read(path)
    if not isinstance(table, dict):
        raise ConvertError("%s: no table of tokens" % path)
    wanted = {"<|startoftext|>": SPECIAL - 2 + len(merges.merges),
              "<|endoftext|>": SPECIAL - 1 + len(merges.merges)}
    for i, merge in enumerate(merges.merges):  # of equal tokens the last counts
        wanted[merge.replace(" ", "")] = SPECIAL - 2 + i
    for token, number in wanted.items():
        if table.get(token) != number:
            raise ConvertError("%s: token '%s' has number %s, the merge list %s makes it %d" %
                               (path, printable(token, 40), brief(table.get(token)), merges.path, number))
