"""The comparison through the program: what `generate`, `embed`, `apply` and `train` write as float32 (--dump, --log, the
trained mapper), and the list that `tokenize` prints."""

import copy
import json
import subprocess

import torch

from . import files, mapper, quantities
from .cases import points, prompt
from .compare import Model, distance, jittered

FLAGS = {"use_pos1": "--no-positive-1", "use_pos2": "--no-positive-2", "use_negatives": "--no-negatives"}


class Program:
    def __init__(self, comparison, cases, path):
        self.comparison, self.cases, self.path = comparison, cases, path
        self.input, self.dump = (cases.folder / name for name in ("cli-input.safetensors", "cli-dump.safetensors"))

    def __call__(self, command, model, *options):
        """Runs the command and returns the text that it prints."""
        networks = {"generate": ("generator",), "embed": ("clip", "bpe"), "tokenize": ("clip", "bpe"),
                    "apply": ("generator", "clip", "bpe"),
                    "train": ("generator", "clip", "bpe", "identity", "vgg")}[command]
        files_ = [text for name in networks if getattr(model, name)
                  for text in (f"--{name}", str(getattr(model, name)))]
        if command != "tokenize":  # the files of the previous case serve again
            files_.append("--overwrite")
        run = subprocess.run([self.path, command, "--quiet", *files_, *map(str, options)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        if run.returncode:
            raise SystemExit(run.stderr.strip())
        return run.stdout

    def compare(self, command, title, got, compute):
        """Compares the results of a command with compute(dtype), which returns {name: tensor}."""
        def detached(dtype, jitter=None):
            return compute(dtype, jitter) if command == "train" else compute(dtype)
        self.comparison.judge("cfedit", f"{command} {title}", got, detached, command)


def generate(program, model):
    draw = program.cases.draw
    net = model.nets(torch.float32).generator
    wplus, psi = draw.uniform((2, net.latents, net.style_dim)), round(float(draw.uniform((), 0.5, 0.4)), 3)
    z = draw.normal((3, net.style[1].weight.shape[1]))
    files.save(program.input, {"latents": wplus, "z": z})
    program("generate", model, "--latents", program.input, "--dump", program.dump)
    got = files.load(program.dump)[0]
    program.compare("generate", "--latents", got,
                    lambda dtype: {"image": model.nets(dtype).generator(wplus.to(dtype)), "latents": wplus})

    def mapped(dtype):
        net = model.nets(dtype).generator
        w = net.truncate(net.mapping(z.to(dtype)), psi).unsqueeze(1).repeat(1, net.latents, 1)
        return {"latents": w, "image": net(w)}
    program("generate", model, "--z", program.input, "--truncation", psi, "--dump", program.dump)
    program.compare("generate", f"--z --truncation {psi}", files.load(program.dump)[0], mapped)


def embed(program, model):
    draw = program.cases.draw
    size = draw.choice([32, 96, 200])
    sentences, picture = [prompt(draw) for _ in range(3)], draw.smooth((2, 3, size, size + 9))
    files.save(program.input, {"image": picture})
    words = [text for sentence in sentences for text in ("--text", sentence)]
    for resize in ("published", "antialias"):
        program("embed", model, "--pixels", program.input, "--resize", resize, "--dump", program.dump, *words)

        def features(dtype, antialias=resize == "antialias"):
            nets = model.nets(dtype)
            pixels = quantities.clip.preprocess(picture.to(dtype), nets.clip.visual.size, antialias)
            return {"text": nets.clip.encode_text(nets.tokenizer.tokens(sentences, nets.clip.context)),
                    "image": nets.clip.encode_image(pixels)}
        program.compare("embed", f"--pixels {size} x {size + 9} --resize {resize}", files.load(program.dump)[0],
                        features)
    printed = json.loads(program("tokenize", model, "--", *sentences))
    expected = [model.nets(torch.float32).tokenizer.encode(sentence) for sentence in sentences]
    got, want = ({f"text {i}": torch.tensor(ids).double() for i, ids in enumerate(lists)}
                 for lists in (printed, expected))
    program.comparison.tell("cfedit", "tokenize", {name: (distance(got[name], want[name]), 0.0) for name in want})


def apply(program, model):
    draw, net = program.cases.draw, model.nets(torch.float32).generator
    wplus, target = draw.uniform((2, net.latents, net.style_dim)), prompt(draw)
    strength = round(float(draw.uniform((), 1, 0.5)), 3)
    files.save(program.input, {"latents": wplus})
    program("apply", model, "--mapper", model.mapper, "--target", target, "--strength", strength,
            "--latents", program.input, "--dump", program.dump)

    def edited(dtype):
        nets, w = model.nets(dtype), wplus.to(dtype)
        feature = nets.clip.encode_text(nets.tokenizer.tokens([target], nets.clip.context))
        w_hat = w + mapper.RESIDUAL * strength * nets.mapper.residual(w, feature)
        return {"latents": w_hat, "image": nets.generator(w_hat), "source": nets.generator(w),
                "source_latents": w}
    program.compare("apply", f"--strength {strength}", files.load(program.dump)[0], edited)


def train(program, model, title, settings, options, w_space=False):
    """`settings` are named as method_dump reads them; `options` are the matching options of the command line."""
    draw, net = program.cases.draw, model.nets(torch.float32).generator
    steps, batch = settings["steps"], settings["batch"]
    shape = (steps * batch, net.style_dim) if w_space else (steps * batch, net.latents, net.style_dim)
    inputs = {"latents": draw.uniform(shape), "points": points(draw, net.size, settings.get("copies", 8), steps)}
    files.save(program.input, {"latents": inputs["latents"], "perspective.points": inputs["points"]})
    log, trained = program.cases.folder / "log.jsonl", program.cases.folder / "trained.safetensors"
    log.unlink(missing_ok=True)
    program("train", model, "--init", model.mapper, "--source", settings["source_text"], "--target",
            settings["target_text"], "--latents", program.input, "--no-shuffle", "--perspective", program.input,
            "--steps", steps, "--batch", batch, "--id-lambda", settings.get("id_lambda", 0), "--image-interval", 0,
            "--val-interval", 0, "--save-interval", 0, "--log", log, "-o", trained, *options)

    got = {f"{name}.step.{row['step']}": torch.tensor(row[name]) for row in map(json.loads, log.open())
           for name in row if name.startswith("loss") and row[name] is not None}
    got.update({f"param.step.{steps}.{name}": value for name, value in files.load(trained)[0].items()
                if name.startswith(("mapper.", "text_mapper."))})

    assert any(name.startswith("param") for name in got) and f"loss.step.{steps}" in got

    def wanted(dtype, jitter):
        nets = model.nets(dtype)
        results = quantities.train(jittered(nets, jitter) if jitter else nets,
                                   {name: value.to(dtype) for name, value in inputs.items()}, settings)
        return {name: value for name, value in quantities.movement(results, nets.mapper).items() if name in got}
    got = quantities.movement(got, model.nets(torch.float32).mapper)
    program.compare("train", title, got, wanted)


def run(comparison, cases, path, given):
    """Runs all cases, with the networks in `given` in place of random ones."""
    program = Program(comparison, cases, path)
    model = given
    if not model or not model.generator or not model.clip:
        model = Model(cases.generator(64), cases.clip(gelu=True), identity=cases.identity(), vgg=cases.vgg())
    net = model.nets(torch.float32)
    if not model.mapper:
        model = copy.copy(model)
        model.mapper = cases.mapper(net.generator.latents, dim=net.generator.style_dim,
                                    inputs=net.clip.text_projection.shape[1])
        model._nets = {}
    generate(program, model)
    embed(program, model)
    apply(program, model)
    texts = {"source_text": "face", "target_text": prompt(cases.draw)}
    large = net.generator.size > 256
    train(program, model, "published settings",
          {**texts, "steps": 1 if large else 3, "batch": 1 if large else 2,
           **({"id_lambda": 0.2} if model.identity else {})}, [])
    if large:
        return
    train(program, model, "--w-space --optimizer adam --lr 0.01",
          {**texts, "steps": 2, "batch": 2, "optimizer": "adam", "lr": 0.01},
          ["--w-space", "--optimizer", "adam", "--lr", 0.01], w_space=True)
    switch = cases.draw.choice(list(FLAGS))
    train(program, model, f"{FLAGS[switch]} --resize antialias --temperature 0.3 --copies 2 --templates 5",
          {**texts, "steps": 2, "batch": 1, switch: 0, "antialias": 1, "temperature": 0.3, "copies": 2, "templates": 5,
           "perc_lambda": 0.01 if model.vgg else 0, "nce_lambda": 0.6, "latent_l2_lambda": 0.2},
          [FLAGS[switch], "--resize", "antialias", "--temperature", 0.3, "--copies", 2, "--templates", 5,
           "--nce-lambda", 0.6, "--latent-l2-lambda", 0.2, "--perc-lambda", 0.01 if model.vgg else 0])
