"""One training step as the published code takes it: nothing is cached. The text feature and both sets of template
sentences are encoded anew (the sets twice), the source picture is drawn again, and, unless `freeze` is called, gradients
are computed for every weight of generator and CLIP although only the mapper is trained."""

from dataclasses import dataclass, field

import torch
from torch.nn import functional as F

from . import losses, perspective

COPIES = 8


@dataclass
class Options:
    """The published settings."""
    id_lambda: float = 0.2
    perc_lambda: float = 0.0
    nce_lambda: float = 0.3
    latent_l2_lambda: float = 0.8
    copies: int = COPIES
    nce: losses.NCEOptions = field(default_factory=losses.NCEOptions)


@dataclass
class Networks:
    generator: object
    clip: object
    mapper: object
    identity: object = None
    vgg: object = None

    def freeze(self):
        """No gradients for weights that are not trained: not what the published code does, but what it could do."""
        for net in (self.generator, self.clip, self.identity, self.vgg):
            if net is not None:
                net.requires_grad_(False)
        return self

    def double(self):
        for net in (self.generator, self.clip, self.mapper, self.identity, self.vgg):
            if net is not None:
                net.double()
        return self


@dataclass
class Texts:
    """Token ids: the target sentence (1,T), the templates filled with source and target (79,T)."""
    description: torch.Tensor
    source: torch.Tensor
    target: torch.Tensor


def objective(nets, options, texts, w, x, w_hat, x_hat, coeffs):
    """-> {"loss", "loss_nce", "loss_l2_latent", "loss_id", "loss_perc"}, those that are on. coeffs: one homography a
    copy, (copies, 8)."""
    terms, loss = {}, 0
    if options.id_lambda > 0:
        terms["loss_id"] = losses.identity(nets.identity, x_hat, x)
        loss = loss + options.id_lambda * terms["loss_id"]
    if options.perc_lambda > 0:
        terms["loss_perc"] = losses.perceptual(nets.vgg, x_hat, x)
        loss = loss + options.perc_lambda * terms["loss_perc"]
    if options.latent_l2_lambda > 0:
        terms["loss_l2_latent"] = F.mse_loss(w_hat, w)
        loss = loss + options.latent_l2_lambda * terms["loss_l2_latent"]
    if options.nce_lambda > 0:
        nce = losses.ClipNCE(nets.clip, options.nce)
        copies = torch.cat([perspective.warp(x_hat, c) for c in coeffs]) if options.copies else x_hat
        repeated = x.repeat(max(options.copies, 1), 1, 1, 1)
        terms["loss_nce"] = nce(repeated, texts.source, copies, texts.target)
        loss = loss + options.nce_lambda * terms["loss_nce"]
    terms["loss"] = loss
    return terms


def edit(nets, texts, w):
    """Edits latents: returns (w_hat, x, x_hat)."""
    feature = nets.clip.encode_text(texts.description).detach()
    with torch.no_grad():
        x = nets.generator(w)
    w_hat = nets.mapper(w, feature)
    return w_hat, x, nets.generator(w_hat)


def training_step(nets, options, texts, optimizer, w, coeffs):
    """One step over latents w (B,L,D), or (B,D) in W; returns the terms as numbers. The parameters keep their gradients
    until the next step."""
    optimizer.zero_grad()
    if w.ndim == 2:
        w = w.unsqueeze(1).repeat(1, nets.generator.latents, 1)
    w_hat, x, x_hat = edit(nets, texts, w)
    terms = objective(nets, options, texts, w, x, w_hat, x_hat, coeffs)
    terms["loss"].backward()
    optimizer.step()
    return {name: value.item() for name, value in terms.items()}
