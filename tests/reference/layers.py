"""Layers that StyleGAN2 and the mappers share (Karras et al. 2020)."""

import math

import torch
from torch import nn
from torch.nn import functional as F

SLOPE = 0.2


class PixelNorm(nn.Module):
    """x / sqrt(mean of x^2 over dimension 1 + 1e-8); dimension 1 whatever the number of dimensions."""

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)


def fused_leaky_relu(x, bias, slope=None):
    """sqrt(2) lrelu(x + bias), the bias along dimension 1, or along the last of (N, D) and (N, L, D)."""
    shape = (1, -1) + (1,) * (x.ndim - 2) if x.ndim == 4 else (-1,)
    return F.leaky_relu(x + bias.view(shape), SLOPE if slope is None else slope) * math.sqrt(2)


class EqualLinear(nn.Module):
    """A linear layer with equalised learning rate: weight scaled by lr_mul / sqrt(in), bias by lr_mul."""

    def __init__(self, inputs, outputs, lr_mul=1.0, activation=False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_mul)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = lr_mul / math.sqrt(inputs)
        self.lr_mul = lr_mul
        self.activation = activation

    def forward(self, x):
        if self.activation:
            return fused_leaky_relu(F.linear(x, self.weight * self.scale), self.bias * self.lr_mul)
        return F.linear(x, self.weight * self.scale, self.bias * self.lr_mul)


def upfirdn2d(x, kernel, up=1, pad=(0, 0)):
    """Zeros inserted (factor `up`, the last ones included), padding on both sides, convolution with `kernel`."""
    n, c, h, w = x.shape
    x = x.reshape(n * c, 1, h, 1, w, 1)
    x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(n * c, 1, h * up, w * up)
    x = F.pad(x, (pad[0], pad[1], pad[0], pad[1]))
    x = F.conv2d(x, kernel.flip(0, 1)[None, None])
    return x.reshape(n, c, x.shape[2], x.shape[3])
