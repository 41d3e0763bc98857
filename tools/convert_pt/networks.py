"""Mappers, IR-SE50, VGG19, MTCNN, latents: names as in their checkpoints.

Published code: yingchen001/CF-CLIP (mapper/latent_mappers.py, models/facial_recognition,
criteria/vgg_loss.py), orpatashnik/StyleCLIP (mapper), timesler/facenet-pytorch (models/mtcnn.py).
"""

from typing import Optional, Tuple

from .errors import ConvertError, counted
from .tensors import Tensor, joined, reshaped
from .weights import (Expected, Names, Plan, Weights, highest, make_plan, metadata_of_options,
                      shape_text, size)

LATENT = 512  # numbers of a latent in every published generator
VGG_CONVS = [(stage, i) for stage, n in enumerate((2, 2, 4, 4, 4), 1) for i in range(1, n + 1)]
LEVELS = (("course", "no_coarse_mapper"), ("medium", "no_medium_mapper"), ("fine", "no_fine_mapper"))
MAPPER_DEPTH = 4
MTCNN_LAYERS = (
    ("pnet.conv1", "pnet.prelu1", (10, 3, 3, 3)), ("pnet.conv2", "pnet.prelu2", (16, 10, 3, 3)),
    ("pnet.conv3", "pnet.prelu3", (32, 16, 3, 3)), ("pnet.conv4_1", "", (2, 32, 1, 1)),
    ("pnet.conv4_2", "", (4, 32, 1, 1)),
    ("rnet.conv1", "rnet.prelu1", (28, 3, 3, 3)), ("rnet.conv2", "rnet.prelu2", (48, 28, 3, 3)),
    ("rnet.conv3", "rnet.prelu3", (64, 48, 2, 2)), ("rnet.dense4", "rnet.prelu4", (128, 576)),
    ("rnet.dense5_1", "", (2, 128)), ("rnet.dense5_2", "", (4, 128)),
    ("onet.conv1", "onet.prelu1", (32, 3, 3, 3)), ("onet.conv2", "onet.prelu2", (64, 32, 3, 3)),
    ("onet.conv3", "onet.prelu3", (64, 64, 3, 3)), ("onet.conv4", "onet.prelu4", (128, 64, 2, 2)),
    ("onet.dense5", "onet.prelu5", (256, 1152)), ("onet.dense6_1", "", (2, 256)),
    ("onet.dense6_2", "", (4, 256)), ("onet.dense6_3", "", (10, 256)))


def with_prefix(names: Names, prefix: str) -> Names:
    """The tensors whose names begin with `prefix`."""
    return {n: t for n, t in names.items() if n.startswith(prefix)}


def add_decoder(plan: Plan, names: Names, wanted: bool) -> None:
    """Adds the generator that a mapper or encoder was trained with, if it is wanted; else notes
    it."""
    decoder = with_prefix(names, "decoder.")
    plan.left_over = [n for n in plan.left_over if n not in decoder]
    if wanted:
        plan.tensors.update(decoder)
    elif decoder:
        plan.notes.append("the generator in it (%s) is not written; --with-decoder does, "
                          "--kind stylegan2 makes a generator of it" %
                          counted(len(decoder), "tensor"))


# ---- mappers ----

def mapper(weights: Weights, with_decoder: bool) -> Plan:
    """The plan for a mapper. CF-CLIP has a fusing layer, levels, and one text network for each
    layer; StyleCLIP has the levels only. Levels that were switched off in training
    (no_coarse_mapper, ...) have no tensors."""
    path, names, opts = weights.checkpoint.path, weights.names, weights.opts
    if highest(names, r"mapper\.mapper_(\d+)\.") >= 0:
        raise ConvertError("%s: a StyleCLIP mapper that works in StyleSpace; only mappers of W+ are "
                           "supported" % path)
    wide = size(names, "mapper.fc.weight", 0) or size(
        names, next((n for n in names if n.endswith(".mapping.4.weight")), ""), 0)
    fused = bool(with_prefix(names, "mapper.fc.") or with_prefix(names, "text_mapper."))
    expected: Expected = {}

    def stack(prefix: str, first: Optional[int]) -> None:
        for i in range(1, MAPPER_DEPTH + 1):
            expected["%s.mapping.%d.weight" % (prefix, i)] = (wide, first if i == 1 else wide)
            expected["%s.mapping.%d.bias" % (prefix, i)] = (wide,)

    if fused:
        expected["mapper.fc.weight"] = (wide, 2 * wide if wide else None)
        expected["mapper.fc.bias"] = (wide,)
    if with_prefix(names, "mapper.mapping."):
        stack("mapper.mapping", wide)
    else:
        present = [level for level, off in LEVELS if with_prefix(names, "mapper.%s_mapping." % level)]
        for level, off in LEVELS:
            if level in present or opts.get(off) is False or not (opts or present):
                stack("mapper.%s_mapping" % level, wide)
    if fused:
        text = size(names, "text_mapper.mapper_0.mapping.1.weight", 1)
        for i in range(max(highest(names, r"text_mapper\.mapper_(\d+)\."), 0) + 1):
            stack("text_mapper.mapper_%d" % i, text)
    plan = make_plan("mapper", path, names, expected, {})
    plan.metadata.update(metadata_of_options(opts))
    plan.metadata["kind"] = "mapper"
    add_decoder(plan, names, with_decoder)
    if not fused:
        plan.notes.append("StyleCLIP's mapper: it has neither fusing layer nor text mappers, so it sees the "
                          "latent alone")
    if not opts:
        plan.notes.append("the checkpoint has no options, so the metadata do not tell the sentence")
    return plan


# ---- IR-SE50, whose body the encoders share ----

def norm(expected: Expected, optional: Expected, prefix: str, channels: Optional[int]) -> None:
    """Adds a batch norm."""
    for part in ("weight", "bias", "running_mean", "running_var"):
        expected["%s.%s" % (prefix, part)] = (channels,)
    optional[prefix + ".num_batches_tracked"] = ()


def backbone(names: Names, prefix: str, expected: Expected, optional: Expected,
             inputs: Optional[int] = 3) -> Optional[int]:
    """Adds the input layer, which reads `inputs` channels, and the bottleneck units; returns the
    channels of the last unit."""
    channels = size(names, prefix + "input_layer.0.weight", 0)
    expected[prefix + "input_layer.0.weight"] = (channels, inputs, 3, 3)
    norm(expected, optional, prefix + "input_layer.1", channels)
    expected[prefix + "input_layer.2.weight"] = (channels,)
    plain = prefix.replace(".", r"\.")
    for i in range(max(highest(names, plain + r"body\.(\d+)\."), 0) + 1):
        unit = "%sbody.%d." % (prefix, i)
        out = size(names, unit + "res_layer.1.weight", 0)
        if channels != out or unit + "shortcut_layer.0.weight" in names:
            expected[unit + "shortcut_layer.0.weight"] = (out, channels, 1, 1)
            norm(expected, optional, unit + "shortcut_layer.1", out)
        norm(expected, optional, unit + "res_layer.0", channels)
        expected[unit + "res_layer.1.weight"] = (out, channels, 3, 3)
        expected[unit + "res_layer.2.weight"] = (out,)
        expected[unit + "res_layer.3.weight"] = (out, out, 3, 3)
        norm(expected, optional, unit + "res_layer.4", out)
        narrow = size(names, unit + "res_layer.5.fc1.weight", 0)
        expected[unit + "res_layer.5.fc1.weight"] = (narrow, out, 1, 1)
        expected[unit + "res_layer.5.fc2.weight"] = (out, narrow, 1, 1)
        channels = out
    return channels


def irse50(weights: Weights) -> Plan:
    """The plan for the IR-SE50 face recognition network."""
    names = weights.names
    expected: Expected = {}
    optional: Expected = {}
    channels = backbone(names, "", expected, optional)
    norm(expected, optional, "output_layer.0", channels)
    features = size(names, "output_layer.3.weight", 0)
    expected["output_layer.3.weight"] = (features, channels * 7 * 7 if channels else None)
    expected["output_layer.3.bias"] = (features,)
    norm(expected, optional, "output_layer.4", features)
    return make_plan("irse50", weights.checkpoint.path, names, expected, optional)


# ---- VGG19 ----

def vgg19(weights: Weights) -> Plan:
    """The plan for the sixteen convolutions of vgg19_conv.pth (BGR input, the means of Caffe)."""
    names = weights.names
    expected: Expected = {}
    channels: Optional[int] = 3
    for stage, i in VGG_CONVS:
        name = "conv%d_%d" % (stage, i)
        out = size(names, name + ".weight", 0)
        expected[name + ".weight"] = (out, channels, 3, 3)
        expected[name + ".bias"] = (out,)
        channels = out
    return make_plan("vgg19", weights.checkpoint.path, names, expected, {})


# ---- MTCNN ----

def mtcnn(weights: Weights) -> Plan:
    """The plan for the three networks of facenet-pytorch's MTCNN: layers with their sizes, and the
    PReLUs behind all but the last ones."""
    expected: Expected = {}
    for name, prelu, shape in MTCNN_LAYERS:
        expected[name + ".weight"] = shape
        expected[name + ".bias"] = shape[:1]
        if prelu:
            expected[prelu + ".weight"] = shape[:1]
    return make_plan("mtcnn", weights.checkpoint.path, weights.names, expected, {})


# ---- latents ----

def latents(weights: Weights, any_width: bool) -> Plan:
    """The plan for latents: (N,L,512) for W+ or (N,512) for W. (512) is one latent of W; (N,1,512)
    is written as (N,512), and (N,1,L,512) as (N,L,512)."""
    path = weights.checkpoint.path
    rows = weights.latents or [t for n, t in weights.names.items() if n in ("latents", "latent", "w")]
    if not rows:
        raise ConvertError("%s: expected latents, but it holds named tensors" % path)
    whole = joined([latent_rows(t, path, any_width) for t in rows]) if len(rows) > 1 else \
        latent_rows(rows[0], path, any_width)
    if whole.shape[0] < 1:
        raise ConvertError("%s: there is no latent in it" % path)
    plan = Plan("latents")
    plan.tensors["latents"] = whole
    return plan


def latent_rows(t: Tensor, path: str, any_width: bool) -> Tensor:
    """One tensor of latents as (N,L,D) or (N,D)."""
    shape: Tuple[int, ...] = t.shape
    if len(shape) == 1:
        shape = (1,) + shape
    if len(shape) in (3, 4) and shape[1] == 1:
        shape = shape[:1] + shape[2:]
    if len(shape) not in (2, 3) or not t.dtype.is_float or \
            (shape[-1] != LATENT and not any_width):
        hint = "" if any_width else " (--kind latents takes other widths too)"
        raise ConvertError("%s: a tensor of shape %s and type %s; latents are (N, L, 512) or (N, 512) "
                           "floating-point numbers%s" % (path, shape_text(t.shape), t.dtype.code, hint))
    return reshaped(t, shape) if shape != t.shape else t
