"""Small networks as dictionaries of arrays: names and layouts of the published checkpoints, at
sizes that a test can afford; and the two StyleGAN2 generators restated in NumPy.

The restatements are written from the published definitions (training/networks.py and
torch_utils/ops of NVlabs/stylegan2-ada-pytorch; model.py of rosinality/stylegan2-pytorch). NVIDIA's
doubling layers are computed in the form of its generic reference path: insert zeros, filter,
convolve; rosinality's as a transposed convolution and a blur. So the two share no step that a wrong
orientation of kernels or filters could hide behind.
"""

import numpy as np


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


# ---- names and shapes ----

def clip_arrays(rng, width=64, layers=2, patch=4, grid=2, embed=32, context=9, vocab=520):
    out = {
        "positional_embedding": normal(rng, context, width),
        "text_projection": normal(rng, width, embed),
        "logit_scale": np.float32(rng.standard_normal()).reshape(()),
        "visual.class_embedding": normal(rng, width),
        "visual.positional_embedding": normal(rng, grid * grid + 1, width),
        "visual.proj": normal(rng, width, embed),
        "visual.conv1.weight": normal(rng, width, 3, patch, patch),
        "token_embedding.weight": normal(rng, vocab, width),
    }
    for name in ("visual.ln_pre", "visual.ln_post", "ln_final"):
        out[name + ".weight"], out[name + ".bias"] = normal(rng, width), normal(rng, width)
    for tower in ("visual.transformer", "transformer"):
        for i in range(layers):
            p = "%s.resblocks.%d." % (tower, i)
            out[p + "attn.in_proj_weight"] = normal(rng, 3 * width, width)
            out[p + "attn.in_proj_bias"] = normal(rng, 3 * width)
            out[p + "attn.out_proj.weight"] = normal(rng, width, width)
            out[p + "attn.out_proj.bias"] = normal(rng, width)
            out[p + "mlp.c_fc.weight"] = normal(rng, 4 * width, width)
            out[p + "mlp.c_fc.bias"] = normal(rng, 4 * width)
            out[p + "mlp.c_proj.weight"] = normal(rng, width, 4 * width)
            out[p + "mlp.c_proj.bias"] = normal(rng, width)
            for name in ("ln_1", "ln_2"):
                out[p + name + ".weight"], out[p + name + ".bias"] = normal(rng, width), normal(rng, width)
    return out


def hugging_face_arrays(openai):
    """The same network under transformers' names."""
    out = {}
    for name, a in openai.items():
        tower = "vision_model" if name.startswith("visual.") else "text_model"
        rest = name[len("visual."):] if name.startswith("visual.") else name
        if rest.startswith("transformer.resblocks."):
            _t, _r, i, rest = rest.split(".", 3)
            p = "%s.encoder.layers.%s." % (tower, i)
            part = rest.rsplit(".", 1)[-1]
            if rest.startswith("attn.in_proj_"):
                part = rest[len("attn.in_proj_"):]
                for letter, piece in zip("qkv", np.split(a, 3)):
                    out["%sself_attn.%s_proj.%s" % (p, letter, part)] = piece
                continue
            new = {"attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
                   "ln_1": "layer_norm1", "ln_2": "layer_norm2"}[rest.rsplit(".", 1)[0]]
            out["%s%s.%s" % (p, new, part)] = a
        else:
            new, flip = {
                "positional_embedding": (tower + ".embeddings.position_embedding.weight", False),
                "token_embedding.weight": (tower + ".embeddings.token_embedding.weight", False),
                "class_embedding": (tower + ".embeddings.class_embedding", False),
                "conv1.weight": (tower + ".embeddings.patch_embedding.weight", False),
                "ln_pre.weight": (tower + ".pre_layrnorm.weight", False),
                "ln_pre.bias": (tower + ".pre_layrnorm.bias", False),
                "ln_post.weight": (tower + ".post_layernorm.weight", False),
                "ln_post.bias": (tower + ".post_layernorm.bias", False),
                "ln_final.weight": (tower + ".final_layer_norm.weight", False),
                "ln_final.bias": (tower + ".final_layer_norm.bias", False),
                "text_projection": ("text_projection.weight", True),
                "proj": ("visual_projection.weight", True),
                "logit_scale": ("logit_scale", False),
            }[rest]
            out[new] = np.ascontiguousarray(a.T) if flip else a
    context = openai["positional_embedding"].shape[0]
    out["text_model.embeddings.position_ids"] = np.arange(context, dtype=np.int64)[None]
    return out


def stylegan2_arrays(rng, channels=(6, 5, 4), width=8, mapping=3):
    """rosinality's names; channels of the maps at 4, 8, 16, ..."""
    out = {}
    for i in range(1, mapping + 1):
        out["style.%d.weight" % i] = 100 * normal(rng, width, width)
        out["style.%d.bias" % i] = 10 * normal(rng, width)
    out["input.input"] = normal(rng, 1, channels[0], 4, 4)
    kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 16

    def conv(prefix, cin, cout, k):
        out[prefix + ".conv.weight"] = normal(rng, 1, cout, cin, k, k)
        out[prefix + ".conv.modulation.weight"] = normal(rng, cin, width)
        out[prefix + ".conv.modulation.bias"] = 1 + normal(rng, cin) / 10

    def styled(prefix, cin, cout, up):
        conv(prefix, cin, cout, 3)
        out[prefix + ".noise.weight"] = normal(rng, 1)
        out[prefix + ".activate.bias"] = normal(rng, cout)
        if up:
            out[prefix + ".conv.blur.kernel"] = kernel

    def rgb(prefix, cin, up):
        conv(prefix, cin, 3, 1)
        out[prefix + ".bias"] = normal(rng, 1, 3, 1, 1)
        if up:
            out[prefix + ".upsample.kernel"] = kernel

    styled("conv1", channels[0], channels[0], False)
    rgb("to_rgb1", channels[0], False)
    for level in range(len(channels) - 1):
        styled("convs.%d" % (2 * level), channels[level], channels[level + 1], True)
        styled("convs.%d" % (2 * level + 1), channels[level + 1], channels[level + 1], False)
        rgb("to_rgbs.%d" % level, channels[level + 1], True)
    for i in range(2 * len(channels) - 1):
        side = 4 << ((i + 1) // 2)
        out["noises.noise_%d" % i] = normal(rng, 1, 1, side, side)
    return out


def mapper_arrays(rng, layers=3, width=8, levels=("course", "medium", "fine"), text=True):
    out = {}

    def stack(prefix):
        for i in range(1, 5):
            out["%s.mapping.%d.weight" % (prefix, i)] = 100 * normal(rng, width, width)
            out["%s.mapping.%d.bias" % (prefix, i)] = normal(rng, width)

    if text:
        out["mapper.fc.weight"] = 100 * normal(rng, width, 2 * width)
        out["mapper.fc.bias"] = normal(rng, width)
    for level in levels:
        stack("mapper.%s_mapping" % level)
    for i in range(layers if text else 0):
        stack("text_mapper.mapper_%d" % i)
    return out


def backbone_arrays(rng, prefix="", units=((4, 4), (4, 8), (8, 8)), inputs=3):
    out = {}

    def norm(name, c):
        for part in ("weight", "bias", "running_mean"):
            out["%s.%s" % (name, part)] = normal(rng, c)
        out[name + ".running_var"] = np.abs(normal(rng, c))
        out[name + ".num_batches_tracked"] = np.array(7, np.int64)

    out[prefix + "input_layer.0.weight"] = normal(rng, units[0][0], inputs, 3, 3)
    norm(prefix + "input_layer.1", units[0][0])
    out[prefix + "input_layer.2.weight"] = normal(rng, units[0][0])
    for i, (cin, cout) in enumerate(units):
        p = "%sbody.%d." % (prefix, i)
        if cin != cout:
            out[p + "shortcut_layer.0.weight"] = normal(rng, cout, cin, 1, 1)
            norm(p + "shortcut_layer.1", cout)
        norm(p + "res_layer.0", cin)
        out[p + "res_layer.1.weight"] = normal(rng, cout, cin, 3, 3)
        out[p + "res_layer.2.weight"] = normal(rng, cout)
        out[p + "res_layer.3.weight"] = normal(rng, cout, cout, 3, 3)
        norm(p + "res_layer.4", cout)
        out[p + "res_layer.5.fc1.weight"] = normal(rng, 2, cout, 1, 1)
        out[p + "res_layer.5.fc2.weight"] = normal(rng, cout, 2, 1, 1)
    return out


def irse50_arrays(rng, features=6):
    out = backbone_arrays(rng)
    last = 8
    for name, c in (("output_layer.0", last), ("output_layer.4", features)):
        for part in ("weight", "bias", "running_mean", "running_var"):
            out["%s.%s" % (name, part)] = normal(rng, c)
        out[name + ".num_batches_tracked"] = np.array(7, np.int64)
    out["output_layer.3.weight"] = normal(rng, features, last * 49)
    out["output_layer.3.bias"] = normal(rng, features)
    return out


def e4e_arrays(rng, styles=4, width=8, inputs=3):
    """e4e's encoder, and pSp's, which has the same tensors."""
    out = backbone_arrays(rng, "encoder.", inputs=inputs)
    for i in range(styles):
        # The last head stands a level lower.
        encoder_head(rng, out, i, width, 6 if i < 3 else 7)
    for name, c in (("encoder.latlayer1", 4), ("encoder.latlayer2", 4)):
        out[name + ".weight"], out[name + ".bias"] = normal(rng, width, c, 1, 1), normal(rng, width)
    return out


def encoder_head(rng, out, i, width, convs):
    """Six convolutions halve 64 pixels, what two halvings leave of 256, to one."""
    p = "encoder.styles.%d." % i
    for j in range(0, 2 * convs, 2):
        out["%sconvs.%d.weight" % (p, j)] = normal(rng, width, width, 3, 3)
        out["%sconvs.%d.bias" % (p, j)] = normal(rng, width)
    out[p + "linear.weight"], out[p + "linear.bias"] = normal(rng, width, width), normal(rng, width)


def restyle_arrays(rng, styles=4, width=8):
    """ReStyle's encoder: heads on the last map only."""
    out = backbone_arrays(rng, "encoder.", inputs=6)
    for i in range(styles):
        encoder_head(rng, out, i, width, 6)
    return out


def linear_encoder_arrays(rng, styles=None, width=8):
    """pSp's encoder into W, or with `styles` the one into W+."""
    out = backbone_arrays(rng, "encoder.")
    if styles:
        for part in ("weight", "bias", "running_mean"):
            out["encoder.output_layer_2.0." + part] = normal(rng, 8)
        out["encoder.output_layer_2.0.running_var"] = np.abs(normal(rng, 8))
        out["encoder.output_layer_2.3.weight"] = normal(rng, width, 8 * 49)
        out["encoder.output_layer_2.3.bias"] = normal(rng, width)
    out["encoder.linear.weight"] = normal(rng, width * (styles or 1), width)
    out["encoder.linear.bias"] = normal(rng, width * (styles or 1))
    return out


def vgg_arrays(rng, width=4):
    out, cin = {}, 3
    for stage, n in enumerate((2, 2, 4, 4, 4), 1):
        for i in range(1, n + 1):
            out["conv%d_%d.weight" % (stage, i)] = normal(rng, width, cin, 3, 3)
            out["conv%d_%d.bias" % (stage, i)] = normal(rng, width)
            cin = width
    return out


def mtcnn_arrays(rng):
    """The three networks of MTCNN, each with the names of its own file."""
    def layers(convs, dense):
        out = {}
        for name, shape in convs + dense:
            out[name + ".weight"], out[name + ".bias"] = normal(rng, *shape), normal(rng, shape[0])
            number = name[-1] if "_" not in name else ""
            if number:
                out["prelu%s.weight" % number] = normal(rng, shape[0])
        return out
    return (layers([("conv1", (10, 3, 3, 3)), ("conv2", (16, 10, 3, 3)), ("conv3", (32, 16, 3, 3)),
                    ("conv4_1", (2, 32, 1, 1)), ("conv4_2", (4, 32, 1, 1))], []),
            layers([("conv1", (28, 3, 3, 3)), ("conv2", (48, 28, 3, 3)), ("conv3", (64, 48, 2, 2))],
                   [("dense4", (128, 576)), ("dense5_1", (2, 128)), ("dense5_2", (4, 128))]),
            layers([("conv1", (32, 3, 3, 3)), ("conv2", (64, 32, 3, 3)), ("conv3", (64, 64, 3, 3)),
                    ("conv4", (128, 64, 2, 2))],
                   [("dense5", (256, 1152)), ("dense6_1", (2, 256)), ("dense6_2", (4, 256)),
                    ("dense6_3", (10, 256))]))


# ---- the common ground of both generators ----

def correlate(x, w, pad):
    """(C,H,W) and (O,C,k,k): torch.nn.functional.conv2d."""
    k = w.shape[-1]
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    h, v = x.shape[1] - k + 1, x.shape[2] - k + 1
    out = np.zeros((w.shape[0], h, v))
    for i in range(k):
        for j in range(k):
            out += np.einsum("oc,chw->ohw", w[:, :, i, j], x[:, i:i + h, j:j + v])
    return out


def each(x, f):
    """Correlation of every channel with f."""
    k, m = f.shape
    h, v = x.shape[1] - k + 1, x.shape[2] - m + 1
    return sum(f[i, j] * x[:, i:i + h, j:j + v] for i in range(k) for j in range(m))


def zeros_between(x):
    out = np.zeros((x.shape[0], 2 * x.shape[1], 2 * x.shape[2]))
    out[:, ::2, ::2] = x
    return out


def lrelu(x):
    return np.where(x >= 0, x, 0.2 * x) * np.sqrt(2.0)


def unit_moment(z):
    return z / np.sqrt(np.mean(z * z) + 1e-8)


# ---- NVIDIA's ----

class Nvidia:
    """A generator of stylegan2-ada-pytorch with random weights: `pickled()` for a file, `w()` and
    `image()` to run it. `lr` is the mapping's multiplier; `taps` the resampling filter."""

    def __init__(self, rng, channels=(6, 5, 4), width=8, layers=3, lr=0.01, taps=None, noise=True):
        self.channels, self.width, self.layers, self.lr, self.noise = channels, width, layers, lr, noise
        f = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) if taps is None else np.asarray(taps)
        self.f = (f / f.sum()).astype(np.float32)
        self.p = p = {}
        for i in range(layers):
            p["mapping.fc%d.weight" % i] = normal(rng, width, width) / lr
            p["mapping.fc%d.bias" % i] = normal(rng, width) / (10 * lr)
        p["mapping.w_avg"] = normal(rng, width)
        p["synthesis.b4.const"] = normal(rng, channels[0], 4, 4)
        for level, c in enumerate(channels):
            b = "synthesis.b%d." % (4 << level)
            if level:
                self.make_layer(rng, b + "conv0", channels[level - 1], c, 4 << level)
            self.make_layer(rng, b + "conv1", c, c, 4 << level)
            p[b + "torgb.weight"] = normal(rng, 3, c, 1, 1)
            p[b + "torgb.bias"] = normal(rng, 3)
            self.make_affine(rng, b + "torgb.affine", c)

    def make_affine(self, rng, name, c):
        self.p[name + ".weight"] = normal(rng, c, self.width)
        self.p[name + ".bias"] = 1 + normal(rng, c) / 10

    def make_layer(self, rng, name, cin, cout, side):
        self.p[name + ".weight"] = normal(rng, cout, cin, 3, 3)
        self.p[name + ".bias"] = normal(rng, cout)
        if self.noise:
            self.p[name + ".noise_const"] = normal(rng, side, side)
            self.p[name + ".noise_strength"] = np.float32(rng.standard_normal()).reshape(())
        self.make_affine(rng, name + ".affine", cin)

    # -- running --

    def dense(self, name, x, lr=1.0):
        w, b = self.p[name + ".weight"].astype(np.float64), self.p[name + ".bias"].astype(np.float64)
        return (w * lr / np.sqrt(w.shape[1])) @ x + b * lr

    def w(self, z):
        x = unit_moment(z)
        for i in range(self.layers):
            x = lrelu(self.dense("mapping.fc%d" % i, x, self.lr))
        return x

    def convolve(self, name, x, w_latent, up):
        p = self.p
        style = self.dense(name + ".affine", w_latent)
        w = p[name + ".weight"].astype(np.float64) * style[None, :, None, None]
        w = w / np.sqrt((w * w).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)
        if up:
            # upfirdn2d(up 2, padding 1 + [2, 1], gain 4), a convolution; then conv2d with the
            # kernel flipped.
            x = np.pad(zeros_between(x), ((0, 0), (3, 2), (3, 2)))
            x = each(x, 4 * self.f[::-1, ::-1].astype(np.float64))
            x = correlate(x, w[:, :, ::-1, ::-1], 0)
        else:
            x = correlate(x, w, 1)
        if self.noise:
            x = x + p[name + ".noise_const"] * p[name + ".noise_strength"]
        return lrelu(x + p[name + ".bias"][:, None, None])

    def image(self, ws):
        """ws (L,D) -> (3,S,S)."""
        img, at = None, 0
        x = self.p["synthesis.b4.const"].astype(np.float64)
        for level in range(len(self.channels)):
            b = "synthesis.b%d." % (4 << level)
            if level:
                x = self.convolve(b + "conv0", x, ws[at], True)
                at += 1
            x = self.convolve(b + "conv1", x, ws[at], False)
            at += 1
            w = self.p[b + "torgb.weight"].astype(np.float64)
            style = self.dense(b + "torgb.affine", ws[at]) / np.sqrt(w.shape[1])
            y = correlate(x, w * style[None, :, None, None], 0) + self.p[b + "torgb.bias"][:, None, None]
            if img is not None:
                padded = np.pad(zeros_between(img), ((0, 0), (2, 1), (2, 1)))
                y = y + each(padded, 4 * self.f[::-1, ::-1].astype(np.float64))
            img = y
        return img

    # -- writing --

    def pickled(self, writers, **state):
        """The generator as torch_utils.persistence pickles it."""
        p = self.p

        def dense(name, lr, activation="linear"):
            w = p[name + ".weight"]
            return writers.nvidia_module(
                "FullyConnectedLayer",
                {"activation": activation, "bias_gain": lr,
                 "weight_gain": writers.numpy_scalar(lr / np.sqrt(w.shape[1]))},
                {"weight": w, "bias": p[name + ".bias"]})

        def layer(name, up):
            parameters = {"weight": p[name + ".weight"], "bias": p[name + ".bias"]}
            buffers = {"resample_filter": self.f}
            if self.noise:
                parameters["noise_strength"] = p[name + ".noise_strength"]
                buffers["noise_const"] = p[name + ".noise_const"]
            return writers.nvidia_module(
                "SynthesisLayer",
                {"activation": "lrelu", "act_gain": writers.numpy_scalar(np.sqrt(2)), "up": up,
                 "use_noise": self.noise, "conv_clamp": state.get("conv_clamp")},
                parameters, buffers, {"affine": dense(name + ".affine", 1)})

        def rgb(name):
            w = p[name + ".weight"]
            return writers.nvidia_module(
                "ToRGBLayer",
                {"weight_gain": writers.numpy_scalar(1 / np.sqrt(w.shape[1])), "conv_clamp": None},
                {"weight": w, "bias": p[name + ".bias"]}, None, {"affine": dense(name + ".affine", 1)})

        blocks = {}
        for level in range(len(self.channels)):
            b = "synthesis.b%d" % (4 << level)
            modules = {"conv1": layer(b + ".conv1", 1), "torgb": rgb(b + ".torgb")}
            if level:
                modules["conv0"] = layer(b + ".conv0", 2)
            blocks["b%d" % (4 << level)] = writers.nvidia_module(
                "SynthesisBlock", {"architecture": state.get("architecture", "skip"), "is_last": False},
                {} if level else {"const": p["synthesis.b4.const"]}, {"resample_filter": self.f}, modules)
        synthesis = writers.nvidia_module("SynthesisNetwork", {"w_dim": self.width}, None, None, blocks)
        mapping = writers.nvidia_module(
            "MappingNetwork", {"num_layers": self.layers, "z_dim": self.width}, None,
            {"w_avg": p["mapping.w_avg"]},
            {"fc%d" % i: dense("mapping.fc%d" % i, self.lr, state.get("activation", "lrelu"))
             for i in range(self.layers)})
        kwargs = writers.Call(writers.Name("dnnlib.util", "EasyDict"), (), None, True, {"num_layers": 3})
        return writers.nvidia_module("Generator", {"_init_args": (), "_init_kwargs": kwargs,
                                                   "img_resolution": 4 << (len(self.channels) - 1)},
                                     None, None, {"synthesis": synthesis, "mapping": mapping})


# ---- rosinality's ----

class Rosinality:
    """The generator that a state dict under rosinality's names describes."""

    def __init__(self, arrays):
        self.p = {name: np.asarray(a, np.float64) for name, a in arrays.items()}

    def dense(self, name, x, lr=1.0):
        w, b = self.p[name + ".weight"], self.p[name + ".bias"]
        return (w * (lr / np.sqrt(w.shape[1]))) @ x + b * lr

    def w(self, z):
        x, i = unit_moment(z), 1
        while "style.%d.weight" % i in self.p:
            x, i = lrelu(self.dense("style.%d" % i, x, 0.01)), i + 1
        return x

    def modulated(self, name, latent, demodulate):
        weight = self.p[name + ".conv.weight"][0]
        fan = np.prod(weight.shape[1:])
        style = self.dense(name + ".conv.modulation", latent)
        w = weight / np.sqrt(fan) * style[None, :, None, None]
        if demodulate:
            w = w / np.sqrt((w * w).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)
        return w

    def styled(self, name, x, latent, noise):
        w = self.modulated(name, latent, True)
        kernel = self.p.get(name + ".conv.blur.kernel")
        if kernel is not None:
            # conv_transpose2d, stride 2: every number of x spreads w over its neighbourhood.
            side = x.shape[1]
            out = np.zeros((w.shape[0], 2 * side + 1, 2 * side + 1))
            for i in range(3):
                for j in range(3):
                    out[:, i:i + 2 * side:2, j:j + 2 * side:2] += np.einsum("oc,chw->ohw", w[:, :, i, j], x)
            x = each(np.pad(out, ((0, 0), (1, 1), (1, 1))), kernel[::-1, ::-1])
        else:
            x = correlate(x, w, 1)
        x = x + self.p[name + ".noise.weight"] * self.p["noises.noise_%d" % noise][0]
        return lrelu(x + self.p[name + ".activate.bias"][:, None, None])

    def rgb(self, name, x, latent, skip):
        y = correlate(x, self.modulated(name, latent, False), 0) + self.p[name + ".bias"][0]
        if skip is None:
            return y
        padded = np.pad(zeros_between(skip), ((0, 0), (2, 1), (2, 1)))
        return y + each(padded, self.p[name + ".upsample.kernel"][::-1, ::-1])

    def image(self, wplus):
        x = self.styled("conv1", self.p["input.input"][0], wplus[0], 0)
        skip = self.rgb("to_rgb1", x, wplus[1], None)
        level = 0
        while "convs.%d.conv.weight" % (2 * level) in self.p:
            x = self.styled("convs.%d" % (2 * level), x, wplus[2 * level + 1], 2 * level + 1)
            x = self.styled("convs.%d" % (2 * level + 1), x, wplus[2 * level + 2], 2 * level + 2)
            skip = self.rgb("to_rgbs.%d" % level, x, wplus[2 * level + 3], skip)
            level += 1
        return skip
