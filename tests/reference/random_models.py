"""Random networks as safetensors files, of the sizes that a case asks for. Weights keep activations near 1, as the
formula of tests/parity/formula.h does."""

import pathlib

import torch

from . import clip, encoders, files, irse50, mapper, stylegan2, vgg19
from .tokenizer import Tokenizer, read_merges

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Draw:
    """A stream of random numbers from one seed."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, shape, center=0.0, reach=1.0):
        return center + reach * (2 * torch.rand(shape, generator=self.generator) - 1)

    def normal(self, shape, std=1.0):
        return std * torch.randn(shape, generator=self.generator)

    def integer(self, low, high):
        """A whole number from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def choice(self, items):
        return items[self.integer(0, len(items) - 1)]

    def smooth(self, shape, spacing=8):
        """Pictures within [-1,1]: mostly smooth, a quarter noise."""
        n, c, h, w = shape
        coarse = self.uniform((n, c, max(h // spacing, 1) + 1, max(w // spacing, 1) + 1))
        low = torch.nn.functional.interpolate(coarse, size=(h, w), mode="bilinear", align_corners=True)
        return 0.75 * low + 0.25 * self.uniform(shape)


def merges():
    """The merge list of the model that ships, as bytes."""
    return files.load(ROOT / "weights" / "clip.safetensors")[0]["tokenizer.merges"]


def _fill(draw, state, rule):
    """A state dict of the same names and shapes, every tensor from rule(name, tensor) = (center, reach), or left."""
    drawn = {}
    for name, t in state.items():
        given = rule(name, t) if t.is_floating_point() else None
        drawn[name] = t.clone() if given is None else draw.uniform(t.shape, *given)
    return drawn


def _fan(t, first=1):
    """Reach of uniform weights that keep the variance: the axes from `first` on are summed over."""
    return 3 ** 0.5 / max(t[(0,) * first].numel(), 1) ** 0.5


def _generator_rule(name, t):
    if name.endswith(".kernel"):
        return None
    if name.startswith("style."):
        return (0, 173.2) if name.endswith("weight") else (0, 10)
    if name.endswith("noise.weight") or name.endswith("bias") and "modulation" not in name:
        return 0, 0.1
    if name.endswith("modulation.bias"):
        return 1, 0.1
    if name == "latent_avg":
        return 0, 0.5
    return (0, 0.433) if name.startswith("to_rgb") and name.endswith("conv.weight") else (0, 1.732)


def generator(draw, size, most=64, least=6, dim=512, full=False):
    """Channels between `least` and `most` at each level, or the published table."""
    published = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64, 1024: 32}
    channels = published if full else {4 << i: draw.integer(least, most) for i in range(9)}
    net = stylegan2.Generator(size, dim, draw.integer(2, 8), channels)
    return _fill(draw, net.state_dict(), _generator_rule), {}


def _clip_rule(name, t):
    if name == "logit_scale":
        return 4.6, 0
    if name == "token_embedding.weight":
        return 0, 0.035
    if name == "positional_embedding":
        return 0, 0.017
    if name.endswith(("class_embedding", "positional_embedding")):
        return 0, _fan(t, t.ndim - 1)
    if name.endswith(("proj", "text_projection")):
        return 0, 3 ** 0.5 / t.shape[0] ** 0.5
    if "ln_" in name and name.endswith("weight"):
        return 1, 0.1
    return (0, 0.05) if t.ndim == 1 else (0, _fan(t))


def clip_network(draw, patch, grid, width, layers, text_width, text_layers, outputs, gelu):
    """A random CLIP. It takes the merge list of the shipped model, so that it can read texts."""
    list_ = merges()
    vocabulary = len(Tokenizer(read_merges(list_.numpy().tobytes())).id)
    vision = clip.Vision(width, patch, grid, layers, outputs, gelu)
    net = clip.CLIP(vision, 77, vocabulary, text_width, text_layers, outputs, gelu)
    state = _fill(draw, net.state_dict(), _clip_rule)
    state["tokenizer.merges"] = list_
    return state, {"activation": "gelu" if gelu else "quickgelu"}


def mapper_network(draw, latents, dim=512, inputs=512, levels=("course", "medium", "fine"), single=False, text=True):
    net = mapper.TextEmbeddingMapper(latents, dim, inputs, levels, single, text)
    off = {f"no_{official}_mapper": str(name not in levels).lower()
           for name, official in (("course", "coarse"), ("medium", "medium"), ("fine", "fine"))}
    metadata = {"mapper_type": "SingleMapper" if single else "LevelsMapper", **({} if single else off)}
    return _fill(draw, net.state_dict(), lambda name, t: (0, 173.2) if t.ndim == 2 else (0, 1)), metadata


def _identity_rule(name, t):
    if name.endswith("running_mean"):
        return 0, 0.1
    if name.endswith("running_var"):
        return 1, 0.2
    if t.ndim == 1 and name.endswith(("input_layer.2.weight", "res_layer.2.weight")):
        return 0.25, 0.1
    if t.ndim == 1:
        return (1, 0.1) if name.endswith("weight") else (0, 0.1)
    return 0, _fan(t)


def identity_network(draw):
    """Four stages of one or two narrow units; channels change, and the map halves, at each stage but the first, where it
    halves all the same."""
    first = channels = draw.integer(8, 24)
    units = []
    for stage in range(4):
        after = channels if stage == 0 else channels + draw.choice([-3, -1, 2, 5])
        units.append((channels, after, draw.integer(2, 4), 2))
        if draw.integer(0, 1):
            units.append((after, after, draw.integer(2, 4), 1))
        channels = after
    return _fill(draw, irse50.Backbone(units, first, 512).state_dict(), _identity_rule), {}


def _encoder_rule(name, t):
    if name == "latent_avg":
        return 0, 0.5
    if ".linear." in name:
        return (0, 0.3) if name.endswith("weight") else (0, 0.1)
    if name.endswith("latlayer1.bias") or name.endswith("latlayer2.bias") or ".convs." in name and t.ndim == 1 or \
            name.endswith("output_layer_2.3.bias"):
        return 0, 0.1
    return _identity_rule(name, t)


def encoder_network(draw, kind, latents, width, pictures=1, rows=None, added=True):
    """A narrow body that halves 256 pixels four times; three heads read 16 pixels, four 32, the others 64, as in the
    published ones. `rows`: of the mean latent, or None for one without that axis."""
    units, channels = [], draw.integer(6, 10)
    for stage in range(4):
        after = channels if stage == 0 else channels + draw.choice([-1, 1, 2])
        units += [(channels, after, 2, 2)] + [(after, after, 2, 1)] * draw.integer(0, 1)
        channels = after
    same = kind in encoders.HEADS
    halvings = [4 if same or i < 3 else 5 if i < 7 else 6 for i in range(latents)]
    average = torch.zeros((width,) if rows is None else (rows, width))
    whole = encoders.Whole(encoders.Encoder(kind, units, pictures, width, halvings), average, added)
    metadata = {"encoder_type": kind, "start_from_latent_avg": "true" if added else "false"}
    return _fill(draw, whole.state_dict(), _encoder_rule), metadata


def perceptual_network(draw):
    net = vgg19.VGG19([draw.integer(4, 24) for _ in vgg19.names()])
    return _fill(draw, net.state_dict(), lambda name, t: (0, 0.1) if t.ndim == 1 else (0, _fan(t))), {}
