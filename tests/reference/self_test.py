"""Tests that the comparison can fail: the re-statement is falsified in one place after another, and the comparison must
report a quantity that depends on this place."""

import contextlib
import io

import torch
from torch import nn

from . import clip, encoders, irse50, layers, losses, mapper, perspective, ranger, train_step, vgg19
from .compare import Model


def _plain_warp(x, coeffs):
    """The perspective warp without its second multiplication by the mask."""
    inside = torch.ones_like(x)
    return ORIGINAL_WARP(x, coeffs) / ORIGINAL_WARP(inside, coeffs).sqrt().clamp_min(1e-6)


class _LastAxisNorm(nn.Module):
    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-8)


def _warm_info_nce(query, positive, negatives, temperature=0.1):
    return ORIGINAL_INFO_NCE(query, positive, negatives, 1.01 * temperature)


ORIGINAL_WARP, ORIGINAL_INFO_NCE = perspective.warp, losses.info_nce

# The falsified place, the group whose case must notice it, and a quantity that must be reported.
CHANGES = (
    ("leaky ReLU's slope 0.201", layers, "SLOPE", 0.201, "generator", "generator.image"),
    ("leaky ReLU's slope 0.201", layers, "SLOPE", 0.201, "mapper", "mapper.w_hat"),
    ("PixelNorm over the features", layers.PixelNorm, "forward", _LastAxisNorm.forward, "mapper", "mapper.w_hat"),
    ("residual 0.1001 of the mapper", mapper, "RESIDUAL", 0.1001, "mapper", "mapper.w_hat"),
    ("coarse level one layer longer", mapper, "LEVELS", (("course", 0, 5), ("medium", 5, 8), ("fine", 8, None)),
     "mapper", "mapper.w_hat"),
    ("other mean of CLIP's input", clip, "MEAN", (0.4815, 0.4578275, 0.40821073), "preprocess", "preprocess.pixels"),
    ("GELU instead of QuickGELU", clip.QuickGELU, "forward", nn.GELU().forward, "clip", "clip.features"),
    ("warp dims the border once", perspective, "warp", _plain_warp, "perspective", "perspective.warped"),
    ("temperature of CLIP-NCE 1 % higher", losses, "info_nce", _warm_info_nce, "nce", "nce.loss"),
    ("face window one row lower", irse50, "face", lambda x: ORIGINAL_FACE(x.roll(-1, 2)), "identity",
     "identity.features"),
    ("pSp's heads added to the first, as e4e's are", encoders, "DELTAS", encoders.PYRAMID, "encoder", "encoder.latents"),
    ("other mean of VGG19's input", vgg19, "BGR_MEAN", (0.41, 0.45795686, 0.48501961), "perceptual",
     "perceptual.conv1_1"),
    ("look-ahead every seventh step", ranger.Ranger, "_update", staticmethod(
        lambda p, group, state: ORIGINAL_UPDATE(p, {**group, "k": 7}, state)), "optimizer", "optimizer.step.6.0"),
    ("latents' distance summed", train_step.F, "mse_loss", lambda a, b: (a - b).square().sum(), "train",
     "train.loss_l2_latent.step.1"),
)

ORIGINAL_FACE, ORIGINAL_UPDATE = irse50.face, ranger.Ranger._update


def _cases(cases):
    """One case for each group, over small networks."""
    generator = cases.generator(32)
    net = Model(generator, cases.clip(), cases.mapper(8), cases.identity(), cases.vgg())
    return {"generator": cases.of_generator(net, "", 2), "mapper": cases.of_mapper(net, "", 8, 2),
            "preprocess": cases.of_preprocess(net, "", (1, 3, 48, 48), False), "clip": cases.of_clip(net, "", 1),
            "perspective": cases.of_perspective("", 1, 32, 2), "nce": cases.of_nce(net, "", 1, 32, templates=5),
            "identity": cases.of_loss("identity", net, "", 1, 64),
            "encoder": cases.of_encoder("", "GradualStyleEncoder", 256),
            "perceptual": cases.of_loss("perceptual", net, "", 1, 32), "optimizer": cases.of_optimizer("ranger", 0.5),
            "train": cases.of_training(net, "", 1, 1, templates=5)}


def run(comparison, cases):
    ready, failures = _cases(cases), 0
    for group, case in ready.items():
        with contextlib.redirect_stdout(io.StringIO()) as said:
            agrees = comparison.run(case)
        failures += not agrees
        print(f"{'ok  ' if agrees else 'FAIL'} {group}: agrees as it is")
        if not agrees:
            print(said.getvalue())
    for title, owner, name, value, group, expected in CHANGES:
        before, original = len(comparison.named), owner.__dict__[name]
        setattr(owner, name, value)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                comparison.run(ready[group])
        finally:
            setattr(owner, name, original)
        named = comparison.named[before:]
        failures += expected not in named
        print(f"{'ok  ' if expected in named else 'FAIL'} {title}: {len(named)} quantities named"
              + (f", {expected} among them" if expected in named else f", but not {expected}"), flush=True)
    print(f"{len(ready) + len(CHANGES) - failures} of {len(ready) + len(CHANGES)} as expected")
    return 1 if failures else 0
