"""Inputs that are a pure function of (name, shape, seed); tests/parity/formula.h has the formula."""

import numpy as np
import torch

GAMMA = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def _bits24(name, seed, count):
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 & MASK
    key ^= seed * GAMMA & MASK
    with np.errstate(over="ignore"):
        z = np.arange(count, dtype=np.uint64) + np.uint64((key + GAMMA) & MASK)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.int64)


def _unit(name, shape, seed):
    bits = _bits24(name, seed, int(np.prod(shape)))
    return ((2 * bits + 1 - (1 << 24)) * 2.0 ** -24).reshape(shape)


def uniform(name, shape, seed, center=0.0, scale=1.0):
    x = _unit(name, shape, seed).astype(np.float32)
    return torch.from_numpy(x * np.float32(scale) + np.float32(center))


def smooth(name, shape, spacing, seed, amplitude):
    """A picture (N,C,H,W): three quarters a bilinear blow-up of a lattice, one quarter noise."""
    n, c, h, w = shape
    lattice = _unit(name + ".lattice", (n, c, h // spacing + 1, w // spacing + 1), seed)
    y, x = np.arange(h), np.arange(w)
    b, a = (y % spacing / spacing)[:, None], x % spacing / spacing
    rows = lattice[:, :, y // spacing] * (1 - b) + lattice[:, :, y // spacing + 1] * b
    low = rows[..., x // spacing] * (1 - a) + rows[..., x // spacing + 1] * a
    picture = amplitude * (0.75 * low + 0.25 * _unit(name + ".noise", shape, seed))
    return torch.from_numpy(picture.astype(np.float32))


def positions(name, seed, count, total):
    return torch.from_numpy(_bits24(name, seed, count) * total >> 24)
