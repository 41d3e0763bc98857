"""StyleGAN2's synthesis (Karras et al. 2020; rosinality's tensor names) with frozen weights. A modulated convolution scales its
input and its result instead of its weight, so that all samples share one weight."""
import math

import torch
import torch.nn.functional as F

from best_options import Frozen, compiled


def blur(x):
    """(N,C,2H+1,2W+1) -> (N,C,2H,2W): taps (1,3,3,1)/4 along both axes, one row of padding around."""
    x = F.pad(x, (1, 1, 1, 1))
    x = (x[..., :-3] + x[..., 3:]) * 0.25 + (x[..., 1:-2] + x[..., 2:-1]) * 0.75
    return (x[..., :-3, :] + x[..., 3:, :]) * 0.25 + (x[..., 1:-2, :] + x[..., 2:-1, :]) * 0.75


def double(x):
    """(N,C,H,W) -> (N,C,2H,2W), as the skip image is doubled: zeros between the pixels, then the taps of blur()."""
    n, c, h, w = x.shape
    y = F.pad(x, (1, 1, 1, 1))
    a = y[..., 1:-1, :]
    even, odd = a * 0.75 + y[..., :-2, :] * 0.25, a * 0.75 + y[..., 2:, :] * 0.25
    y = torch.stack((even, odd), 3).reshape(n, c, 2 * h, w + 2)
    a = y[..., 1:-1]
    even, odd = a * 0.75 + y[..., :-2] * 0.25, a * 0.75 + y[..., 2:] * 0.25
    return torch.stack((even, odd), 4).reshape(n, c, 2 * h, 2 * w)


class Conv(Frozen):
    """A modulated 3 x 3 convolution, noise, bias and activation."""

    def __init__(self, p, name, noise, up, options):
        super().__init__()
        w = p[name + ".conv.weight"][0]
        self.up, self.way = up, options.up
        self.scale = 1.0 / math.sqrt(w[0].numel())
        self.hold(squares=w.square().sum((2, 3)).t().contiguous(), noise=noise * p[name + ".noise.weight"],
                  bias=p[name + ".activate.bias"].view(1, -1, 1, 1), mod_weight=p[name + ".conv.modulation.weight"],
                  mod_bias=p[name + ".conv.modulation.bias"])
        layout = torch.channels_last if options.channels_last else torch.contiguous_format
        # Along each axis an even place of the result sees the last and the first of the three taps, an odd place the middle one.
        taps = {"e": [2, 0], "o": [1]}
        if up and self.way == "four":
            for r, rows in taps.items():
                for c, columns in taps.items():
                    self.hold(**{r + c: w[:, :, rows][:, :, :, columns].contiguous(memory_format=layout)})
            return
        if up and self.way == "shuffle":
            all_taps = torch.zeros(w.shape[0], 2, 2, w.shape[1], 2, 2)
            for r, rows in enumerate(taps.values()):
                for c, columns in enumerate(taps.values()):
                    all_taps[:, r, c, :, 2 - len(rows):, 2 - len(columns):] = w[:, :, rows][:, :, :, columns]
            w = all_taps.reshape(-1, w.shape[1], 2, 2)
        elif up:
            w = w.transpose(0, 1)
        self.hold(weight=w.contiguous(memory_format=layout))

    def double(self, x):
        """Transposed convolution of stride 2: (N,C,H,W) -> (N,C,2H+1,2W+1)."""
        if self.way == "transposed":
            return F.conv_transpose2d(x, self.weight, stride=2)
        n, _, h, w = x.shape
        if self.way == "shuffle":
            return F.pixel_shuffle(F.conv2d(x, self.weight, padding=1), 2)[..., :2 * h + 1, :2 * w + 1]
        y = x.new_empty((n, self.ee.shape[0], 2 * h + 1, 2 * w + 1))
        y[..., ::2, ::2] = F.conv2d(x, self.ee, padding=1)
        y[..., ::2, 1::2] = F.conv2d(x, self.eo, padding=(1, 0))
        y[..., 1::2, ::2] = F.conv2d(x, self.oe, padding=(0, 1))
        y[..., 1::2, 1::2] = F.conv2d(x, self.oo)
        return y

    def forward(self, x, w):
        style = F.linear(w, self.mod_weight, self.mod_bias) * self.scale
        demod = torch.rsqrt(style.square() @ self.squares + 1e-8)
        x = x * style[:, :, None, None]
        x = blur(self.double(x)) if self.up else F.conv2d(x, self.weight, padding=1)
        x = x * demod[:, :, None, None] + self.noise + self.bias
        return F.leaky_relu(x, 0.2) * math.sqrt(2.0)


class ToRGB(Frozen):
    def __init__(self, p, name):
        super().__init__()
        w = p[name + ".conv.weight"][0]
        self.hold(weight=w[:, :, 0, 0] / math.sqrt(w.shape[1]), bias=p[name + ".bias"],
                  mod_weight=p[name + ".conv.modulation.weight"], mod_bias=p[name + ".conv.modulation.bias"])

    def forward(self, x, w):
        style = F.linear(w, self.mod_weight, self.mod_bias)
        if x.shape[0] == 1:
            return F.conv2d(x, (self.weight * style)[:, :, None, None]) + self.bias
        return F.conv2d(x * style[:, :, None, None], self.weight[:, :, None, None]) + self.bias


class Generator(Frozen):
    def __init__(self, p, options):
        super().__init__()
        p = {k: (v * math.sqrt(1.0 / 512.0) if k.endswith("modulation.weight") else v) for k, v in p.items()}
        self.options = options
        self.hold(input=p["input.input"])
        self.first, self.first_rgb = Conv(p, "conv1", p["noises.noise_0"], False, options), ToRGB(p, "to_rgb1")
        self.levels = torch.nn.ModuleList()
        while f"convs.{2 * len(self.levels)}.conv.weight" in p:
            i = len(self.levels)
            self.levels.append(torch.nn.ModuleList((
                Conv(p, f"convs.{2 * i}", p[f"noises.noise_{2 * i + 1}"], True, options),
                Conv(p, f"convs.{2 * i + 1}", p[f"noises.noise_{2 * i + 2}"], False, options), ToRGB(p, f"to_rgbs.{i}"))))
        self.run = compiled(self.synthesis, options)

    def synthesis(self, w):
        x = self.input.expand(w.shape[0], -1, -1, -1)
        if self.options.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        x = self.first(x, w[:, 0])
        rgb = self.first_rgb(x, w[:, 1])
        for i, (up, flat, to_rgb) in enumerate(self.levels):
            x = flat(up(x, w[:, 2 * i + 1]), w[:, 2 * i + 2])
            rgb = to_rgb(x, w[:, 2 * i + 3]) + double(rgb)
        return rgb

    def forward(self, w):
        return self.run(w)
