"""The text-embedding mapping of CF-CLIP (Yu et al. 2022), tensor names as in its checkpoints.

Two traps of the published code, kept because published mappers were trained with them: PixelNorm goes over dimension 1,
which is the layer axis in the mapper and an axis of size 1 in the text mapper; and the leaky ReLU follows the last
linear layer too.
"""

import torch
from torch import nn

from .layers import EqualLinear, PixelNorm

LR_MUL = 0.01
TEXT_REPEATS = 18
RESIDUAL = 0.1
LEVELS = (("course", 0, 4), ("medium", 4, 8), ("fine", 8, None))


class Mapper(nn.Module):
    def __init__(self, dim=512, inputs=None):
        super().__init__()
        self.mapping = nn.Sequential(PixelNorm(), *[
            EqualLinear(inputs or dim if i == 0 else dim, dim, LR_MUL, activation=True) for i in range(4)])

    def forward(self, x):
        return self.mapping(x)


class SingleMapper(nn.Module):
    """One network over all layers; `text`: with the fusing layer, which the published one lacks and cannot run without."""

    def __init__(self, dim=512, text=True):
        super().__init__()
        self.fc = EqualLinear(2 * dim, dim, LR_MUL, activation=True) if text else nn.Identity()
        self.mapping = Mapper(dim)

    def forward(self, x):
        return self.mapping(self.fc(x))


class LevelsMapper(nn.Module):
    """`levels` are those of "course", "medium" and "fine" that are on; without `text`: StyleCLIP's, no fusing layer."""

    def __init__(self, dim=512, levels=("course", "medium", "fine"), text=True):
        super().__init__()
        self.fc = EqualLinear(2 * dim, dim, LR_MUL, activation=True) if text else nn.Identity()
        for name in levels:
            setattr(self, f"{name}_mapping", Mapper(dim))

    def forward(self, x):
        x = self.fc(x)
        parts = []
        for name, begin, end in LEVELS:
            part = x[:, begin:end]
            network = getattr(self, f"{name}_mapping", None)
            parts.append(network(part) if network else torch.zeros_like(part))
        return torch.cat(parts, dim=1)


class FullTextMapper(nn.Module):
    def __init__(self, latents, dim=512, inputs=None):
        super().__init__()
        self.latents = latents
        for i in range(latents):
            setattr(self, f"mapper_{i}", Mapper(dim, inputs))

    def forward(self, x):
        return torch.cat([getattr(self, f"mapper_{i}")(x[:, [i]]) for i in range(self.latents)], dim=1)


class TextEmbeddingMapper(nn.Module):
    """The level mappers and the text mapper, with parameters `mapper.*` and `text_mapper.*`."""

    def __init__(self, latents, dim=512, inputs=None, levels=("course", "medium", "fine"), single=False, text=True):
        super().__init__()
        self.mapper = SingleMapper(dim, text) if single else LevelsMapper(dim, levels, text)
        self.text_mapper = FullTextMapper(latents, dim, inputs) if text else None

    def text(self, feature, batch):
        """Raw text feature (1,E) -> t_w (B,L,D); it is repeated to 18 layers whatever L is."""
        return self.text_mapper(feature.unsqueeze(1).repeat(batch, TEXT_REPEATS, 1))

    def residual(self, w, feature):
        x = w if self.text_mapper is None else torch.cat([w, self.text(feature, w.shape[0])], dim=-1)
        return self.mapper(x)

    def forward(self, w, feature):
        """W+ (B,L,D) and the raw text feature (1,E) -> w_hat."""
        return w + RESIDUAL * self.residual(w, feature)


def from_state(state, latents, off=()):
    """Levels that the state dict lacks, or that `off` names, are off; further text mappers than `latents` are left out."""
    state = {name: value for name, value in state.items() if name.startswith(("mapper.", "text_mapper."))}
    single = "mapper.mapping.mapping.1.weight" in state
    levels = [name for name, _, _ in LEVELS
              if f"mapper.{name}_mapping.mapping.1.weight" in state and name not in off]
    text = state.get("text_mapper.mapper_0.mapping.1.weight")
    inner = "mapping" if single else f"{levels[0]}_mapping" if levels else None
    dim = state[f"mapper.{inner}.mapping.1.weight" if inner else "mapper.fc.weight"].shape[0]
    net = TextEmbeddingMapper(latents, dim, None if text is None else text.shape[1], levels, single, text is not None)
    wanted = net.state_dict()
    net.load_state_dict({name: state[name] for name in wanted})
    return net
