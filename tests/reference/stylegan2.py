"""StyleGAN2's generator (Karras et al. 2020), tensor names as in rosinality/stylegan2-pytorch.

Modulated convolution as published: one weight a sample, modulated and demodulated, applied as a grouped convolution;
upsampling layers by a transposed convolution and a blur. B pictures, L = 2 log2(size) - 2 latents, D features each.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import EqualLinear, PixelNorm, fused_leaky_relu, upfirdn2d


class ModulatedConv2d(nn.Module):
    def __init__(self, inputs, outputs, size, style_dim, demodulate=True, upsample=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, size, size))
        self.modulation = EqualLinear(style_dim, inputs)
        nn.init.ones_(self.modulation.bias)
        self.scale = 1 / math.sqrt(inputs * size * size)
        self.demodulate = demodulate
        self.upsample = upsample
        if upsample:
            self.blur = nn.Module()
            self.blur.register_buffer("kernel", blur_kernel())

    def forward(self, x, style):
        """x (B,I,H,W) and the style (B,I) of this layer."""
        batch, inputs, height, width = x.shape
        weight = self.scale * self.weight * style.view(batch, 1, inputs, 1, 1)
        if self.demodulate:
            weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        outputs, size = weight.shape[1], weight.shape[3]
        x = x.reshape(1, batch * inputs, height, width)
        if self.upsample:
            weight = weight.transpose(1, 2).reshape(batch * inputs, outputs, size, size)
            y = F.conv_transpose2d(x, weight, stride=2, groups=batch)
            y = y.view(batch, outputs, y.shape[2], y.shape[3])
            return upfirdn2d(y, self.blur.kernel, pad=(1, 1))
        y = F.conv2d(x, weight.view(batch * outputs, inputs, size, size), padding=size // 2, groups=batch)
        return y.view(batch, outputs, height, width)


class StyledConv(nn.Module):
    def __init__(self, inputs, outputs, style_dim, upsample=False):
        super().__init__()
        self.conv = ModulatedConv2d(inputs, outputs, 3, style_dim, upsample=upsample)
        self.noise = nn.Module()
        self.noise.weight = nn.Parameter(torch.zeros(1))
        self.activate = nn.Module()
        self.activate.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x, style, noise):
        x = self.conv(x, style)
        if noise is not None:
            x = x + self.noise.weight * noise
        return fused_leaky_relu(x, self.activate.bias)


class ToRGB(nn.Module):
    def __init__(self, inputs, style_dim, upsample=True):
        super().__init__()
        self.conv = ModulatedConv2d(inputs, 3, 1, style_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        if upsample:
            self.upsample = nn.Module()
            self.upsample.register_buffer("kernel", blur_kernel())

    def forward(self, x, style, skip=None):
        y = self.conv(x, style) + self.bias
        if skip is None:
            return y
        return y + upfirdn2d(skip, self.upsample.kernel, up=2, pad=(2, 1))


def blur_kernel():
    """(1,3,3,1) outer (1,3,3,1), of sum 4 for a factor of 2."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) / 16


class Generator(nn.Module):
    def __init__(self, size, style_dim, mlp, channels, z_dim=None):
        """`channels` is a table {resolution: channels} from 4 to `size`."""
        super().__init__()
        self.size = size
        self.style_dim = style_dim
        z_dim = z_dim or style_dim
        self.style = nn.Sequential(PixelNorm(), *[
            EqualLinear(z_dim if i == 0 else style_dim, style_dim, 0.01, activation=True) for i in range(mlp)])
        self.input = nn.Module()
        self.input.input = nn.Parameter(torch.randn(1, channels[4], 4, 4))
        self.conv1 = StyledConv(channels[4], channels[4], style_dim)
        self.to_rgb1 = ToRGB(channels[4], style_dim, upsample=False)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        self.noises = nn.Module()
        self.noises.register_buffer("noise_0", torch.randn(1, 1, 4, 4))
        self.register_buffer("latent_avg", torch.zeros(style_dim))
        before, resolution = channels[4], 8
        while resolution <= size:
            after = channels[resolution]
            self.convs.append(StyledConv(before, after, style_dim, upsample=True))
            self.convs.append(StyledConv(after, after, style_dim))
            self.to_rgbs.append(ToRGB(after, style_dim))
            for i in (len(self.convs) - 1, len(self.convs)):
                self.noises.register_buffer(f"noise_{i}", torch.randn(1, 1, resolution, resolution))
            before, resolution = after, 2 * resolution
        self.latents = len(self.convs) + 2

    def mapping(self, z):
        """z (B,Z) -> w (B,D)."""
        return self.style(z)

    def truncate(self, w, psi):
        return self.latent_avg + psi * (w - self.latent_avg)

    def layers(self):
        """[(module, which latent it takes)] in network order: conv, rgb, then conv, conv, rgb a level."""
        order = [(self.conv1, 0), (self.to_rgb1, 1)]
        for i, rgb in enumerate(self.to_rgbs):
            order += [(self.convs[2 * i], 2 * i + 1), (self.convs[2 * i + 1], 2 * i + 2), (rgb, 2 * i + 3)]
        return order

    def styles(self, wplus):
        """W+ (B,L,D) -> the StyleSpace code, one (B,C) a modulated convolution."""
        return [module.conv.modulation(wplus[:, i]) for module, i in self.layers()]

    def synthesis_styles(self, styles, noise=True):
        """-> pictures (B,3,S,S). `noise`: the fixed buffers, or none."""
        code = iter(styles)
        first = next(code)
        stored = (lambda i: getattr(self.noises, f"noise_{i}")) if noise else (lambda i: None)
        x = self.conv1(self.input.input.repeat(first.shape[0], 1, 1, 1), first, stored(0))
        skip = self.to_rgb1(x, next(code))
        for i, rgb in enumerate(self.to_rgbs):
            x = self.convs[2 * i](x, next(code), stored(2 * i + 1))
            x = self.convs[2 * i + 1](x, next(code), stored(2 * i + 2))
            skip = rgb(x, next(code), skip)
        return skip

    def forward(self, wplus, noise=True):
        """W+ (B,L,D) -> pictures (B,3,S,S)."""
        return self.synthesis_styles(self.styles(wplus), noise)


def from_state(state):
    """A generator with all sizes read from a state dict's shapes; a missing latent_avg is zero."""
    channels = {4: state["input.input"].shape[1]}
    level = 0
    while f"convs.{2 * level}.conv.weight" in state:
        channels[8 << level] = state[f"convs.{2 * level}.conv.weight"].shape[1]
        level += 1
    mlp = 0
    while f"style.{mlp + 1}.weight" in state:
        mlp += 1
    z_dim = state["style.1.weight"].shape[1] if mlp else None
    generator = Generator(4 << level, state["conv1.conv.modulation.weight"].shape[1], mlp, channels, z_dim)
    missing, left_over = generator.load_state_dict(state, strict=False)
    missing = [name for name in missing if name != "latent_avg"]
    if missing:
        raise KeyError(f"the generator lacks {missing[0]} ({len(missing)} missing, {len(left_over)} left over)")
    if "latent_avg" in state:
        generator.latent_avg = state["latent_avg"].reshape(-1).clone()
    return generator.eval()
