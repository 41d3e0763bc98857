"""CLIP: OpenAI's names are kept, Hugging Face's and open_clip's are mapped to them.

* OpenAI (clip/model.py of openai/CLIP): TorchScript archives and plain state dicts. The sizes come
  from the shapes, attention heads have 64 features, the activation is QuickGELU.
* Hugging Face (transformers, models/clip/modeling_clip.py and
  convert_clip_original_pytorch_to_hf.py): q, k and v are three layers, which are joined in this
  order. The projections are weights of nn.Linear, which are transposed. `hidden_act` in config.json
  names the activation.
* open_clip (mlfoundations/open_clip, model.py): OpenAI's names, in some models below `text.`. The
  activation is GELU unless the configuration says quick_gelu.

Attention heads that are not 64 features wide (ViT-H, ViT-g, ViT-bigG) are counted in the metadata
`vision_heads` and `text_heads`. cfedit's layer norms have epsilon 1e-5, as OpenAI's; a model that
differs is refused.
"""

import json
import os
import re
from typing import Dict, NamedTuple, Optional, Tuple

import numpy as np

from . import clip_config
from .clip_config import ACTIVATIONS, ClipConfig
from .errors import ConvertError, brief, listed
from .tensors import from_array, joined, reshaped, transposed
from .vocabulary import Merges, check_vocabulary, find_merges
from .weights import Expected, Names, Plan, Weights, highest, make_plan, size

HEAD = 64
# Widths of image towers whose heads are not 64 wide (model_configs of open_clip), where no
# configuration tells: ViT-H, ViT-g, ViT-bigG.
OTHER_HEADS = {1280: 80, 1408: 88, 1664: 104}
# Parts of OpenAI's archives and of open_clip's modules that are no weights.
NO_WEIGHTS = re.compile(r"(input_resolution|context_length|vocab_size|.*\battn_mask|.*\bposition_ids)$")
# Parts that OpenAI's CLIP does not have; without them the network would compute something else.
OTHER_PARTS = ("visual.", "transformer.", "cls_emb", "text_projection.", "text_decoder.", "attn_pool")

HF_PLAIN = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",  # the published spelling
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
    "logit_scale": "logit_scale",
}
HF_TRANSPOSED = {"text_projection.weight": "text_projection", "visual_projection.weight": "visual.proj"}
HF_BLOCK = {"self_attn.out_proj": "attn.out_proj", "layer_norm1": "ln_1", "layer_norm2": "ln_2",
            "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}
HF_TOWERS = {"text_model": "transformer", "vision_model": "visual.transformer"}


class Options(NamedTuple):
    """The options of the command line for CLIP."""

    activation: Optional[str] = None
    bpe: Optional[str] = None
    no_bpe: bool = False


def clip(weights: Weights, options: Options) -> Plan:
    """The plan for any CLIP with a vision transformer."""
    names, path = weights.names, weights.checkpoint.path
    if any(n.startswith("visual.layer1.") for n in names):
        raise ConvertError("%s: a CLIP with a ResNet image tower; only vision transformers are "
                           "supported" % path)
    if any(n.split(".")[-1] == "positional_embedding_res" for n in names):
        raise ConvertError("%s: a Long-CLIP (positional_embedding_res), which is not supported" % path)
    from_hub = any(n.startswith(("text_model.", "vision_model.")) for n in names)
    folder = weights.checkpoint.folder
    config = clip_config.hugging_face(folder) if from_hub else clip_config.open_clip(folder)
    names = from_hugging_face(names) if from_hub else from_open_clip(names)
    names = {n: t for n, t in names.items() if not NO_WEIGHTS.match(n)}
    own_merges = names.pop("tokenizer.merges", None)  # of a file that was converted before
    if "logit_scale" in names and names["logit_scale"].numel == 1:
        names["logit_scale"] = reshaped(names["logit_scale"], ())

    heads = count_heads(path, names, config)
    plan = make_plan("clip", path, names, expectations(names), {})
    other = [n for n in plan.left_over if n.startswith(OTHER_PARTS)]
    if other:
        raise ConvertError("%s: this CLIP has parts that OpenAI's has not: %s" % (path, listed(other)))
    check_picture(path, plan.tensors)

    activation, reason = choose_activation(weights, options, config)
    plan.metadata["activation"] = activation
    plan.notes.append("activation %s (%s)" % (activation, reason))
    for tower, count in heads.items():
        plan.metadata[tower + "_heads"] = str(count)
    if config.mean is not None:
        plan.metadata["image_mean"] = json.dumps(config.mean)
        plan.metadata["image_std"] = json.dumps(config.deviation)
    if own_merges is not None and not options.bpe and not options.no_bpe:
        if own_merges.dtype.code != "U8" or len(own_merges.shape) != 1:
            raise ConvertError("%s: tokenizer.merges is not a list of bytes" % path)
        plan.tensors["tokenizer.merges"] = own_merges
    else:
        add_vocabulary(plan, weights, options)
    return plan


# ---- names ----

def from_hugging_face(names: Names) -> Names:
    """Hugging Face's names -> OpenAI's; names that have no counterpart are kept."""
    out: Names = {}
    left = dict(names)
    for source, target in HF_PLAIN.items():
        if source in left:
            out[target] = left.pop(source)
    for source, target in HF_TRANSPOSED.items():
        if source in left and len(left[source].shape) == 2:
            out[target] = transposed(left.pop(source))
    for tower, prefix in HF_TOWERS.items():
        for i in range(highest(names, tower + r"\.encoder\.layers\.(\d+)\.") + 1):
            source = "%s.encoder.layers.%d." % (tower, i)
            target = "%s.resblocks.%d." % (prefix, i)
            for part in ("weight", "bias"):
                for old, new in HF_BLOCK.items():
                    t = left.pop("%s%s.%s" % (source, old, part), None)
                    if t is not None:
                        out["%s%s.%s" % (target, new, part)] = t
                three = ["%sself_attn.%s_proj.%s" % (source, x, part) for x in "qkv"]
                if all(n in left for n in three):
                    out["%sattn.in_proj_%s" % (target, part)] = joined([left.pop(n) for n in three])
    out.update(left)
    return out


def from_open_clip(names: Names) -> Names:
    """`text.token_embedding.weight` -> `token_embedding.weight`; a text projection that is an
    nn.Linear is transposed."""
    out: Names = {}
    for name, t in names.items():
        name = name[len("text."):] if name.startswith("text.") else name
        if name == "text_projection.weight" and len(t.shape) == 2:
            name, t = "text_projection", transposed(t)
        out[name] = t
    return out


# ---- sizes ----

def expectations(names: Names) -> Expected:
    """The tensors and shapes that lt_clip_create() of the program needs."""
    wide, patch = size(names, "visual.conv1.weight", 0), size(names, "visual.conv1.weight", 3)
    text, vocab = size(names, "token_embedding.weight", 1), size(names, "token_embedding.weight", 0)
    embed = size(names, "visual.proj", 1)
    out: Expected = {
        "positional_embedding": (None, text),
        "text_projection": (text, embed),
        "logit_scale": (),
        "visual.class_embedding": (wide,),
        "visual.positional_embedding": (None, wide),
        "visual.proj": (wide, embed),
        "visual.conv1.weight": (wide, 3, patch, patch),
        "visual.ln_pre.weight": (wide,),
        "visual.ln_pre.bias": (wide,),
    }

    def blocks(prefix: str, width: Optional[int]) -> None:
        three = 3 * width if width else None
        pattern = re.escape(prefix) + r"\.resblocks\.(\d+)\."
        for i in range(max(highest(names, pattern), 0) + 1):
            p = "%s.resblocks.%d." % (prefix, i)
            hidden = size(names, p + "mlp.c_fc.weight", 0)
            out.update({
                p + "attn.in_proj_weight": (three, width), p + "attn.in_proj_bias": (three,),
                p + "attn.out_proj.weight": (width, width), p + "attn.out_proj.bias": (width,),
                p + "ln_1.weight": (width,), p + "ln_1.bias": (width,),
                p + "mlp.c_fc.weight": (hidden, width), p + "mlp.c_fc.bias": (hidden,),
                p + "mlp.c_proj.weight": (width, hidden), p + "mlp.c_proj.bias": (width,),
                p + "ln_2.weight": (width,), p + "ln_2.bias": (width,),
            })

    blocks("visual.transformer", wide)
    out["visual.ln_post.weight"] = out["visual.ln_post.bias"] = (wide,)
    blocks("transformer", text)
    out["token_embedding.weight"] = (vocab, text)
    out["ln_final.weight"] = out["ln_final.bias"] = (text,)
    return out


def check_picture(path: str, names: Names) -> None:
    """Fails where the positions of the image tower, less the one of the class, make no square."""
    patches = names["visual.positional_embedding"].shape[0] - 1
    side = round(max(patches, 0) ** 0.5)
    if side < 1 or side * side != patches:
        raise ConvertError("%s: %d positions of the image tower make no square picture" %
                           (path, patches + 1))


def count_heads(path: str, names: Names, config: ClipConfig) -> Dict[str, int]:
    """The number of attention heads of each tower whose heads are not 64 features wide."""
    counts: Dict[str, int] = {}
    widths = {"text": size(names, "token_embedding.weight", 1),
              "vision": size(names, "visual.conv1.weight", 0)}
    for tower, width in widths.items():
        if not width:
            continue
        count = config.heads.get(tower)
        if count is None:
            each = HEAD
            if tower == "vision":
                each = config.head_width if config.found else OTHER_HEADS.get(width, HEAD)
            count = width // each if each and width % each == 0 else 0
        if count < 1 or width % count:
            raise ConvertError("%s: attention heads do not fit a %s tower that is %d wide" %
                               (path, tower, width))
        if count * HEAD != width:
            counts[tower] = count
    return counts


# ---- the activation ----

def choose_activation(weights: Weights, options: Options, config: ClipConfig) -> Tuple[str, str]:
    """"gelu" or "quick_gelu", and what tells it. OpenAI's and open_clip's tensors have the same
    names and shapes, so other signs decide; where there is none, the user must say it, because
    features of the wrong activation are one percent off and nothing else shows it."""
    path = weights.checkpoint.path
    if options.activation:
        return options.activation, "--activation"
    told = weights.checkpoint.metadata.get("activation")
    if told is not None:
        if told not in ACTIVATIONS:
            raise ConvertError("%s: the activation '%s' of the metadata is not known; --activation quick_gelu "
                               "or gelu says another" % (path, brief(told)))
        return told, "the metadata of the file"
    if config.activation:
        return config.activation, config.reason
    if weights.checkpoint.form == "TorchScript" or "input_resolution" in weights.names:
        return "quick_gelu", "an archive of OpenAI's"
    if weights.fine_tuned and not any(n.startswith("text.") for n in weights.names):
        return "quick_gelu", "a model trained from OpenAI's, told by model_state_dict"
    label = (os.path.basename(path) + " " + weights.label).lower()
    if "quickgelu" in label.replace("-", "").replace("_", ""):
        return "quick_gelu", "the name"
    raise ConvertError("%s: nothing tells the activation: say --activation quick_gelu for OpenAI's models and "
                       "models trained from them, --activation gelu for most others of open_clip" % path)


# ---- the vocabulary ----

def add_vocabulary(plan: Plan, weights: Weights, options: Options) -> None:
    """Adds the merge list as the tensor tokenizer.merges."""
    if options.no_bpe:
        plan.notes.append("no vocabulary in it: cfedit will want --bpe")
        return
    rows = plan.tensors["token_embedding.weight"].shape[0]
    folder = weights.checkpoint.folder
    merges: Merges = find_merges(options.bpe, folder, weights.checkpoint.path)
    data = merges.for_rows(rows, weights.checkpoint.path)
    check_vocabulary(folder, merges)
    plan.tensors["tokenizer.merges"] = from_array(np.frombuffer(data, dtype=np.uint8))
    plan.notes.append("vocabulary from %s" % merges.path)
