"""torchvision 0.14's RandomPerspective(p=1, fill=0) for tensors. Points are (x, y): top left, top right, bottom right,
bottom left."""

import torch
from torch.nn import functional as F

DISTORTION = 0.5


def draw(width, height, generator=None, distortion=DISTORTION):
    """(startpoints, endpoints), each (4,2) integers."""
    dx, dy = int(distortion * (width // 2)), int(distortion * (height // 2))
    start = torch.tensor([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])
    shift = torch.stack([torch.randint(0, dx + 1, (4,), generator=generator),
                         torch.randint(0, dy + 1, (4,), generator=generator)], dim=1)
    inwards = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    return start, start + inwards * shift


def coefficients(start, end, dtype=torch.float64):
    """a..h of the map from end points to start points, (8). torchvision solves in float32; in float64 the pictures
    of 256 pixels differ by up to 1e-4 from its."""
    rows, right = [], []
    for (x, y), (u, v) in zip(end.tolist(), start.tolist()):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    a, b = torch.tensor(rows, dtype=dtype), torch.tensor(right, dtype=dtype)
    return torch.linalg.lstsq(a, b.unsqueeze(1), driver="gels").solution.squeeze(1)


def warp(x, coeffs):
    """Pictures (N,C,H,W) under one homography: bilinear, zeros outside; the mask of ones, warped likewise, multiplies
    the result once more, so that the border is dimmed twice."""
    n, _, height, width = x.shape
    a, b, c, d, e, f, g, h = coeffs.to(x.dtype)
    column = torch.arange(width, dtype=x.dtype) + 0.5
    row = (torch.arange(height, dtype=x.dtype) + 0.5).unsqueeze(1)
    below = g * column + h * row + 1
    across = (a * column + b * row + c) / below / (0.5 * width) - 1
    down = (d * column + e * row + f) / below / (0.5 * height) - 1
    grid = torch.stack([across, down], dim=-1).expand(n, height, width, 2)
    both = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    both = F.grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return both[:, :-1] * both[:, -1:]
