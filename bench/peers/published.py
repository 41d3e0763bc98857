"""The peers "published" and "frozen": the published method, restated plainly in tests/reference.

"published" works as the published code does. It makes a set of weights for each sample and applies them as grouped
convolutions. In each step it encodes the texts, draws and encodes the source pictures, and computes gradients for the weights
of the frozen networks, too.

"frozen" leaves out two of these costs that anybody would leave out: the texts are encoded once, and weights that are not
trained get no gradients.
"""
import os
import sys

import torch

from torch_common import about, leaf_gradient, load, numbers, settle, weights
from work import Work

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests"))
from reference import clip, mapper, perspective, ranger, stylegan2, train_step  # noqa: E402


def remember(function):
    """Wraps a function of one tensor so that it is computed once for each tensor and remembered."""
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
