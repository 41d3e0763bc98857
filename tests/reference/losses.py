"""The terms of CF-CLIP's objective. `x_hat` edited and `x` source pictures (B,3,H,W) in [-1,1]."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from . import clip as clip_module
from . import irse50

TEMPERATURE = 0.1


@dataclass
class NCEOptions:
    """The published settings; the switches are the ablations of the paper."""
    temperature: float = TEMPERATURE
    templates: int = 79
    use_pos1: bool = True
    use_pos2: bool = True
    use_negatives: bool = True
    antialias: bool = False


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def info_nce(query, positive, negatives, temperature=TEMPERATURE):
    """InfoNCE (van den Oord et al. 2018): for each row the cross entropy of the positive among positive and negatives. All
    vectors are made unit first."""
    query, positive, negatives = (F.normalize(v, dim=-1) for v in (query, positive, negatives))
    logits = torch.cat([(query * positive).sum(dim=1, keepdim=True), query @ negatives.T], dim=1)
    labels = torch.zeros(len(logits), dtype=torch.long)
    return F.cross_entropy(logits / temperature, labels, reduction="none")


class ClipNCE:
    """CLIP-NCE over a CLIP network; texts are given as token ids of their filled templates."""

    def __init__(self, clip, options=None):
        self.clip = clip
        self.options = options or NCEOptions()

    def image_features(self, x):
        pixels = clip_module.preprocess(x, self.clip.visual.size, self.options.antialias)
        return unit(self.clip.encode_image(pixels))

    def text_features(self, tokens):
        return unit(self.clip.encode_text(tokens[:self.options.templates]).detach())

    def parts(self, x, source_tokens, x_hat, target_tokens):
        """All parts of the loss by name. x and x_hat have the same number of rows: with
        augmentation both are 8 copies of the batch."""
        o = self.options
        source, target = self.text_features(source_tokens), self.text_features(target_tokens)
        from_image, to_image = self.image_features(x), self.image_features(x_hat)
        query = unit(to_image - from_image)
        # The published code encodes both sets of sentences once more for its text direction.
        again = self.text_features(target_tokens) - self.text_features(source_tokens)
        direction = unit(again.mean(dim=0, keepdim=True))
        rows = query.shape[0]
        positives = []
        if o.use_pos1:
            positives.append(direction.repeat(rows, 1))
        if o.use_pos2:
            positives.append(unit(target.mean(dim=0, keepdim=True).repeat(rows, 1) - from_image))
        positive, queries = torch.cat(positives), query.repeat(len(positives), 1)
        parts = {"text_direction": direction, "source_features": from_image, "target_features": to_image,
                 "query": queries, "positive": positive}
        if o.use_negatives:
            parts["negatives"] = unit(source - from_image[:1])
            parts["rows"] = info_nce(queries, positive, parts["negatives"], o.temperature)
        else:
            parts["rows"] = 1 - (queries * positive).sum(dim=-1)
        parts["loss"] = parts["rows"].mean()
        return parts

    def __call__(self, x, source_tokens, x_hat, target_tokens):
        return self.parts(x, source_tokens, x_hat, target_tokens)["loss"]


def identity(net, x_hat, x):
    """1 - mean cosine of the face embeddings."""
    target, got = net(irse50.face(x)).detach(), net(irse50.face(x_hat))
    return (1 - (got * target).sum(dim=-1)).mean()


def perceptual(net, x_hat, x):
    """Mean absolute difference of conv5_2."""
    return F.l1_loss(net(x_hat, ["conv5_2"])[0], net(x, ["conv5_2"])[0].detach())
