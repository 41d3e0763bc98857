"""The named tensors of a checkpoint, the kind of network they make, and what that kind needs.

`Weights` are the tensors of a checkpoint without the dictionaries around them; a `Plan` is what
will be written. The needs of a kind are a table from names to shapes, where None stands for a size
that is free. The table is made from the largest layer number that occurs, so that a gap in the
middle is found.
"""

import re
from typing import Any, Dict, Iterable, List, Optional, Tuple

from .errors import ConvertError, counted, listed, printable
from .files import Checkpoint, tensors_of
from .objects import Bag, as_tensor
from .tensors import Tensor, reshaped

Names = Dict[str, Tensor]
Expected = Dict[str, Tuple[Optional[int], ...]]

PHRASES = {
    "clip": "a CLIP network",
    "stylegan2": "a StyleGAN2 generator",
    "mapper": "a CF-CLIP or StyleCLIP mapper",
    "irse50": "an IR-SE50 face recognition network",
    "vgg19": "a VGG19 network",
    "encoder": "a picture encoder",
    "mtcnn": "an MTCNN face detector",
    "latents": "latents",
}
KINDS = tuple(PHRASES)
OPTION_MAX = 4096  # characters of one training option in the metadata

# Beginnings of names by which a kind is recognised; the first match decides.
MARKS = (
    ("stylegan2", "synthesis.b4."),
    ("encoder", "encoder.input_layer."),
    ("encoder", "encoder.conv1."),
    ("mapper", "text_mapper."),
    ("mapper", "mapper."),
    ("stylegan2", "conv1.conv."),
    ("clip", "visual."),
    ("clip", "text_model."),
    ("clip", "vision_model."),
    ("clip", "token_embedding."),
    ("irse50", "input_layer."),
    ("vgg19", "conv1_1."),
    ("mtcnn", "pnet."),
    ("mtcnn", "rnet."),
    ("mtcnn", "onet."),
)

# The three networks of MTCNN are published one file each, with the same names in each. A file is
# told by a layer that it alone has.
MTCNN_PARTS = (("pnet.", "conv4_1.weight"), ("rnet.", "dense5_1.weight"), ("onet.", "dense6_1.weight"))


class Weights:
    """names: the tensors; extra: tensors beside them (latent_avg); opts: the options of the
    training; generator: the module tree of an NVIDIA pickle; latents: tensors without names."""

    def __init__(self, checkpoint: Checkpoint):
        self.checkpoint = checkpoint
        self.names: Names = {}
        self.extra: Names = {}
        self.opts: Dict[str, Any] = {}
        self.label = ""          # the name that an open_clip training checkpoint gives itself
        self.fine_tuned = False  # {epoch, model_state_dict, optimizer_state_dict, loss}
        self.generator: Optional[Bag] = None
        self.latents: List[Tensor] = []


class Plan:
    """What will be written, in this order, and what to tell about it."""

    def __init__(self, kind: str):
        self.kind = kind
        self.tensors: Names = {}
        self.metadata: Dict[str, str] = {"kind": kind}
        self.notes: List[str] = []
        self.left_over: List[str] = []


def mapping(value: Any) -> Dict[str, Any]:
    """The attributes or items of an object whose names are texts."""
    items = value.state if isinstance(value, Bag) else value
    return {k: v for k, v in items.items() if isinstance(k, str)} if isinstance(items, dict) else {}


def unwrap(checkpoint: Checkpoint) -> Weights:
    """The weights inside the dictionaries that training programs put around a state dict."""
    out = Weights(checkpoint)
    root = checkpoint.root
    tensor = as_tensor(root)
    if tensor is not None:
        out.latents = [tensor]
        return out
    if isinstance(root, (list, tuple)):
        rows = [as_tensor(item) for item in root]
        if not rows or any(r is None for r in rows):
            raise ConvertError("%s: a list, but not one of latents" % checkpoint.path)
        # One latent each: (D), (1,D), (L,D) or (1,L,D).
        out.latents = [as_row(r) if len(r.shape) < 2 or len(r.shape) == 2 and r.shape[0] > 1 else r
                       for r in rows if r is not None]
        return out
    if not isinstance(root, (dict, Bag)):
        raise ConvertError("%s: holds no tensors" % checkpoint.path)
    if isinstance(root, Bag):
        if root.foreign:
            raise ConvertError("%s: refused: a whole object of class '%s'; save its state_dict() instead" %
                               (checkpoint.path, root.class_name))
        if "_modules" in root.state:
            out.generator = root
        out.names = tensors_of(root)
        return out
    items = mapping(root)
    out.opts = mapping(items.get("opts"))
    average = as_tensor(items.get("latent_avg"))
    if average is not None:
        out.extra["latent_avg"] = average
    network = items.get("G_ema", items.get("G"))
    if isinstance(network, Bag):
        out.generator = network
        out.names = tensors_of(network)
    elif isinstance(network, dict):
        out.names = tensors_of(network)
    else:
        inner = next((items[k] for k in ("g_ema", "state_dict", "model_state_dict", "model")
                      if isinstance(items.get(k), (dict, Bag))), root)
        out.fine_tuned = inner is items.get("model_state_dict") and "optimizer_state_dict" in items
        out.label = items["name"] if isinstance(items.get("name"), str) else ""
        out.names = tensors_of(inner)
        for name in out.extra:
            out.names.pop(name, None)
    if out.names and all(name.startswith("module.") for name in out.names):
        out.names = {name[len("module."):]: t for name, t in out.names.items()}
    if set(out.names) in ({"latents"}, {"latent"}, {"w"}):
        out.latents, out.names = list(out.names.values()), {}
    out.names = with_network_of_mtcnn(out.names)
    return out


def with_network_of_mtcnn(names: Names) -> Names:
    """The tensors of one of MTCNN's networks with the network in front of their names; tensors of
    anything else as they are."""
    for prefix, layer in MTCNN_PARTS:
        if layer in names and "prelu1.weight" in names:
            return {prefix + name: t for name, t in names.items()}
    return names


def as_row(t: Tensor) -> Tensor:
    """One latent as a batch of one: (L,D) -> (1,L,D), (D) -> (1,D)."""
    return reshaped(t, (1,) + t.shape)


def merge(parts: List[Weights]) -> Weights:
    """Several inputs: parts of one checkpoint, or latents one after another."""
    first = parts[0]
    for part in parts[1:]:
        if bool(part.latents) != bool(first.latents):
            raise ConvertError("%s is no part of the same checkpoint as %s" %
                               (part.checkpoint.path, first.checkpoint.path))
        twice = sorted(set(part.names) & set(first.names))
        if twice:
            raise ConvertError("%s: also has %s" % (part.checkpoint.path, listed(twice, 3)))
        first.checkpoint.foreign += part.checkpoint.foreign
        first.names.update(part.names)
        first.extra.update(part.extra)
        first.latents += part.latents
        first.opts.update(part.opts)
    return first


def recognise(weights: Weights) -> Optional[str]:
    """The kind that the names tell, or None."""
    if weights.latents:
        return "latents"
    for kind, mark in MARKS:
        if any(name.startswith(mark) for name in weights.names):
            return kind
    return None


def choose_kind(weights: Weights, wanted: str) -> str:
    """The kind to convert as; an error where the file is not of the kind that was asked for."""
    path = weights.checkpoint.path
    found = recognise(weights)
    if wanted == "auto":
        if found is None:
            if not weights.names:
                foreign = weights.checkpoint.foreign
                raise ConvertError("%s: holds no tensors by name%s" % (
                    path, "; objects of %s are not looked into" % listed(foreign, 4) if foreign else ""))
            raise ConvertError("%s: no kind that is known: its tensors are called %s" %
                               (path, listed(sorted(weights.names), 4)))
        return found
    carried = wanted == "stylegan2" and any(n.startswith("decoder.conv1.") for n in weights.names)
    if found == wanted or carried or any(
            kind == wanted and any(n.startswith(mark) for n in weights.names)
            for kind, mark in MARKS):
        return wanted
    seems = ", but this seems to be %s" % PHRASES[found] if found else ""
    raise ConvertError("%s: expected %s%s" % (path, PHRASES[wanted], seems or ", and it is not"))


# ---- expectations ----

def numbers(names: Iterable[str], pattern: str) -> List[int]:
    """The numbers of up to four digits that group 1 of `pattern` takes in the names."""
    digits = [m.group(1) for m in (re.match(pattern, n) for n in names) if m]
    return [int(d) for d in digits if len(d) < 5]


def highest(names: Iterable[str], pattern: str) -> int:
    """The index of the last layer, or -1: the largest number that group 1 of `pattern` takes in the
    names. Where the index is larger than the number of matching names, layers are missing. The
    number of names is returned then, which is enough to find the first missing layer, and keeps
    every table as short as the file."""
    found = numbers(names, pattern)
    return min(max(found, default=-1), len(found))


def size(names: Names, name: str, axis: int) -> Optional[int]:
    """The size of an axis of a tensor; None where there is no such tensor or axis."""
    t = names.get(name)
    return t.shape[axis] if t is not None and axis < len(t.shape) else None


def fits(shape: Tuple[int, ...], expected: Tuple[Optional[int], ...]) -> bool:
    """Whether a shape is the expected one, with any size where that has None."""
    return len(shape) == len(expected) and all(e is None or n == e for n, e in zip(shape, expected))


def shape_text(shape: Iterable[Optional[int]]) -> str:
    """A shape for messages: "(3, any)"."""
    return "(%s)" % ", ".join("any" if n is None else str(n) for n in shape)


def require(path: str, kind: str, names: Names, expected: Expected) -> None:
    """Fails where a tensor is missing, is empty or has another shape."""
    missing = [name for name in expected if name not in names]
    if missing:
        raise ConvertError("%s: %s lacks %s: %s" % (path, PHRASES[kind],
                                                    counted(len(missing), "tensor"), listed(missing)))
    for name, shape in expected.items():
        if not fits(names[name].shape, shape):
            raise ConvertError("%s: tensor %s is %s, expected %s" %
                               (path, name, shape_text(names[name].shape), shape_text(shape)))
        if 0 in names[name].shape:
            raise ConvertError("%s: tensor %s is %s, which has no numbers" %
                               (path, name, shape_text(names[name].shape)))


def make_plan(kind: str, path: str, names: Names, expected: Expected, optional: Expected) -> Plan:
    """A plan with the expected tensors and with the optional ones that are there; the rest is left
    over."""
    present = {name: shape for name, shape in optional.items() if name in names}
    require(path, kind, names, {**expected, **present})
    plan = Plan(kind)
    for name in list(expected) + list(present):
        plan.tensors[name] = names[name]
    plan.left_over = sorted(set(names) - set(plan.tensors))
    return plan


def metadata_of_options(opts: Dict[str, Any]) -> Dict[str, str]:
    """Training options as text: flags true and false, numbers, texts and flat lists of them.
    Options of more than OPTION_MAX characters are left out."""
    out: Dict[str, str] = {}
    for key, value in opts.items():
        text = option_text(value)
        if text is not None and key:
            out[printable(key, 200)] = text
    return out


def option_text(value: Any) -> Optional[str]:
    """One option as text, or None where it has none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 64 else None
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return value.replace("\0", "") if len(value) <= OPTION_MAX else None
    if isinstance(value, (list, tuple)) and 0 < len(value) <= OPTION_MAX:
        return list_text(value)
    return None


def list_text(values: Iterable[Any]) -> Optional[str]:
    """A flat list as text, or None where it has other things in it or is too long."""
    parts: List[str] = []
    length = 0
    for value in values:
        part = option_text(value) if not isinstance(value, (list, tuple)) else None
        if part is None:
            return None
        parts.append(part)
        length += len(part) + 1
        if length > OPTION_MAX:
            return None
    return ",".join(parts)
