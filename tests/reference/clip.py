"""CLIP with a vision transformer (Radford et al. 2021), tensor names as in openai/CLIP.

R pixels a side, D features of an embedding, T tokens of context.
"""

import torch
from torch import nn
from torch.nn import functional as F

HEAD = 64
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self, width, gelu):
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // HEAD)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", nn.GELU() if gelu else QuickGELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x, mask):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width, layers, gelu):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, gelu) for _ in range(layers))

    def forward(self, x, mask=None):
        """x (N, tokens, width); the blocks see tokens first."""
        x = x.permute(1, 0, 2)
        for block in self.resblocks:
            x = block(x, mask)
        return x.permute(1, 0, 2)


class Vision(nn.Module):
    def __init__(self, width, patch, grid, layers, outputs, gelu):
        super().__init__()
        self.size = patch * grid
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(grid * grid + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, gelu)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.zeros(width, outputs))

    def forward(self, x):
        x = self.conv1(x).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(x.shape[0], 1, -1)
        x = self.ln_pre(torch.cat([first, x], dim=1) + self.positional_embedding)
        return self.ln_post(self.transformer(x)[:, 0]) @ self.proj


class CLIP(nn.Module):
    def __init__(self, vision, context, vocabulary, width, layers, outputs, gelu):
        super().__init__()
        self.visual = vision
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.zeros(context, width))
        self.transformer = Transformer(width, layers, gelu)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.zeros(width, outputs))
        self.logit_scale = nn.Parameter(torch.zeros(()))

    @property
    def context(self):
        return self.positional_embedding.shape[0]

    def encode_image(self, pixels):
        """Preprocessed pictures (N,3,R,R) -> raw features (N,D)."""
        return self.visual(pixels)

    def encode_text(self, tokens):
        """Token ids (N,T), padded with 0 -> raw features (N,D), taken at the end token, the highest id."""
        x = self.token_embedding(tokens) + self.positional_embedding
        mask = torch.full((self.context, self.context), float("-inf"), dtype=x.dtype).triu(1)
        x = self.ln_final(self.transformer(x, mask))
        return x[torch.arange(x.shape[0]), tokens.argmax(dim=-1)] @ self.text_projection


def resize(x, size, antialias):
    """Bicubic, the shorter side to `size`, as torchvision does: without antialiasing for tensors before 0.17."""
    height, width = x.shape[-2:]
    short, long = min(height, width), max(height, width)
    other = int(size * long / short)
    shape = (size, other) if height <= width else (other, size)
    if shape == (height, width):
        return x
    return F.interpolate(x, size=shape, mode="bicubic", align_corners=False, antialias=antialias)


def preprocess(x, size, antialias=False):
    """Pictures (N,3,H,W) in [-1,1] -> CLIP's input (N,3,size,size)."""
    x = resize((x + 1) / 2, size, antialias)
    top, left = round((x.shape[-2] - size) / 2), round((x.shape[-1] - size) / 2)
    x = x[..., top:top + size, left:left + size]
    mean, std = (torch.tensor(v, dtype=x.dtype, device=x.device).view(3, 1, 1) for v in (MEAN, STD))
    return (x - mean) / std


def _layers(state, prefix):
    count = 0
    while f"{prefix}.resblocks.{count}.ln_1.weight" in state:
        count += 1
    return count


def from_state(state, gelu=False):
    """All sizes are read from the shapes, as OpenAI's loader does."""
    width, _, patch, _ = state["visual.conv1.weight"].shape
    grid = round((state["visual.positional_embedding"].shape[0] - 1) ** 0.5)
    outputs = state["text_projection"].shape[1]
    vision = Vision(width, patch, grid, _layers(state, "visual.transformer"), outputs, gelu)
    context, text_width = state["positional_embedding"].shape
    net = CLIP(vision, context, state["token_embedding.weight"].shape[0], text_width,
               _layers(state, "transformer"), outputs, gelu)
    net.load_state_dict({name: value for name, value in state.items() if not name.startswith("tokenizer.")})
    return net.eval()
