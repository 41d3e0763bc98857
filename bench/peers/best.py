"""The peer "best": the method as fast as we could write it in PyTorch, with results equal to ours."""
import torch

from best_augment import preprocess
from best_clip import Clip
from best_generator import Generator
from best_options import Options
from best_training import Training
from torch_common import about, leaf_gradient, load, numbers, settle, weights
from work import Work


def make(args):
    settle(args)
    options = Options.parse(args.variant)
    torch.set_flush_denormal(options.denormal)
    inputs = load(args.inputs, "inputs.safetensors")
    note = str(options)
    if args.work == "train-step":
        training = Training(args, options)
        return Work(training.step, training.results, about(), note)
    if args.work.startswith("generator"):
        net, leaf, name = Generator(weights(args.generator, "generator.safetensors"), options), inputs["w"], "image"
    else:
        clip = Clip(weights(args.clip, "clip-half.safetensors"), options)
        net, leaf, name = clip.images, inputs["pixels"], "image_features"
        if args.work == "clip-texts":
            net, leaf, name = clip.encode_text, inputs["ids_target"], "text_features"
    if args.work.endswith("gradient"):
        gradient = "grad_w" if args.work.startswith("generator") else "grad_pixels"
        return Work(lambda: leaf_gradient(leaf, net), lambda: numbers(**{gradient: leaf_gradient(leaf, net)}), about(), note)

    @torch.inference_mode()
    def run():
        return net(leaf)
    return Work(run, lambda: numbers(**{name: run()}), about(), note)


def embed_cold(args):
    """Embeds one picture and one text without compilation, which a cold start could not pay back. The weights become float32
    while they are read."""
    settle(args)
    options = Options(compile=False)
    p = weights(args.clip, "clip-half.safetensors")
    clip = Clip(p, options)
    inputs = load(args.inputs, "inputs.safetensors")
    with torch.inference_mode():
        x = preprocess(load(args.clip, "picture.safetensors")["image"], inputs["pixels"].shape[-1])
        return numbers(image=clip.images(x), text=clip.encode_text(inputs["ids_text"])), about()
