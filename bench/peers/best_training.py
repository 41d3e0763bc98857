"""A training step of CF-CLIP (Yu et al. 2022). The features of texts and source pictures are computed once, before the steps."""
import math

import torch
import torch.nn.functional as F

from best_augment import Augment, homographies, preprocess
from best_clip import Clip
from best_generator import Generator
from best_options import compiled
from torch_common import load, numbers, weights

LEVELS = (("course", 0, 4), ("medium", 4, 8), ("fine", 8, 18))


class Mapper:
    """CF-CLIP's mapper. The weights of the text mappers of all layers are stacked and multiplied as one batch."""

    def __init__(self, p, text, layers):
        self.layers = layers
        self.params = {}
        for i in range(1, 5):
            for kind in ("weight", "bias"):
                stack = [p[f"text_mapper.mapper_{l}.mapping.{i}.{kind}"] for l in range(layers)]
                self.params[f"text.{i}.{kind}"] = torch.stack(stack)
                for level, first, _ in LEVELS:
                    if first < layers:
                        name = f"mapper.{level}_mapping.mapping.{i}.{kind}"
                        self.params[name] = p[name].clone()
        self.params["mapper.fc.weight"], self.params["mapper.fc.bias"] = p["mapper.fc.weight"].clone(), p["mapper.fc.bias"].clone()
        for t in self.params.values():
            t.requires_grad_(True)
        # The published code normalises over dimension 1, of size 1 here: each component is divided by its own size.
        self.text = (text * torch.rsqrt(text.square() + 1e-8)).expand(layers, 1, -1)

    @staticmethod
    def act(x):
        return F.leaky_relu(x, 0.2) * math.sqrt(2.0)

    def dense(self, x, name):
        w = self.params[name + ".weight"]
        return self.act(F.linear(x * (0.01 / math.sqrt(w.shape[1])), w, self.params[name + ".bias"] * 0.01))

    def __call__(self, w):
        t = self.text
        for i in range(1, 5):
            weight = self.params[f"text.{i}.weight"]
            bias = self.params[f"text.{i}.bias"][:, None] * 0.01
            t = self.act(torch.baddbmm(bias, t * (0.01 / math.sqrt(weight.shape[2])), weight.transpose(1, 2)))
        t = t.transpose(0, 1).expand(w.shape[0], -1, -1)
        x = self.dense(torch.cat((w, t), 2), "mapper.fc")
        parts = []
        for level, first, end in LEVELS:
            y = x[:, first:min(end, self.layers)]
            if not y.shape[1]:
                continue
            y = y * torch.rsqrt(y.square().mean(1, keepdim=True) + 1e-8)
            for i in range(1, 5):
                y = self.dense(y, f"mapper.{level}_mapping.mapping.{i}")
            parts.append(y)
        return w + 0.1 * torch.cat(parts, 1)


class Ranger:
    """Ranger over lists of tensors: RAdam, look-ahead and gradient centralisation. Each layer of a stacked text mapper is
    centralised by itself."""

    def __init__(self, params, lr=0.5):
        self.p = [t.detach() for t in params.values()]
        self.leaves = list(params.values())
        self.stacked = [name.startswith("text.") for name in params]
        self.lr, self.t = lr, 0
        self.m = [torch.zeros_like(t) for t in self.p]
        self.v = [torch.zeros_like(t) for t in self.p]
        self.slow = [t.clone() for t in self.p]

    def step(self):
        b1, b2, eps = 0.95, 0.999, 1e-5
        self.t += 1
        grads = []
        for leaf, stacked in zip(self.leaves, self.stacked):
            g = leaf.grad
            if g.dim() - stacked > 1:
                g.sub_(g.mean(tuple(range(1 + stacked, g.dim())), keepdim=True))
            grads.append(g)
        torch._foreach_mul_(self.v, b2)
        torch._foreach_addcmul_(self.v, grads, grads, 1 - b2)
        torch._foreach_mul_(self.m, b1)
        torch._foreach_add_(self.m, grads, alpha=1 - b1)
        most = 2 / (1 - b2) - 1
        power = b2 ** self.t
        n = most - 2 * self.t * power / (1 - power)
        size = self.lr / (1 - b1 ** self.t)
        if n > 5:
            size *= math.sqrt((1 - power) * (n - 4) / (most - 4) * (n - 2) / n * most / (most - 2))
            root = torch._foreach_sqrt(self.v)
            torch._foreach_add_(root, eps)
            torch._foreach_addcdiv_(self.p, self.m, root, -size)
        else:
            torch._foreach_add_(self.p, self.m, alpha=-size)
        if self.t % 6 == 0:
            torch._foreach_lerp_(self.slow, self.p, 0.5)
            for p, slow in zip(self.p, self.slow):
                p.copy_(slow)


def nce(edited, source, target, source_texts):
    """CLIP-NCE (Yu et al. 2022) of unit features: edited (8B,D), all B of a copy together; source (B,D); texts (79,D)."""
    copies = edited.shape[0] // source.shape[0]
    query = F.normalize(edited - source.repeat(copies, 1), dim=1)
    first = F.normalize((target - source_texts).mean(0, keepdim=True), dim=1).expand(query.shape[0], -1)
    second = F.normalize(target.mean(0, keepdim=True) - source, dim=1).repeat(copies, 1)
    negatives = F.normalize(source_texts - source[:1], dim=1)
    query = torch.cat((query, query))
    positive = (query * torch.cat((first, second))).sum(1, keepdim=True)
    logits = torch.cat((positive, query @ negatives.t()), 1) / 0.1
    return (torch.logsumexp(logits, 1) - logits[:, 0]).mean()


class Training:
    def __init__(self, args, options):
        inputs = load(args.inputs, "inputs.safetensors")
        self.w, self.points = inputs["w"], inputs["points"]
        self.generator = Generator(weights(args.generator, "generator.safetensors"), options)
        self.clip = Clip(weights(args.clip, "clip-half.safetensors"), options)
        target = inputs["pixels"].shape[-1]
        with torch.no_grad():
            self.source_texts = F.normalize(self.clip.encode_text(inputs["ids_source"]), dim=1)
            self.target_texts = F.normalize(self.clip.encode_text(inputs["ids_target"]), dim=1)
            text = self.clip.encode_text(inputs["ids_text"])
            x = self.generator(self.w)
            self.source = F.normalize(self.clip.images(preprocess(x, target)), dim=1)
        self.augment = Augment(x.shape[-1], target, options)
        self.mapper = Mapper(weights(args.generator, "mapper.safetensors"), text, self.w.shape[1])
        self.optimizer = Ranger(self.mapper.params)
        self.loss = compiled(nce, options)

    def differentiate(self):
        """Returns the losses, w_hat and x_hat of the next step, and leaves the gradients in the mapper's parameters."""
        coefficients = homographies(self.points[self.optimizer.t % self.points.shape[0]])
        for t in self.optimizer.leaves:
            t.grad = None
        w_hat = self.mapper(self.w)
        x_hat = self.generator(w_hat)
        edited = F.normalize(self.clip.images(self.augment(x_hat, coefficients)), dim=1)
        contrast = self.loss(edited, self.source, self.target_texts, self.source_texts)
        distance = F.mse_loss(w_hat, self.w)
        loss = 0.3 * contrast + 0.8 * distance
        loss.backward()
        return loss, contrast, distance, w_hat, x_hat

    def step(self):
        self.differentiate()
        self.optimizer.step()

    def results(self):
        loss, contrast, distance, w_hat, x_hat = self.differentiate()
        p = self.mapper.params
        out = numbers(loss=loss, loss_nce=contrast, loss_l2_latent=distance, w_hat=w_hat, x_hat=x_hat)
        out.update(numbers(**{k: v.grad.clone() for k, v in p.items() if k.startswith("mapper.")}))
        out["text_mapper.mapper_0.mapping.4.weight"] = p["text.4.weight"].grad[0].numpy().copy()
        self.optimizer.step()
        return out
