"""What both PyTorch peers share: files, settings, and what they say of themselves."""
import os

import torch
from safetensors.torch import load_file


def settle(args):
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)


def load(folder, name):
    return load_file(os.path.join(folder, name))


def weights(folder, name):
    """A network's tensors as float32, without what is not a weight."""
    return {k: v.float() for k, v in load(folder, name).items() if k != "tokenizer.merges"}


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
    """Tensors as arrays for the comparison."""
    return {k: v.detach().float().contiguous().cpu().numpy() for k, v in tensors.items()}
