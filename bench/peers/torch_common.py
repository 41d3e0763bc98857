"""Shared by the PyTorch peers: reading files, settings, gradients, and the text that names versions and kernels."""
import os

import torch
from safetensors.torch import load_file


def settle(args):
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)


def load(folder, name):
    return load_file(os.path.join(folder, name))


def weights(folder, name):
    """The weights of a network as float32; the tokenizer's merge list in the file is left out."""
    return {k: v.float() for k, v in load(folder, name).items() if k != "tokenizer.merges"}


def leaf_gradient(leaf, function):
    """The gradient of mean(function(leaf)) with respect to leaf."""
    leaf.requires_grad_(True)
    leaf.grad = None
    function(leaf).mean().backward()
    return leaf.grad


def about(extra=""):
    text = f"torch {torch.__version__.split('+')[0]}, {torch.get_num_threads()} threads, "
    for line in torch.__config__.show().splitlines():
        if "CPU capability usage: " in line:
            text += line.split("usage: ")[1] + ", "
        if "Math Kernel Library Version" in line:
            text += "MKL " + line.split("Version ")[1].split()[0].split("-")[0] + ", "
        if "MKL-DNN" in line:
            text += "oneDNN " + line.split("MKL-DNN v")[1].split(" ")[0] + ", "
    text = text.removesuffix(", ")
    return text + (", " + extra if extra else "")


def numbers(**tensors):
    """The named tensors as NumPy arrays, for the comparison with our results."""
    return {k: v.detach().float().contiguous().cpu().numpy() for k, v in tensors.items()}
