"""Encoders from pictures to latents: e4e (Tov et al. 2021), pSp (Richardson et al. 2021), ReStyle (Alaluf et al. 2021);
names as in their checkpoints."""

import torch
from torch import nn
from torch.nn import functional as F

from .irse50 import Unit
from .layers import EqualLinear

SIDE, POOLED = 256, 7
PYRAMID = ("Encoder4Editing", "GradualStyleEncoder")
HEADS = ("BackboneEncoder", "ProgressiveBackboneEncoder")
DELTAS = ("Encoder4Editing", "ProgressiveBackboneEncoder")
INTO_W = ("BackboneEncoderUsingLastLayerIntoW", "SingleStyleCodeEncoder")
INTO_WPLUS = "BackboneEncoderUsingLastLayerIntoWPlus"


class Head(nn.Module):
    """Halves a map of `inputs` channels `halvings` times, to one pixel, and makes a latent of it."""

    def __init__(self, inputs, width, halvings):
        super().__init__()
        layers = []
        for i in range(halvings):
            layers += [nn.Conv2d(width if i else inputs, width, 3, 2, 1), nn.LeakyReLU()]
        self.convs = nn.Sequential(*layers)
        self.linear = EqualLinear(width, width)

    def forward(self, x):
        return self.linear(self.convs(x).flatten(1))


class Encoder(nn.Module):
    """`units`: [(inputs, outputs, inner, stride)] of the body; `halvings`: of each head. The map before a unit of stride
    2 is a level of the pyramid."""

    def __init__(self, kind, units, pictures, width, halvings):
        super().__init__()
        self.kind, self.pictures, self.latents = kind, pictures, len(halvings)
        first, last = units[0][0], units[-1][1]
        self.input_layer = nn.Sequential(nn.Conv2d(3 * pictures, first, 3, 1, 1, bias=False), nn.BatchNorm2d(first),
                                         nn.PReLU(first))
        self.body = nn.Sequential(*[Unit(*unit) for unit in units])
        self.ends = [i for i, unit in enumerate(units) if unit[3] == 2][-2:]  # of levels c1 and c2
        if kind in PYRAMID + HEADS:
            self.halvings = halvings
            self.styles = nn.ModuleList(Head(last, width, count) for count in halvings)
        if kind in PYRAMID:
            self.latlayer1 = nn.Conv2d(units[self.ends[1]][0], last, 1)
            self.latlayer2 = nn.Conv2d(units[self.ends[0]][0], last, 1)
        if kind == INTO_WPLUS:
            self.output_layer_2 = nn.Sequential(nn.BatchNorm2d(last), nn.AdaptiveAvgPool2d(POOLED), nn.Flatten(),
                                                nn.Linear(last * POOLED ** 2, width))
            self.linear = EqualLinear(width, width * self.latents)
        if kind in INTO_W:
            self.linear = EqualLinear(last, width)

    def _levels(self, x):
        """-> c3, c2, c1."""
        maps = []
        x = self.input_layer(x)
        for i, unit in enumerate(self.body):
            if i in self.ends:
                maps.insert(0, x)
            x = unit(x)
        return [x, *maps]

    def codes(self, x):
        """(B,3 or 6,256,256) -> (B,L,D), or (B,D) of an encoder into W."""
        levels = self._levels(x)
        if self.kind in INTO_W:
            return self.linear(levels[0].mean(dim=(2, 3)))
        if self.kind == INTO_WPLUS:
            return self.linear(self.output_layer_2(levels[0])).unflatten(1, (self.latents, -1))
        if self.kind in PYRAMID:
            for i, lateral in ((1, self.latlayer1), (2, self.latlayer2)):
                beside = lateral(levels[i])
                levels[i] = beside + F.interpolate(levels[i - 1], size=beside.shape[2:], mode="bilinear",
                                                   align_corners=True)
        read = {level.shape[2]: level for level in reversed(levels)}
        own = torch.stack([head(read[2 ** count]) for head, count in zip(self.styles, self.halvings)], dim=1)
        if self.kind in DELTAS:
            return torch.cat([own[:, :1], own[:, :1] + own[:, 1:]], dim=1)
        return own


def small(x):
    """As the encoder sees a picture; the published pictures have 256 pixels a side or more."""
    return F.adaptive_avg_pool2d(x, SIDE)


def encode(net, average, generator, picture, iterations):
    """The latents (B,L,D) of pictures (B,3,S,S). `average` is the mean latent, or None where it is not added."""
    if net.pictures == 1:
        codes = net.codes(small(picture))
        if codes.ndim == 2:
            codes = codes.unsqueeze(1).repeat(1, generator.latents, 1)
        return codes if average is None else codes + average
    w = average.expand(len(picture), generator.latents, -1)
    for _ in range(iterations):
        w = w + net.codes(torch.cat([small(picture), small(generator(w))], dim=1))
    return w


class Whole(nn.Module):
    """An encoder with its mean latent, as a file holds them."""

    def __init__(self, net, average, added):
        super().__init__()
        self.encoder, self.added = net, added
        self.register_buffer("latent_avg", average)

    def forward(self, generator, picture, iterations):
        used = self.added or self.encoder.pictures == 2
        return encode(self.encoder, self.latent_avg if used else None, generator, picture, iterations)


def from_state(state, metadata):
    units, halvings, i = [], [], 0
    while f"encoder.body.{i}.res_layer.1.weight" in state:
        outputs, inputs = state[f"encoder.body.{i}.res_layer.1.weight"].shape[:2]
        inner = state[f"encoder.body.{i}.res_layer.5.fc1.weight"].shape[0]
        units.append((inputs, outputs, inner, 2 if i == 0 or inputs != outputs else 1))
        i += 1
    while f"encoder.styles.{len(halvings)}.linear.weight" in state:
        prefix = f"encoder.styles.{len(halvings)}.convs."
        halvings.append(sum(name.startswith(prefix) and name.endswith("weight") for name in state))
    average = state["latent_avg"]
    width = average.shape[-1]
    if not halvings and "encoder.output_layer_2.3.weight" in state:
        halvings = [0] * (state["encoder.linear.weight"].shape[0] // width)
    pictures = state["encoder.input_layer.0.weight"].shape[1] // 3
    net = Encoder(metadata["encoder_type"], units, pictures, width, halvings)
    whole = Whole(net, torch.zeros_like(average), metadata.get("start_from_latent_avg") != "false")
    whole.load_state_dict(state, strict=False)
    return whole.eval()
