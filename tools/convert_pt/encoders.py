"""Encoders from pictures to latents: names as in their checkpoints.

Published code: omertov/encoder4editing, eladrich/pixel2style2pixel and yuval-alaluf/restyle-encoder
(models/encoders).
"""

import re
from typing import Dict, NamedTuple, Optional, Tuple

from .errors import ConvertError, brief
from .networks import add_decoder, backbone, norm
from .weights import (Expected, Names, Plan, Weights, highest, make_plan, metadata_of_options, size)

PICTURE, PICTURES = 3, 6  # input channels; ReStyle's encoders see two pictures
POOLED = 7                # means a side, in front of the linear layers into W+
PYRAMID, HEADS, LINEAR, LINEARS = "pyramid", "heads", "linear", "linears"


class Type(NamedTuple):
    """What stands behind the body of IR-SE50, and how many channels the body may read."""

    layers: str
    channels: Tuple[int, ...]


# By the values of opts.encoder_type.
TYPES = {
    "Encoder4Editing": Type(PYRAMID, (PICTURE,)),
    "GradualStyleEncoder": Type(PYRAMID, (PICTURE, PICTURES)),
    "BackboneEncoder": Type(HEADS, (PICTURES,)),
    "ProgressiveBackboneEncoder": Type(HEADS, (PICTURES,)),
    "BackboneEncoderUsingLastLayerIntoW": Type(LINEAR, (PICTURE,)),
    "SingleStyleCodeEncoder": Type(LINEAR, (PICTURE,)),
    "BackboneEncoderUsingLastLayerIntoWPlus": Type(LINEARS, (PICTURE,)),
}
UNTOLD = "Encoder4Editing"  # what a checkpoint without the option is taken for
# Tensors by which the layers are told apart.
MARKS = {
    "encoder.latlayer1.weight": (PYRAMID,),
    "encoder.styles.0.linear.weight": (PYRAMID, HEADS),
    "encoder.linear.weight": (LINEAR, LINEARS),
    "encoder.output_layer_2.3.weight": (LINEARS,),
    "encoder.conv1.weight": (),  # ReStyle's encoders over ResNet34
}


def encoder(weights: Weights, with_decoder: bool, named: Optional[str]) -> Plan:
    """The plan for an encoder: the tensors below `encoder.`, and latent_avg, (L,D) or (D), to which
    the latents are relative. `named` is the type that the user names, or None."""
    path, names = weights.checkpoint.path, {**weights.names, **weights.extra}
    kind = type_of(weights, named)
    check_type(weights, kind or UNTOLD, kind is not None)
    layers = TYPES[kind or UNTOLD].layers
    inputs = size(names, "encoder.input_layer.0.weight", 1)
    dropped = average_is_unused(weights, inputs == PICTURES)
    if dropped:
        names.pop("latent_avg", None)
    expected: Expected = {}
    optional: Expected = {}
    channels = backbone(names, "encoder.", expected, optional, inputs)
    if layers in (PYRAMID, HEADS):
        heads(names, expected, channels)
    if layers == PYRAMID:
        for name in ("encoder.latlayer1", "encoder.latlayer2"):
            expected[name + ".weight"] = (channels, None, 1, 1)
            expected[name + ".bias"] = (channels,)
    if layers in (LINEAR, LINEARS):
        linears(names, expected, optional, channels, layers == LINEARS)
    average = names.get("latent_avg")
    if average is not None:
        optional["latent_avg"] = (None,) * max(min(len(average.shape), 2), 1)
    plan = make_plan("encoder", path, names, expected, optional)
    plan.metadata.update(metadata_of_options(weights.opts))
    plan.metadata["kind"] = "encoder"
    if kind is not None:
        plan.metadata["encoder_type"] = kind
    add_decoder(plan, names, with_decoder)
    if dropped:
        plan.notes.append("start_from_latent_avg is false: the latents of this encoder are not relative to an "
                          "average, so latent_avg is not written")
    elif average is None:
        plan.notes.append("no latent_avg in it: its latents are not relative to an average")
    if kind is None:
        plan.notes.append("no encoder_type in it: taken for e4e's Encoder4Editing; an encoder of pSp needs "
                          "--encoder-type GradualStyleEncoder")
    return plan


# ---- the type ----

def type_of(weights: Weights, named: Optional[str]) -> Optional[str]:
    """The type that the options of the training tell, the metadata, or the user; None where none
    does."""
    path = weights.checkpoint.path
    told = weights.opts.get("encoder_type", weights.checkpoint.metadata.get("encoder_type"))
    if told is not None and (not isinstance(told, str) or told not in TYPES):
        raise ConvertError("%s: an encoder of type %s; supported are %s" % (path, brief(told), ", ".join(TYPES)))
    if told is not None and named is not None and told != named:
        raise ConvertError("%s: its options say that it is of type %s; leave out --encoder-type" % (path, told))
    return told if told is not None else named


def check_type(weights: Weights, kind: str, told: bool) -> None:
    """Fails where the tensors contradict the type."""
    names, path = weights.names, weights.checkpoint.path
    layers, allowed = TYPES[kind]
    if weights.opts.get("dataset_type") == "cars_encode":
        raise ConvertError("%s: an encoder of pictures of 256 x 192 pixels (dataset_type cars_encode); only "
                           "encoders of square pictures are supported" % path)
    reason = ""
    channels = size(names, "encoder.input_layer.0.weight", 1)
    if channels is not None and channels not in allowed:
        reason = "it reads %d channels, and that type %s" % (channels, " or ".join(map(str, allowed)))
    for mark, having in MARKS.items():
        if mark in names and layers not in having:
            reason = "there is a tensor %s" % mark
    if not reason:
        return
    if told:
        raise ConvertError("%s: of type %s, but %s" % (path, kind, reason))
    raise ConvertError("%s: no encoder_type in it, and it is no %s: %s; name its type with --encoder-type (%s)" %
                       (path, kind, reason, ", ".join(n for n in TYPES if n != kind)))


def average_is_unused(weights: Weights, iterative: bool) -> bool:
    """Whether the average is not part of the latents. ReStyle starts from it whatever the options
    say, as the published code does."""
    told = weights.opts.get("start_from_latent_avg")
    if "latent_avg" not in {**weights.names, **weights.extra} and (iterative or told is True):
        raise ConvertError("%s: no latent_avg in it, but its latents are relative to an average; give the "
                           "generator's checkpoint, which has one, as a second input, with --kind encoder" %
                           weights.checkpoint.path)
    return told is False and not iterative


# ---- what stands behind the body ----

def heads(names: Names, expected: Expected, channels: Optional[int]) -> None:
    """Adds the heads."""
    lasts = last_convolutions(names)
    for i in range(max(highest(names, r"encoder\.styles\.(\d+)\."), 0) + 1):
        style = "encoder.styles.%d." % i
        out = size(names, style + "linear.weight", 0)
        expected[style + "linear.weight"] = (out, out)
        expected[style + "linear.bias"] = (out,)
        for j in range(0, lasts.get(i, 0) + 1, 2):  # between two convolutions stands a leaky ReLU
            expected["%sconvs.%d.weight" % (style, j)] = (out, channels if j == 0 else out, 3, 3)
            expected["%sconvs.%d.bias" % (style, j)] = (out,)


def last_convolutions(names: Names) -> Dict[int, int]:
    """The largest number of a convolution for each style head, at most the number of names that a
    head has."""
    counts: Dict[int, int] = {}
    lasts: Dict[int, int] = {}
    for name in names:
        match = re.match(r"encoder\.styles\.(\d{1,4})\.convs\.(\d{1,4})\.", name)
        if match:
            head, conv = int(match.group(1)), int(match.group(2))
            counts[head] = counts.get(head, 0) + 1
            lasts[head] = max(lasts.get(head, 0), conv)
    return {head: min(last, 2 * counts[head]) for head, last in lasts.items()}


def linears(names: Names, expected: Expected, optional: Expected, channels: Optional[int], both: bool) -> None:
    """Adds the linear layer into W, or the batch norm and `both` linear layers into W+."""
    out, inputs = size(names, "encoder.linear.weight", 0), channels
    if both:
        inputs = size(names, "encoder.output_layer_2.3.weight", 0)
        norm(expected, optional, "encoder.output_layer_2.0", channels)
        expected["encoder.output_layer_2.3.weight"] = (inputs, channels * POOLED * POOLED if channels else None)
        expected["encoder.output_layer_2.3.bias"] = (inputs,)
    expected["encoder.linear.weight"] = (out, inputs)
    expected["encoder.linear.bias"] = (out,)
