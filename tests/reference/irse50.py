"""IR-SE50 face recognition (Deng et al. 2019; squeeze and excitation: Hu et al. 2018), names as in model_ir_se50.pth."""

import torch
from torch import nn
from torch.nn import functional as F


class SqueezeExcite(nn.Module):
    def __init__(self, channels, inner):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.fc2 = nn.Conv2d(inner, channels, 1, bias=False)

    def forward(self, x):
        s = F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))
        return x * torch.sigmoid(self.fc2(s))


class Unit(nn.Module):
    """`stride` 2 in the first unit of a stage, where a change of channels asks for a convolved shortcut."""

    def __init__(self, inputs, outputs, inner, stride):
        super().__init__()
        if inputs == outputs:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                                nn.BatchNorm2d(outputs))
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False), nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs),
            SqueezeExcite(outputs, inner))

    def forward(self, x):
        return self.res_layer(x) + self.shortcut_layer(x)


class Backbone(nn.Module):
    def __init__(self, units, channels, features):
        """`units`: [(inputs, outputs, inner, stride)]."""
        super().__init__()
        self.input_layer = nn.Sequential(nn.Conv2d(3, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels),
                                         nn.PReLU(channels))
        self.body = nn.Sequential(*[Unit(*unit) for unit in units])
        last = units[-1][1]
        self.output_layer = nn.Sequential(nn.BatchNorm2d(last), nn.Dropout(0.6), nn.Flatten(),
                                          nn.Linear(last * 49, features), nn.BatchNorm1d(features))

    def forward(self, x):
        """(N,3,112,112) -> unit features (N,512)."""
        x = self.output_layer(self.body(self.input_layer(x)))
        return x / x.norm(dim=1, keepdim=True)


def face(x):
    """Pictures (N,3,H,W) -> the window that the network sees, (N,3,112,112)."""
    if x.shape[2] != 256:
        x = F.adaptive_avg_pool2d(x, 256)
    return F.adaptive_avg_pool2d(x[:, :, 35:223, 32:220], 112)


def from_state(state):
    units, i = [], 0
    while f"body.{i}.res_layer.1.weight" in state:
        outputs, inputs = state[f"body.{i}.res_layer.1.weight"].shape[:2]
        inner = state[f"body.{i}.res_layer.5.fc1.weight"].shape[0]
        units.append((inputs, outputs, inner, 2 if i == 0 or inputs != outputs else 1))
        i += 1
    net = Backbone(units, state["input_layer.0.weight"].shape[0], state["output_layer.3.weight"].shape[0])
    net.load_state_dict(state, strict=False)
    return net.eval()
