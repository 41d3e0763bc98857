"""The published method restated plainly (tests/reference): weights made for each sample and applied as grouped convolutions,
text features encoded anew, sources drawn and encoded anew, and gradients for the weights of frozen networks too.

"frozen" is the same with two things taken out that anybody would: no gradients for weights that are not trained, and text
features encoded once.
"""
import os
import sys

import torch

from peer import Work
from torch_common import about, load, numbers, settle, weights

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests"))
from reference import clip, mapper, perspective, ranger, stylegan2, train_step  # noqa: E402


def remember(function):
    """The function, computed once for each tensor it is given."""
    known = {}

    def wrapped(x):
        if x.data_ptr() not in known:
            known[x.data_ptr()] = function(x).detach()
        return known[x.data_ptr()]
    return wrapped


class Training:
    def __init__(self, args, frozen):
        inputs = load(args.inputs, "inputs.safetensors")
        self.w, self.steps = inputs["w"], 0
        self.points = inputs["points"]
        generator = stylegan2.from_state(weights(args.generator, "generator.safetensors"))
        self.nets = train_step.Networks(generator, clip.from_state(weights(args.clip, "clip-half.safetensors")),
                                        mapper.from_state(weights(args.generator, "mapper.safetensors"), generator.latents))
        if frozen:
            self.nets.freeze()
            self.nets.clip.encode_text = remember(self.nets.clip.encode_text)
        self.options = train_step.Options(id_lambda=0.0)
        self.texts = train_step.Texts(*(inputs[k].long() for k in ("ids_text", "ids_source", "ids_target")))
        self.optimizer = ranger.Ranger(self.nets.mapper.parameters())

    def step(self):
        draws = self.points[self.steps % self.points.shape[0]]
        self.steps += 1
        coefficients = [perspective.coefficients(start.long(), end.long()) for start, end in draws]
        return train_step.training_step(self.nets, self.options, self.texts, self.optimizer, self.w, coefficients)

    def results(self):
        with torch.no_grad():
            w_hat, _, x_hat = train_step.edit(self.nets, self.texts, self.w)
        terms = self.step()
        gradients = {name: p.grad.clone() for name, p in self.nets.mapper.named_parameters()}
        return {**terms, **numbers(w_hat=w_hat, x_hat=x_hat, **gradients)}


def leaf_gradient(leaf, net):
    leaf.requires_grad_(True)
    leaf.grad = None
    net(leaf).mean().backward()
    return leaf.grad


def make(args):
    settle(args)
    if args.work == "train-step":
        training = Training(args, args.peer == "frozen")
        return Work(training.step, training.results, about())
    inputs = load(args.inputs, "inputs.safetensors")
    if args.work.startswith("generator"):
        net, leaf, name = stylegan2.from_state(weights(args.generator, "generator.safetensors")), inputs["w"], "image"
    else:
        model = clip.from_state(weights(args.clip, "clip-half.safetensors"))
        net, leaf, name = model.encode_image, inputs["pixels"], "image_features"
        if args.work == "clip-texts":
            net, leaf, name = model.encode_text, inputs["ids_target"].long(), "text_features"
    if args.work.endswith("gradient"):
        gradient = "grad_w" if args.work.startswith("generator") else "grad_pixels"
        return Work(lambda: leaf_gradient(leaf, net), lambda: numbers(**{gradient: leaf_gradient(leaf, net)}), about())

    @torch.no_grad()
    def run():
        return net(leaf)
    return Work(run, lambda: numbers(**{name: run()}), about())
