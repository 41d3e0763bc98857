"""VGG19's convolutions (Simonyan & Zisserman 2015), names as in vgg19_conv.pth."""

import torch
from torch import nn
from torch.nn import functional as F

STAGES = (2, 2, 4, 4, 4)
BGR_MEAN = (0.40760392, 0.45795686, 0.48501961)


class VGG19(nn.Module):
    def __init__(self, channels):
        """`channels`: the output channels of the sixteen convolutions."""
        super().__init__()
        before = 3
        for name, after in zip(names(), channels):
            setattr(self, name, nn.Conv2d(before, after, 3, padding=1))
            before = after

    def forward(self, x, wanted):
        """Pictures (N,3,H,W) in [-1,1] -> [feature map after ReLU of each layer in `wanted`]; all are computed."""
        mean = torch.tensor(BGR_MEAN, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)
        x = (((x + 1) / 2).flip(1) - mean) * 255
        maps = {}
        for name in names():
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2, 2)
            x = F.relu(getattr(self, name)(x))
            maps[name] = x
        return [maps[name] for name in wanted]


def names():
    return [f"conv{stage}_{i}" for stage, count in enumerate(STAGES, 1) for i in range(1, count + 1)]


def from_state(state):
    net = VGG19([state[f"{name}.weight"].shape[0] for name in names()])
    net.load_state_dict(state)
    return net.eval()
