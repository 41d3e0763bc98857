"""Random cases that cover sizes, batches and every setting that changes the mathematics."""

import json

import torch

from . import files, perspective, random_models
from .compare import Case, Model

WORDS = ("face", "green", "lips", "blue hair", "Purple", "eyebrows", "a dog", "CAFÉ", "naïve", "it's", "don't", "12",
         "7th", "3.5", "—", "smiling!", "(old)", "red & white", "&amp;", "x", "hat", "shirt", "glasses", "été", "ß")


def prompt(draw):
    letters = "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(draw.integer(1, 7)))
    words = [draw.choice(WORDS) for _ in range(draw.integer(1, 4))]
    words.insert(draw.integer(0, len(words)), letters)
    return " ".join(words)


def points(draw, size, copies, steps=None):
    """Start and end points of random perspectives, (copies,2,4,2), or with `steps` in front."""
    drawn = torch.stack([torch.stack(perspective.draw(size, size, draw.generator))
                         for _ in range(copies * (steps or 1))]).float()
    return drawn.reshape(steps, copies, 2, 4, 2) if steps else drawn


class Cases:
    """`draw` is the source of all random numbers; the files of networks are written into `folder`."""

    def __init__(self, draw, folder):
        self.draw, self.folder, self.count = draw, folder, 0

    def _write(self, kind, state, metadata):
        self.count += 1
        path = self.folder / f"{kind}{self.count}.safetensors"
        files.save(path, state, metadata)
        return path

    def generator(self, size, **how):
        return self._write("generator", *random_models.generator(self.draw, size, **how))

    def clip(self, patch=None, grid=None, gelu=False, outputs=512):
        d = self.draw
        return self._write("clip", *random_models.clip_network(
            d, patch or d.choice([8, 14, 16]), grid or d.integer(3, 5), 64 * d.integer(1, 2), d.integer(1, 3),
            64 * d.integer(1, 2), d.integer(1, 3), outputs, gelu))

    def mapper(self, latents, **how):
        return self._write("mapper", *random_models.mapper_network(self.draw, latents, **how))

    def identity(self):
        return self._write("identity", *random_models.identity_network(self.draw))

    def encoder(self, *how, **more):
        return self._write("encoder", *random_models.encoder_network(self.draw, *how, **more))

    def vgg(self):
        return self._write("vgg", *random_models.perceptual_network(self.draw))

    # ---- one case of a group, for given networks ----

    def of_generator(self, model, title, batch, noise=True):
        net, d = model.nets(torch.float32).generator, self.draw
        return Case("generator", title, model,
                    {"wplus": d.uniform((batch, net.latents, net.style_dim)),
                     "probe": d.uniform((batch, 3, net.size, net.size))}, {"noise": int(noise)}, net.size <= 512)

    def of_mapping(self, model, title):
        net, d = model.nets(torch.float32).generator, self.draw
        inputs = net.style[1].weight.shape[1]
        return Case("mapping", title, model, {"z": d.normal((d.integer(2, 4), inputs))},
                    {"truncation": round(float(d.uniform((), 0.5, 0.7)), 3),
                     "crossover": d.integer(1, net.latents - 1)})

    def of_clip(self, model, title, batch):
        net, d = model.nets(torch.float32).clip, self.draw
        size, features = net.visual.size, net.text_projection.shape[1]
        return Case("clip", title, model, {"pixels": 1.5 * d.smooth((batch, 3, size, size)),
                                           "probe": d.uniform((batch, features))})

    def of_texts(self, model, title, count=5):
        return Case("texts", title, model, {}, {"texts": json.dumps([prompt(self.draw) for _ in range(count)])})

    def of_preprocess(self, model, title, shape, antialias):
        net, d = model.nets(torch.float32).clip, self.draw
        size = net.visual.size
        return Case("preprocess", title, model, {"picture": d.smooth(shape),
                                                 "probe": d.uniform((shape[0], 3, size, size))},
                    {"antialias": int(antialias)})

    def of_perspective(self, title, batch, size, copies):
        d = self.draw
        return Case("perspective", title, Model(), {"picture": d.smooth((batch, 3, size, size)),
                                                    "points": points(d, size, copies),
                                                    "probe": d.uniform((copies * batch, 3, size, size))})

    def of_loss(self, group, model, title, batch, size):
        d, shape = self.draw, (batch, 3, size, size)
        return Case(group, title, model, {"x_hat": d.smooth(shape), "x": d.smooth(shape)})

    def of_encoder(self, title, kind, size, iterations=5, **how):
        latents, width, d = 2 * size.bit_length() - 4, 24, self.draw
        model = Model(self.generator(size, most=8, dim=width), encoder=self.encoder(kind, latents, width, **how))
        return Case("encoder", f"{kind}, {title}", model, {"picture": d.smooth((1, 3, size, size))},
                    {"iterations": iterations})

    def of_space(self, model, title, kind, **settings):
        net, d = model.nets(torch.float32).generator, self.draw
        w = d.uniform((1, net.latents, net.style_dim))
        if kind == "style":
            deltas = [d.uniform(s.shape) for s in net.styles(w)]
        elif kind == "faces":
            deltas = [d.uniform((1, 1 if settings.get("shared_layers") else net.latents, 512))]
        else:
            deltas = [d.uniform(w.shape)]
        return Case("space", title, model, {"w": w, "probe": d.uniform((1, 3, net.size, net.size)),
                                            **{f"delta.{i}": delta for i, delta in enumerate(deltas)}},
                    {"space": kind, "strength": round(float(d.uniform((), 0.8, 0.4)), 3), **settings})

    def of_mapper(self, model, title, latents, batch, dim=512, inputs=512, strength=1):
        d = self.draw
        return Case("mapper", title, model, {"w": d.uniform((batch, latents, dim)),
                                             "text_feature": d.uniform((1, inputs), reach=0.7),
                                             "probe": d.uniform((batch, latents, dim))}, {"strength": strength})

    def of_nce(self, model, title, batch, size, **settings):
        d, copies = self.draw, settings.get("copies", 8)
        source = d.smooth((batch, 3, size, size))
        inputs = {"source": source, "target": (0.6 * source + 0.4 * d.smooth(source.shape))}
        if copies:
            inputs["points"] = points(d, size, copies)
        return Case("nce", title, model, inputs, {"source_text": "face", "target_text": prompt(d), **settings})

    def of_optimizer(self, kind, lr, steps=13):
        d, shapes = self.draw, ((7,), (5, 6), (4, 3, 3, 3))
        inputs = {f"param.{i}": d.uniform(shape) for i, shape in enumerate(shapes)}
        inputs.update({f"grad.{k}.{i}": d.uniform(shape, 0.2, 10.0 ** d.integer(-4, 0))
                       for k in range(1, steps + 1) for i, shape in enumerate(shapes)})
        return Case("optimizer", f"{kind}, lr {lr}", Model(), inputs,
                    {"optimizer": kind, "lr": lr, "steps": steps, "params": len(shapes)})

    def of_training(self, model, title, batch, steps, **settings):
        net, d, copies = model.nets(torch.float32).generator, self.draw, settings.get("copies", 8)
        inputs = {"latents": d.uniform((steps * batch, net.latents, net.style_dim))}
        if copies:
            inputs["points"] = points(d, net.size, copies, steps)
        return Case("train", title, model, inputs,
                    {"source_text": "face", "target_text": prompt(d), "batch": batch, "steps": steps, **settings},
                    net.size <= 512)

    # ---- all of them ----

    def random(self, full=False):
        """Yields the cases over random networks. Each writes its networks only when its turn comes."""
        yield from self._generators(full)
        yield from self._clips()
        yield from self._pictures(full)
        yield from self._mappers()
        yield from self._losses()
        yield from self._encoders()
        for kind, lr in (("ranger", 0.5), ("ranger", 50), ("adam", 0.01), ("adam", 0.5)):
            yield self.of_optimizer(kind, lr)
        yield from self._nces()
        yield from self._trainings(full)

    def _generators(self, full):
        for size, batch, noise in ((32, 3, True), (64, 2, False), (128, 3, True), (256, 2, True), (512, 1, True)):
            model = Model(self.generator(size))
            title = f"{size} pixels, batch {batch}, {'fixed' if noise else 'no'} noise"
            yield self.of_generator(model, title, batch, noise)
        published = [(32, 2)] + ([(256, 1), (512, 1)] if full else [])
        for size, batch in published:
            model = Model(self.generator(size, full=True))
            yield self.of_generator(model, f"{size} pixels, batch {batch}, published channels", batch)
        model = Model(self.generator(64))
        yield self.of_mapping(model, "truncation and mixing")
        last = self.draw.integer(4, 8)
        for kind, settings in (("wplus", {"first_layer": 2, "last_layer": last}), ("style", {"first_layer": 1}),
                               ("style", {"edit_rgb": 0}), ("faces", {}), ("faces", {"shared_layers": 1})):
            words = "".join(f", {name} {value}" for name, value in settings.items())
            yield self.of_space(model, f"--space {kind}{words}", kind, **settings)

    def _clips(self):
        for gelu in (False, True):
            for batch in (1, 3):
                model = Model(clip=self.clip(gelu=gelu, outputs=self.draw.choice([64, 512, 768])))
                size = model.nets(torch.float32).clip.visual.size
                name = "GELU" if gelu else "QuickGELU"
                yield self.of_clip(model, f"{size} pixels, batch {batch}, {name}", batch)
                yield self.of_texts(model, f"random sentences, {name}")

    def _pictures(self, full):
        for size in (32, 64, 128, 256, 512):
            for antialias in (False, True):
                model = Model(clip=self.clip(patch=self.draw.choice([14, 16, 32]), grid=self.draw.integer(2, 7)))
                to, batch = model.nets(torch.float32).clip.visual.size, self.draw.integer(1, 3)
                other = size + (self.draw.integer(1, 40) if antialias else 0)
                yield self.of_preprocess(model, f"{size} x {other} to {to}, batch {batch}" + ", antialias" * antialias,
                                         (batch, 3, size, other), antialias)
        for size, batch, copies in ((32, 3, 8), (64, 2, 3), (128, 1, 8), (256, 2, 2), (512, 1, 8 if full else 1)):
            yield self.of_perspective(f"{size} pixels, batch {batch}, {copies} copies", batch, size, copies)

    def _mappers(self):
        levels = ("course", "medium", "fine")
        for latents in (8, 10, 12, 14, 16):
            batch = self.draw.integer(1, 3)
            model = Model(mapper=self.mapper(latents))
            yield self.of_mapper(model, f"{latents} latents, batch {batch}", latents, batch)
        for off in levels:
            kept = tuple(name for name in levels if name != off)
            model = Model(mapper=self.mapper(14, levels=kept))
            yield self.of_mapper(model, f"14 latents, batch 2, no {off} level", 14, 2)
        how = {"dim": 96, "inputs": 160}
        for title, extra in (("type single", {"single": True}), ("without text", {"text": False}),
                             ("narrow", {}), ("single, without text", {"single": True, "text": False})):
            model = Model(mapper=self.mapper(10, **how, **extra))
            yield self.of_mapper(model, f"10 latents, batch 3, {title}, strength 0.7", 10, 3, **how, strength=0.7)

    def _losses(self):
        for size, batch in ((64, 3), (256, 1), (512, 1)):
            yield self.of_loss("identity", Model(identity=self.identity()), f"{size} pixels, batch {batch}", batch,
                               size)
        for size, batch in ((64, 3), (128, 1)):
            yield self.of_loss("perceptual", Model(vgg=self.vgg()), f"{size} pixels, batch {batch}", batch, size)

    def _encoders(self):
        plain, w, plus = "Encoder4Editing", "BackboneEncoderUsingLastLayerIntoW", "BackboneEncoderUsingLastLayerIntoWPlus"
        yield self.of_encoder("256 pixels", plain, 256, rows=14)
        yield self.of_encoder("512 pixels", "GradualStyleEncoder", 512)
        yield self.of_encoder("256 pixels, average not added", "GradualStyleEncoder", 256, added=False)
        yield self.of_encoder("average of one row", w, 256, rows=1)
        yield self.of_encoder("average not added", w, 256, added=False)
        yield self.of_encoder("average of all layers", "SingleStyleCodeEncoder", 256, rows=14)
        yield self.of_encoder("256 pixels", plus, 256, rows=14)
        for kind in ("BackboneEncoder", "ProgressiveBackboneEncoder", "GradualStyleEncoder"):
            for size, iterations in ((256, 5), (512, 1)):
                yield self.of_encoder(f"ReStyle, {size} pixels, {iterations} iterations", kind, size, iterations,
                                      pictures=2, rows=2 * size.bit_length() - 4, added=False)

    def _nces(self):
        switches = ({}, {"copies": 0}, {"copies": 3, "templates": 7}, {"use_pos1": 0}, {"use_pos2": 0},
                    {"use_negatives": 0}, {"use_pos2": 0, "use_negatives": 0}, {"temperature": 0.07},
                    {"temperature": 0.5, "templates": 1}, {"antialias": 1}, {"global": 1},
                    {"contrasts": '["face with red lips", "a hat"]', "contrast_lambda": 0.4},
                    {"contrasts": '["red"]', "contrast_lambda": 0.2, "contrast_temperature": 0.1, "global": 1})
        for settings in switches:
            size, batch = self.draw.choice([32, 64, 128]), self.draw.integer(1, 3)
            model = Model(clip=self.clip(gelu=self.draw.choice([False, True])))
            words = ", ".join(name if name == "contrasts" else f"{name} {value}"
                              for name, value in settings.items()) or "published settings"
            yield self.of_nce(model, f"batch {batch}, {size} pixels, {words}", batch, size, **settings)

    def _trainings(self, full):
        levels = ("course", "medium", "fine")
        runs = [
            ("published settings without identity", 32, 2, 7, {}, {}),
            ("identity and perceptual loss", 64, 1, 2, {"id_lambda": 0.2, "perc_lambda": 0.02}, {}),
            ("Adam, no medium level", 32, 3, 3, {"optimizer": "adam", "lr": 0.01},
             {"levels": (levels[0], levels[2])}),
            ("type single, temperature 0.2, antialias", 64, 2, 2, {"temperature": 0.2, "antialias": 1},
             {"single": True}),
            ("without text, other lambdas", 32, 2, 2, {"nce_lambda": 0.7, "latent_l2_lambda": 0.1},
             {"text": False}),
            ("no positive 1, 3 copies, 20 templates", 32, 1, 2, {"use_pos1": 0, "copies": 3, "templates": 20}, {}),
            ("no positive 2", 32, 2, 2, {"use_pos2": 0}, {}),
            ("no negatives", 32, 2, 2, {"use_negatives": 0}, {}),
            ("nothing but L2 and identity", 32, 2, 2, {"nce_lambda": 0, "id_lambda": 0.3}, {}),
            ("lr 50: the weights move", 32, 2, 4, {"lr": 50}, {}),
            ("128 pixels", 128, 2, 2, {}, {}),
            ("256 pixels", 256, 1, 1, {}, {}),
        ]
        if full:
            runs.append(("512 pixels", 512, 1, 1, {}, {}))
        for title, size, batch, steps, settings, how in runs:
            generator, clip = self.generator(size), self.clip(gelu=self.draw.choice([False, True]))
            latents = 2 * size.bit_length() - 4
            model = Model(generator, clip, self.mapper(latents, **how),
                          self.identity() if settings.get("id_lambda") else None,
                          self.vgg() if settings.get("perc_lambda") else None)
            yield self.of_training(model, f"{size} px, batch {batch}, {steps} steps: {title}", batch, steps, **settings)

    def given(self, model):
        """Yields the cases over the networks of a user; `model` may lack some of them."""
        nets, size = model.nets(torch.float32), 256
        if nets.generator:
            size = nets.generator.size
            yield self.of_generator(model, f"{size} pixels, batch 1", 1)
            if size <= 256:
                yield self.of_generator(model, f"{size} pixels, batch 2, no noise", 2, noise=False)
            yield self.of_mapping(model, "truncation and mixing")
        if nets.clip:
            yield self.of_clip(model, f"{nets.clip.visual.size} pixels, batch 2", 2)
            yield self.of_texts(model, "random sentences", 8)
            for antialias in (False, True):
                yield self.of_preprocess(model, f"{size} pixels" + ", antialias" * antialias, (1, 3, size, size),
                                         antialias)
        yield self.of_perspective(f"{size} pixels, 2 copies", 1, size, 2)
        for name in ("identity", "vgg"):
            if getattr(nets, name):
                yield self.of_loss("perceptual" if name == "vgg" else name, model, f"{size} pixels", 1, size)
        if nets.clip:
            for settings in ({}, {"use_negatives": 0, "copies": 2}, {"temperature": 0.2, "antialias": 1, "copies": 0}):
                words = ", ".join(f"{key} {value}" for key, value in settings.items()) or "published settings"
                yield self.of_nce(model, words, 2, min(size, 256), **settings)
        if nets.generator and nets.clip:
            outputs = nets.clip.text_projection.shape[1]
            if not model.mapper:
                model = Model(model.generator, model.clip, self.mapper(
                    nets.generator.latents, dim=nets.generator.style_dim, inputs=outputs), model.identity, model.vgg,
                    model.bpe)
            yield self.of_mapper(model, "its mapper, or a random one", nets.generator.latents, 2,
                                 nets.generator.style_dim, outputs)
            lambdas = {**({"id_lambda": 0.2} if model.identity else {}), **({"perc_lambda": 0.01} if model.vgg else {})}
            yield self.of_training(model, "one step, published settings", 1, 1, **lambdas)
