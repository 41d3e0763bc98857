"""What build/method_dump computes (tests/parity/method_dump*.c), in PyTorch: one function a group, the same inputs, the
same names of results. Inputs and networks come in the precision in which all is computed."""

import copy
import json

import torch

from . import clip, irse50, losses, mapper, perspective, templates, vgg19
from .ranger import Ranger
from .train_step import Networks, Options, Texts, edit, objective


def flag(settings, key, fallback):
    return float(settings.get(key, fallback)) > 0


def number(settings, key, fallback):
    return float(settings.get(key, fallback))


def leaf(x):
    return x.detach().clone().requires_grad_()


def gradient(x):
    return torch.zeros_like(x) if x.grad is None else x.grad


def coefficients(points, like):
    """(copies,2,4,2) start and end points -> (copies,8). Solved in float64, as the C code does."""
    return torch.stack([perspective.coefficients(start, end) for start, end in points.double()]).to(like.dtype)


def generator(nets, inputs, settings):
    noise = flag(settings, "noise", 1)
    wplus = leaf(inputs["wplus"])
    image = nets.generator(wplus, noise)
    (image * inputs["probe"]).sum().backward()
    styles = [leaf(s) for s in nets.generator.styles(inputs["wplus"])]
    again = nets.generator.synthesis_styles(styles, noise)
    (again * inputs["probe"]).sum().backward()
    results = {"image": image, "grad.wplus": wplus.grad, "image_of_styles": again}
    for i, style in enumerate(styles):
        results[f"style.{i:02d}"] = style
        results[f"grad.style.{i:02d}"] = style.grad
    return results


def mapping(nets, inputs, settings):
    net, crossover = nets.generator, int(number(settings, "crossover", 1))
    w = net.mapping(inputs["z"])
    truncated = net.truncate(w, number(settings, "truncation", 0.7))
    wplus = truncated.unsqueeze(1).repeat(1, net.latents, 1)
    mixed = torch.cat([wplus[:, :crossover], wplus.roll(-1, 0)[:, crossover:]], dim=1)
    return {"w": w, "truncated": truncated, "mixed": mixed}


def clip_features(nets, inputs, settings):
    pixels = leaf(inputs["pixels"])
    features = nets.clip.encode_image(pixels)
    (features * inputs["probe"]).sum().backward()
    return {"features": features, "grad.pixels": pixels.grad}


def texts(nets, inputs, settings):
    ids = nets.tokenizer.tokens(json.loads(settings["texts"]), nets.clip.context)
    return {"ids": ids, "features": nets.clip.encode_text(ids)}


def preprocess(nets, inputs, settings):
    picture = leaf(inputs["picture"])
    pixels = clip.preprocess(picture, nets.clip.visual.size, flag(settings, "antialias", 0))
    (pixels * inputs["probe"]).sum().backward()
    return {"pixels": pixels, "grad.picture": picture.grad}


def warped(nets, inputs, settings):
    picture = leaf(inputs["picture"])
    coeffs = coefficients(inputs["points"], picture)
    output = torch.cat([perspective.warp(picture, c) for c in coeffs])
    (output * inputs["probe"]).sum().backward()
    return {"coefficients": coeffs, "warped": output, "grad.picture": picture.grad}


def identity(nets, inputs, settings):
    x_hat = leaf(inputs["x_hat"])
    loss = losses.identity(nets.identity, x_hat, inputs["x"])
    loss.backward()
    return {"features": nets.identity(irse50.face(inputs["x_hat"])), "loss": loss, "grad.x_hat": x_hat.grad}


def encoder(nets, inputs, settings):
    return {"latents": nets.encoder(nets.generator, inputs["picture"], int(number(settings, "iterations", 5)))}


def perceptual(nets, inputs, settings):
    x_hat = leaf(inputs["x_hat"])
    loss = losses.perceptual(nets.vgg, x_hat, inputs["x"])
    loss.backward()
    maps = dict(zip(vgg19.names(), nets.vgg(inputs["x_hat"], vgg19.names())))
    return {**maps, "loss": loss, "grad.x_hat": x_hat.grad}


def space(nets, inputs, settings, measured):
    """`measured`: units and faces as the C code gives them, which draws its own random faces for them."""
    net, kind, strength = nets.generator, settings["space"], number(settings, "strength", 1)
    base = net.styles(inputs["w"]) if kind == "style" else [inputs["w"]]
    deltas = [leaf(inputs[f"delta.{i}"]) for i in range(len(base))]
    code = []
    for i, delta in enumerate(deltas):
        step = strength * delta
        if kind == "faces":
            step = step @ measured["faces"]
        code.append(base[i] + step * measured[f"unit.{i}"])
    image = net.synthesis_styles(code) if kind == "style" else net(code[0])
    (image * inputs["probe"]).sum().backward()
    results = {"image": image}
    for i, delta in enumerate(deltas):
        results[f"code.{i}"] = code[i]
        results[f"grad.delta.{i}"] = gradient(delta)
    return results


def mapped(nets, inputs, settings):
    w, net = leaf(inputs["w"]), nets.mapper
    net.zero_grad()
    feature = inputs["text_feature"]
    w_hat = w + mapper.RESIDUAL * number(settings, "strength", 1) * net.residual(w, feature)
    (w_hat * inputs["probe"]).sum().backward()
    results = {"w_hat": w_hat, "grad.w": w.grad}
    if net.text_mapper is not None:
        results["t_w"] = net.text(feature, 1)
    results.update({f"grad.{name}": gradient(p) for name, p in net.named_parameters()})
    return results


def _nce_options(settings):
    return losses.NCEOptions(temperature=number(settings, "temperature", losses.TEMPERATURE),
                             templates=int(number(settings, "templates", 79)),
                             use_pos1=flag(settings, "use_pos1", 1), use_pos2=flag(settings, "use_pos2", 1),
                             use_negatives=flag(settings, "use_negatives", 1),
                             antialias=flag(settings, "antialias", 0))


def _token_sets(nets, settings):
    def tokens(sentences):
        return nets.tokenizer.tokens(sentences, nets.clip.context)
    source, target = settings.get("source_text", "face"), settings["target_text"]
    return Texts(tokens([target]), tokens(templates.fill(source)), tokens(templates.fill(target)))


def nce(nets, inputs, settings):
    term, sets = losses.ClipNCE(nets.clip, _nce_options(settings)), _token_sets(nets, settings)
    copies = int(number(settings, "copies", 8))
    target = leaf(inputs["target"])
    edited, source = target, inputs["source"]
    if copies:
        edited = torch.cat([perspective.warp(target, c) for c in coefficients(inputs["points"], target)])
        source = source.repeat(copies, 1, 1, 1)
    parts = term.parts(source, sets.source, edited, sets.target)
    parts["source_features"] = parts["source_features"][:len(inputs["source"])]
    loss = parts["loss"]
    if flag(settings, "global", 0):
        plain = losses.unit(nets.clip.encode_text(sets.description))
        loss = (1 - (parts["target_features"] * plain).sum(dim=-1)).mean()
        for name in ("query", "positive", "negatives", "rows"):
            parts.pop(name, None)
    contrasts = json.loads(settings.get("contrasts", "[]"))
    if contrasts:
        def mean(sentence):
            ids = nets.tokenizer.tokens(templates.fill(sentence), nets.clip.context)
            return term.text_features(ids).mean(dim=0, keepdim=True)
        rows = parts["target_features"]
        others = torch.cat([mean(sentence) for sentence in contrasts])
        wanted = term.text_features(sets.target).mean(dim=0, keepdim=True).repeat(len(rows), 1)
        contrast = losses.info_nce(rows, wanted, others, number(settings, "contrast_temperature", 0.05))
        loss = loss + number(settings, "contrast_lambda", 0) * contrast.mean()
    loss.backward()
    return {**parts, "loss": loss, "grad.target": target.grad}


def make_optimizer(settings, parameters, lr=0.5):
    kind = torch.optim.Adam if settings.get("optimizer") == "adam" else Ranger
    return kind(parameters, lr=number(settings, "lr", lr))


def optimizer(nets, inputs, settings):
    count, results = int(settings["params"]), {}
    params = [leaf(inputs[f"param.{i}"]) for i in range(count)]
    steps = make_optimizer(settings, params)
    for k in range(1, int(settings["steps"]) + 1):
        for i, p in enumerate(params):
            p.grad = inputs[f"grad.{k}.{i}"].clone()
        steps.step()
        results.update({f"step.{k}.{i}": p.detach().clone() for i, p in enumerate(params)})
    return results


def train(nets, inputs, settings):
    options = Options(number(settings, "id_lambda", 0), number(settings, "perc_lambda", 0),
                      number(settings, "nce_lambda", 0.3), number(settings, "latent_l2_lambda", 0.8),
                      int(number(settings, "copies", 8)), _nce_options(settings))
    sets, batch = _token_sets(nets, settings), int(number(settings, "batch", 2))
    model = Networks(nets.generator, nets.clip, copy.deepcopy(nets.mapper), nets.identity, nets.vgg)
    steps, results = make_optimizer(settings, model.mapper.parameters()), {}
    for k in range(int(number(settings, "steps", 1))):
        w = inputs["latents"][k * batch:(k + 1) * batch]
        if w.ndim == 2:
            w = w.unsqueeze(1).repeat(1, nets.generator.latents, 1)
        coeffs = coefficients(inputs["points"][k], w) if options.copies else []
        steps.zero_grad()
        w_hat, x, x_hat = edit(model, sets, w)
        terms = objective(model, options, sets, w, x, w_hat, x_hat, coeffs)
        terms["loss"].backward()
        results.update({f"{name}.step.{k + 1}": value.detach() for name, value in terms.items()})
        results.update({f"w_hat.step.{k + 1}": w_hat.detach(), f"x_hat.step.{k + 1}": x_hat.detach()})
        results.update({f"grad.step.{k + 1}.{name}": gradient(p).clone()
                        for name, p in model.mapper.named_parameters()})
        steps.step()
        results.update({f"param.step.{k + 1}.{name}": p.detach().clone()
                        for name, p in model.mapper.named_parameters()})
    return results


def movement(results, mapper_net):
    """The results of a training with each weight's way since the start, "delta.step.K.NAME", in its place: a step is
    small beside the weight, so that comparing weights would say nothing."""
    start = dict(mapper_net.named_parameters())
    moved = {}
    for name, value in results.items():
        if name.startswith("param.step."):
            parameter = name.split(".", 3)[3]
            moved["delta" + name[len("param"):]] = value.double() - start[parameter].detach().double()
        else:
            moved[name] = value
    return moved


GROUPS = {"generator": generator, "mapping": mapping, "clip": clip_features, "texts": texts,
          "preprocess": preprocess, "perspective": warped, "identity": identity, "encoder": encoder, "perceptual": perceptual,
          "space": space, "mapper": mapped, "nce": nce, "optimizer": optimizer, "train": train}
