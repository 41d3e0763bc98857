"""CLIP's byte-pair tokenizer over a merge list. Text that ftfy would repair is out of its scope."""

import gzip
import html
import unicodedata
from functools import lru_cache

CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
SPECIAL = ("<|startoftext|>", "<|endoftext|>")
OPENAI_MERGES = 49152 - 256 - 2


def byte_letters():
    """A printable letter for each byte: the byte itself where it is printable, else one from 256 on."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = {b: chr(b) for b in plain}
    rest = [b for b in range(256) if b not in letters]
    letters.update({b: chr(256 + i) for i, b in enumerate(rest)})
    # The vocabulary begins with the printable bytes, then the others.
    return {b: letters[b] for b in plain + rest}


def read_merges(data):
    """bytes of a merge list (gzip'd or not) -> [(left, right)]. OpenAI's file holds more lines than CLIP uses."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    lines = [line for line in data.decode("utf-8").split("\n")]
    if lines and (lines[0].startswith("#version") or "bpe_simple_vocab" in lines[0]):
        lines = lines[1:]
    pairs = [tuple(line.split()) for line in lines if line.strip()]
    return pairs[:OPENAI_MERGES]


def _kind(c):
    major = unicodedata.category(c)[0]
    return "space" if c.isspace() else "L" if major == "L" else "N" if major == "N" else "other"


def split(text):
    """Specials, contractions, runs of letters, single digits, runs of anything else that is no space."""
    words, i = [], 0
    while i < len(text):
        fixed = next((s for s in SPECIAL + CONTRACTIONS if text.startswith(s, i)), None)
        kind = _kind(text[i])
        if fixed:
            words.append(fixed)
        elif kind == "space":
            i += 1
            continue
        elif kind == "N":
            words.append(text[i])
        else:
            end = i + 1
            while end < len(text) and _kind(text[end]) == kind:
                end += 1
            words.append(text[i:end])
        i += len(words[-1])
    return words


class Tokenizer:
    def __init__(self, merges):
        letters = byte_letters()
        self.letters = letters
        self.rank = {pair: i for i, pair in enumerate(merges)}
        vocabulary = list(letters.values())
        vocabulary += [c + "</w>" for c in vocabulary] + ["".join(pair) for pair in merges] + list(SPECIAL)
        self.id = {word: i for i, word in enumerate(vocabulary)}
        self.word_ids = lru_cache(maxsize=4096)(self._word_ids)

    def _word_ids(self, word):
        if word in SPECIAL:
            return (self.id[word],)
        parts = [self.letters[b] for b in word.encode("utf-8")]
        parts[-1] += "</w>"
        while len(parts) > 1:
            best = min(zip(parts, parts[1:]), key=lambda pair: self.rank.get(pair, float("inf")))
            if best not in self.rank:
                break
            joined, i = [], 0
            while i < len(parts):
                if tuple(parts[i:i + 2]) == best:
                    joined.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    joined.append(parts[i])
                    i += 1
            parts = joined
        return tuple(self.id[part] for part in parts)

    def encode(self, text):
        """-> ids with start and end token, without padding."""
        text = html.unescape(html.unescape(text)).strip()
        text = " ".join(text.split()).lower()
        ids = [i for word in split(text) for i in self.word_ids(word)]
        return [self.id[SPECIAL[0]], *ids, self.id[SPECIAL[1]]]

    def tokens(self, texts, context):
        """-> int64 (len(texts), context), padded with 0."""
        import torch
        rows = torch.zeros(len(texts), context, dtype=torch.long)
        for row, text in zip(rows, texts):
            ids = self.encode(text)
            if len(ids) > context:
                raise ValueError(f"{text!r} has {len(ids)} tokens, more than {context}")
            row[:len(ids)] = torch.tensor(ids)
        return rows
