"""The configurations beside a CLIP: config.json and preprocessor_config.json of Hugging Face, and
open_clip_config.json of open_clip.

Tensors alone do not tell everything that a network computes. What a configuration says is taken
(activation, heads, mean and deviation of the pictures), must be as in OpenAI's network, or refuses
the model by the name of the field.
"""

import math
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import strict_json
from .errors import ConvertError, brief

TOWERS = ("text", "vision")
ACTIVATIONS = ("gelu", "quick_gelu")

# Fields of open_clip that shape the tensors or matter in training only.
FREE = {
    "model_cfg": {"embed_dim", "vision_cfg", "text_cfg", "custom_text", "init_logit_scale", "init_logit_bias",
                  "nonscalar_logit_scale", "cast_dtype", "quick_gelu"},
    "vision_cfg": {"layers", "width", "head_width", "patch_size", "image_size", "patch_dropout", "output_tokens"},
    "text_cfg": {"context_length", "vocab_size", "width", "heads", "layers", "output_tokens", "eos_id"},
    "preprocess_cfg": {"size", "mean", "std", "fill_color"},
}
# Fields of open_clip that change what the network computes, and the values that OpenAI's network
# has. Any other field must be null, false or empty.
AS_OPENAI: Dict[str, Dict[str, Any]] = {
    "model_cfg": {},
    "vision_cfg": {"mlp_ratio": 4, "pool_type": "tok", "pos_embed_type": "learnable"},
    "text_cfg": {"mlp_ratio": 4, "pool_type": "argmax", "proj_type": "linear", "pad_id": 0},
    "preprocess_cfg": {"mode": "RGB", "interpolation": "bicubic", "resize_mode": "shortest"},
}
# The same for preprocessor_config.json; resample 3 is bicubic.
HF_AS_OPENAI = {"do_resize": True, "do_center_crop": True, "do_rescale": True, "resample": 3}


class ClipConfig(NamedTuple):
    """What the configurations say; None or an empty table where they say nothing."""

    found: bool
    activation: Optional[str]
    reason: str                       # the file and field that told the activation
    heads: Dict[str, int]             # number of attention heads, by tower
    head_width: Optional[int]         # features of an attention head of the image tower
    mean: Optional[List[float]]       # of the pictures, by channel
    deviation: Optional[List[float]]


def table_of(value: Any) -> Dict[str, Any]:
    """An object of JSON, or an empty one where the file has something else."""
    return value if isinstance(value, dict) else {}


def read_table(folder: str, name: str) -> Dict[str, Any]:
    """The JSON object in a file of the folder, or an empty one where there is no such file."""
    path = os.path.join(folder, name)
    return table_of(strict_json.read(path)) if os.path.isfile(path) else {}


def refuse(path: str, field: str, value: Any) -> None:
    """Fails for a field that changes the result."""
    raise ConvertError("%s: %s is %s, which changes the result and is not supported" %
                       (path, field, brief(value)))


def check_fields(path: str, name: str, table: Any) -> Dict[str, Any]:
    """One table of open_clip_config.json, whose fields must all be free or as in OpenAI's
    network."""
    if table is not None and not isinstance(table, dict):
        raise ConvertError("%s: %s is not an object" % (path, name))
    fields = table_of(table)
    for field, value in fields.items():
        wanted = AS_OPENAI[name].get(field)
        if field not in FREE[name] and value not in (None, wanted) and \
                (wanted is not None or value not in (False, "", {}, [])):
            refuse(path, "%s.%s" % (name, field), value)
    return fields


def three_numbers(path: str, field: str, values: Any, positive: bool) -> List[float]:
    """A number for each channel."""
    if not isinstance(values, list) or len(values) != 3 or \
            not all(isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) and
                    (v > 0 or not positive) for v in values):
        raise ConvertError("%s: %s is not a list of three%s numbers" %
                           (path, field, " positive" if positive else ""))
    return [float(v) for v in values]


Pictures = Tuple[Optional[List[float]], Optional[List[float]]]


def mean_and_deviation(path: str, mean: Tuple[str, Any], deviation: Tuple[str, Any]) -> Pictures:
    """Two fields, each with its name, of which there must be both or none."""
    if mean[1] is None and deviation[1] is None:
        return None, None
    return three_numbers(path, mean[0], mean[1], False), three_numbers(path, deviation[0], deviation[1], True)


def hugging_face_pictures(folder: str) -> Pictures:
    """Mean and deviation of preprocessor_config.json."""
    path = os.path.join(folder, "preprocessor_config.json")
    table = read_table(folder, "preprocessor_config.json")
    for field, wanted in HF_AS_OPENAI.items():
        if table.get(field) not in (None, wanted):
            refuse(path, field, table[field])
    factor = table.get("rescale_factor")
    if factor is not None and not (isinstance(factor, float) and abs(factor * 255 - 1) < 1e-6):
        refuse(path, "rescale_factor", factor)
    if table.get("do_normalize") is False:
        return [0.0] * 3, [1.0] * 3
    return mean_and_deviation(path, ("image_mean", table.get("image_mean")),
                              ("image_std", table.get("image_std")))


def open_clip_pictures(folder: str) -> Pictures:
    """Mean and deviation of preprocess_cfg in open_clip_config.json."""
    path = os.path.join(folder, "open_clip_config.json")
    table = check_fields(path, "preprocess_cfg", read_table(folder, "open_clip_config.json").get("preprocess_cfg"))
    return mean_and_deviation(path, ("mean", table.get("mean")), ("std", table.get("std")))


# ---- Hugging Face ----

def towers_of(config: Dict[str, Any]) -> Dict[str, Dict[str, Any]]:
    """The configurations of both towers; older files have the details in *_config_dict."""
    out = {}
    for tower in TOWERS:
        out[tower] = {**table_of(config.get(tower + "_config")), **table_of(config.get(tower + "_config_dict"))}
    return out


def hugging_face(folder: str) -> ClipConfig:
    """What config.json and preprocessor_config.json say."""
    path = os.path.join(folder, "config.json")
    config = read_table(folder, "config.json")
    mean, deviation = hugging_face_pictures(folder)
    if mean is None:
        mean, deviation = open_clip_pictures(folder)
    if not config:
        return ClipConfig(False, None, "", {}, None, mean, deviation)
    if config.get("model_type") not in (None, "clip"):
        refuse(path, "model_type", config["model_type"])
    towers = towers_of(config)
    heads = {}
    for tower, details in towers.items():
        if details.get("layer_norm_eps", 1e-5) != 1e-5:
            refuse(path, "layer_norm_eps of the %s tower" % tower, details["layer_norm_eps"])
        if isinstance(details.get("num_attention_heads"), int):
            heads[tower] = details["num_attention_heads"]
    words = [details.get("hidden_act", "quick_gelu") for details in towers.values()]
    if words[0] != words[1] or words[0] not in ACTIVATIONS:
        raise ConvertError("%s: hidden_act %s; both towers must have gelu or quick_gelu" %
                           (path, " and ".join(brief(w, 40) for w in words)))
    return ClipConfig(True, words[0], "hidden_act in config.json", heads, None, mean, deviation)


# ---- open_clip ----

def open_clip(folder: str) -> ClipConfig:
    """What open_clip_config.json says."""
    path = os.path.join(folder, "open_clip_config.json")
    model = check_fields(path, "model_cfg", read_table(folder, "open_clip_config.json").get("model_cfg"))
    mean, deviation = open_clip_pictures(folder)
    if mean is None and model:
        mean, deviation = hugging_face_pictures(folder)
    if not model:
        return ClipConfig(False, None, "", {}, None, mean, deviation)
    vision = check_fields(path, "vision_cfg", model.get("vision_cfg"))
    text = check_fields(path, "text_cfg", model.get("text_cfg"))
    quick = model.get("quick_gelu", False)
    if not isinstance(quick, bool):
        refuse(path, "model_cfg.quick_gelu", quick)
    heads = {"text": text["heads"]} if isinstance(text.get("heads"), int) else {}
    width = vision.get("head_width", 64)
    return ClipConfig(True, "quick_gelu" if quick else "gelu", "open_clip_config.json", heads,
                      width if isinstance(width, int) else None, mean, deviation)
