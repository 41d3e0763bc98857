"""From generated pictures to CLIP's input: perspective, resize, normalisation."""
import torch
import torch.nn.functional as F

from best_options import compiled

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)


def cubic_taps(size, target):
    """Bicubic, a = -0.75, half-pixel centres, no antialiasing: positions (target, 4), clamped, and weights (target, 4)."""
    at = (torch.arange(target, dtype=torch.float64) + 0.5) * (size / target) - 0.5
    first = at.floor()
    t = (at - first)[:, None] + torch.tensor([1.0, 0.0, -1.0, -2.0], dtype=torch.float64)
    t, a = t.abs(), -0.75
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((t - 5) * t + 8) * t * a - 4 * a
    position = (first.long()[:, None] + torch.arange(-1, 3)).clamp(0, size - 1)
    return position, torch.where(t <= 1, near, far).float()


def resize_weights(size, target):
    """Bicubic weights as a dense matrix (target, size)."""
    position, weight = cubic_taps(size, target)
    return torch.zeros(target, size).scatter_add_(1, position, weight)


def preprocess(x, target):
    """Images (N,3,S,S) in [-1,1] -> CLIP's input (N,3,target,target)."""
    if x.shape[-1] != target:
        m = resize_weights(x.shape[-1], target)
        x = m @ x @ m.t()
    return ((x + 1) * 0.5 - MEAN) / DEVIATION


def homographies(points):
    """Start and end points (copies,2,4,2) -> coefficients (copies,8) from end to start, as lt_warp_perspective() takes them."""
    start, end = points[:, 0].double(), points[:, 1].double()
    rows, right = [], []
    for i in range(4):
        x, y, u, v = end[:, i, 0], end[:, i, 1], start[:, i, 0], start[:, i, 1]
        zero, one = torch.zeros_like(x), torch.ones_like(x)
        rows += [torch.stack((x, y, one, zero, zero, zero, -u * x, -u * y), 1),
                 torch.stack((zero, zero, zero, x, y, one, -v * x, -v * y), 1)]
        right += [u, v]
    return torch.linalg.solve(torch.stack(rows, 1), torch.stack(right, 1))


class Augment:
    """Warps eight copies and resizes them to CLIP's size. The resize reads 4 x 4 pixels for each of its own, so the warp is
    sampled at those pixels only: 896 x 896 instead of 1024 x 1024, and no warped image is stored twice."""

    def __init__(self, size, target, options):
        position, self.weight = cubic_taps(size, target)
        self.size, self.target = size, target
        self.at = position.reshape(-1).double() + 0.5
        self.grid = compiled(self.make_grid, options)
        self.reduce = compiled(self.make_small, options)

    def make_grid(self, c):
        c = c[:, :, None, None]
        x, y, s = self.at[None, None, :], self.at[None, :, None], self.size
        d = c[:, 6] * x + c[:, 7] * y + 1
        u = ((c[:, 0] * x + c[:, 1] * y + c[:, 2]) / d).float()
        v = ((c[:, 3] * x + c[:, 4] * y + c[:, 5]) / d).float()
        # The bilinear sample of a picture of ones.
        mask = (u + 0.5).clamp(0, 1) * (s + 0.5 - u).clamp(0, 1) * (v + 0.5).clamp(0, 1) * (s + 0.5 - v).clamp(0, 1)
        return torch.stack((u * (2 / s) - 1, v * (2 / s) - 1), -1), mask[:, None]

    def make_small(self, x, mask):
        n, t = x.shape[0], self.target
        x = (x * mask).view(n, 3, t, 4, t, 4)
        x = (x * self.weight[:, :, None, None] * self.weight).sum((3, 5))
        return ((x + 1) * 0.5 - MEAN) / DEVIATION

    def __call__(self, x, coefficients):
        copies, batch = coefficients.shape[0], x.shape[0]
        grid, mask = self.grid(coefficients)
        x = x[None].expand(copies, *x.shape).reshape(copies * batch, *x.shape[1:])
        grid = grid[:, None].expand(-1, batch, -1, -1, -1).reshape(-1, *grid.shape[1:])
        mask = mask[:, None].expand(-1, batch, -1, -1, -1).reshape(-1, *mask.shape[1:])
        x = F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return self.reduce(x, mask)
