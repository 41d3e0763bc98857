"""StyleGAN2 generators: rosinality's, whose names are kept, and NVIDIA's stylegan2-ada-pytorch.

How NVIDIA's networks differ (training/networks.py, torch_utils/ops/{upfirdn2d,conv2d_resample}.py
of NVlabs/stylegan2-ada-pytorch, against model.py of rosinality/stylegan2-pytorch):

* Modulated convolutions have no factor 1/sqrt(fan-in). rosinality's have it, and the demodulation
  divides it out again, but for an epsilon of 1e-8 that is far below the sums of squares. to_rgb
  layers do not demodulate; NVIDIA's have the factor as weight_gain.
* Layers that double the size are the same in both: a transposed convolution with the stored kernel,
  then the resampling filter. Nothing is flipped; the flip in rosinality's convert_weight.py is for
  the order of TensorFlow.
* Resampling filters sum to 1 and are multiplied by 4 where they are used; rosinality's sum to 4.
  Both are applied as convolutions: the stored filter is flipped before the correlation.
* The learning rate multiplier lr of a mapping layer is in weight_gain = lr / sqrt(in) and
  bias_gain = lr. cfedit has 0.01, so another multiplier is put into the numbers.
* noise_const (R,R) and noise_strength () are rosinality's noises.noise_i (1,1,R,R) and
  noise.weight (1). mapping.w_avg is latent_avg. The constant (C,4,4) becomes (1,C,4,4).
* Training in float16 clamps activations at conv_clamp (256); rosinality's network does not clamp.
"""

import math
import re
from typing import List, Optional, Set

import numpy as np

from .errors import ConvertError, brief
from .files import modules_of
from .objects import Bag
from .tensors import Tensor, from_array, product, reshaped, scaled
from .weights import Expected, Names, Plan, Weights, highest, make_plan, numbers, shape_text, size

MAPPING_LR = 0.01
GAIN = math.sqrt(2.0)
KERNEL = (4, 4)
LEVELS_MAX = 8  # 8 to 1024 pixels, which is where cfedit stops


def stylegan2(weights: Weights) -> Plan:
    """The plan for any StyleGAN2 generator."""
    names, path = weights.names, weights.checkpoint.path
    notes: List[str] = []
    if any(n.startswith("synthesis.b4.") for n in names):
        network = NvidiaGenerator(names, weights.generator, path)
        names = network.convert()
        if network.clamp():
            notes.append("trained with activations clamped at %g, which cfedit does not do; where "
                         "they would go beyond, pictures differ" % network.clamp())
    elif not any(n.startswith("conv1.") for n in names) and \
            any(n.startswith("decoder.conv1.") for n in names):
        names = {n[len("decoder."):]: t for n, t in names.items() if n.startswith("decoder.")}
    plan = from_rosinality({**names, **weights.extra}, path)
    plan.notes[:0] = notes
    return plan


def from_rosinality(names: Names, path: str) -> Plan:
    """The plan for tensors under rosinality's names."""
    width = size(names, "conv1.conv.modulation.weight", 1)
    expected: Expected = {}
    optional: Expected = {}
    layers = highest(names, r"style\.(\d+)\.")
    for i in range(1, layers + 1):
        expected["style.%d.weight" % i] = (width, None if i == 1 else width)
        expected["style.%d.bias" % i] = (width,)
    base = size(names, "input.input", 1)
    expected["input.input"] = (1, base, 4, 4)

    def conv(prefix: str, cin: Optional[int], cout: Optional[int], k: int) -> None:
        expected[prefix + ".conv.weight"] = (1, cout, cin, k, k)
        expected[prefix + ".conv.modulation.weight"] = (cin, width)
        expected[prefix + ".conv.modulation.bias"] = (cin,)

    def styled(prefix: str, cin: Optional[int], cout: Optional[int], up: bool) -> None:
        conv(prefix, cin, cout, 3)
        expected[prefix + ".noise.weight"] = (1,)
        expected[prefix + ".activate.bias"] = (cout,)
        if up:
            optional[prefix + ".conv.blur.kernel"] = KERNEL

    def to_rgb(prefix: str, cin: Optional[int], up: bool) -> None:
        conv(prefix, cin, 3, 1)
        expected[prefix + ".bias"] = (1, 3, 1, 1)
        if up:
            optional[prefix + ".upsample.kernel"] = KERNEL

    styled("conv1", base, base, False)
    to_rgb("to_rgb1", base, False)
    last = max(highest(names, r"convs\.(\d+)\."), 2 * highest(names, r"to_rgbs\.(\d+)\."), 0)
    levels = last // 2 + 1
    if levels > LEVELS_MAX:
        raise ConvertError("%s: a generator of more than %d pixels, which is not supported" %
                           (path, 4 << LEVELS_MAX))
    cin = base
    for level in range(levels):
        cout = size(names, "convs.%d.conv.weight" % (2 * level), 1)
        styled("convs.%d" % (2 * level), cin, cout, True)
        styled("convs.%d" % (2 * level + 1), cout, cout, False)
        to_rgb("to_rgbs.%d" % level, cout, True)
        cin = cout
    noises: Expected = {}
    for i in range(2 * levels + 1):
        side = 4 << ((i + 1) // 2)
        noises["noises.noise_%d" % i] = (1, 1, side, side)
    buffers = any(n.startswith("noises.") for n in names)
    if buffers:
        expected.update(noises)
    average = names.get("latent_avg")
    if average is not None and len(average.shape) == 2 and average.shape[0]:
        # (1,D), or in encoders (L,D) with a row for each layer, all equal.
        names = {**names, "latent_avg": first_row(average)}
    optional["latent_avg"] = (width,)
    plan = make_plan("stylegan2", path, names, expected, optional)
    if not buffers:  # an early version, whose network drew fresh noise for each picture
        for name, shape in noises.items():
            plan.tensors[name] = from_array(np.zeros([n or 1 for n in shape], np.float32))
        plan.notes.append("the checkpoint has no noise buffers: written as zeros")
    if average is None:
        plan.notes.append("no latent_avg in it: no truncation")
    if layers < 1:
        plan.notes.append("no mapping network (style.*) in it: it draws latents, not seeds")
    return plan


def first_row(t: Tensor) -> Tensor:
    """The first row of (N,D), as (D)."""
    return Tensor(t.dtype, t.shape[1:], lambda: np.ascontiguousarray(t.load()[0]))


class NvidiaGenerator:
    """NVIDIA's names and layouts -> rosinality's, in `out`. Gains and activations are taken from
    the pickled modules; a bare state dict has none, so it gets the defaults."""

    def __init__(self, names: Names, root: Optional[Bag], path: str):
        self.names, self.path = names, path
        self.state = {name: bag.state for name, bag in modules_of(root).items()} if root else {}
        self.out: Names = {}
        self.used: Set[str] = set()

    # -- parts --

    def take(self, name: str) -> Optional[Tensor]:
        """A tensor of the checkpoint, which then counts as used."""
        self.used.add(name)
        return self.names.get(name)

    def put(self, target: str, source: str, lead: int = 0, factor: float = 1.0) -> None:
        """Takes a tensor over, times `factor`, with `lead` axes of size 1 in front."""
        t = self.take(source)
        if t is not None:
            self.out[target] = scaled(reshaped(t, (1,) * lead + t.shape) if lead else t, factor)

    def fan_in(self, name: str) -> int:
        """The inputs of one output number of a layer."""
        t = self.names.get(name)
        return max(product(t.shape[1:]), 1) if t is not None else 1

    def attribute(self, module: str, key: str, default: float) -> float:
        """A number that a pickled module has, or the default."""
        value = self.state.get(module, {}).get(key)
        number = isinstance(value, float) or isinstance(value, int) and abs(value) < 1 << 64
        return float(value) if number else default

    def kernel(self, target: str, source: str) -> None:
        """Takes a resampling filter over, as four by four taps that sum to 4."""
        t = self.take(source)
        if t is None:
            return
        if t.shape not in (KERNEL, KERNEL[:1]):
            raise ConvertError("%s: resampling filter %s is %s; only 4 taps are supported" %
                               (self.path, source, shape_text(t.shape)))
        taps = t.values().astype(np.float64)
        taps = np.outer(taps, taps) if taps.ndim == 1 else taps
        self.out[target] = from_array((taps * 4.0).astype(np.float32))

    def check_activation(self, module: str) -> None:
        """Fails where a layer has another activation than leaky ReLU times the square root of 2."""
        word = self.state.get(module, {}).get("activation", "lrelu")
        gain = self.attribute(module, "act_gain", GAIN)
        if not isinstance(word, str) or word != "lrelu" or not abs(gain - GAIN) <= 1e-6:
            raise ConvertError("%s: %s has activation '%s' with gain %g; only lrelu is supported" %
                               (self.path, module, brief(word), gain))

    def dense(self, target: str, source: str, lr: float) -> None:
        """Takes a FullyConnectedLayer over to a layer whose learning rate multiplier is `lr` in
        cfedit."""
        root = math.sqrt(self.fan_in(source + ".weight"))
        self.put(target + ".weight", source + ".weight",
                 factor=self.attribute(source, "weight_gain", lr / root) * root / lr)
        self.put(target + ".bias", source + ".bias",
                 factor=self.attribute(source, "bias_gain", lr) / lr)

    def layer(self, target: str, source: str, noise: int, up: bool) -> None:
        """Takes a convolution over, with modulation, bias and noise."""
        self.check_activation(source)
        self.put(target + ".conv.weight", source + ".weight", 1)
        self.dense(target + ".conv.modulation", source + ".affine", 1.0)
        self.put(target + ".activate.bias", source + ".bias")
        buffer = "noises.noise_%d" % noise
        strength, const = self.take(source + ".noise_strength"), self.take(source + ".noise_const")
        if strength is not None and const is not None:
            self.out[target + ".noise.weight"] = reshaped(strength, (1,))
            self.out[buffer] = reshaped(const, (1, 1) + const.shape)
        elif self.state.get(source, {}).get("use_noise") is False:
            side = 4 << ((noise + 1) // 2)
            self.out[target + ".noise.weight"] = from_array(np.zeros(1, np.float32))
            self.out[buffer] = from_array(np.zeros((1, 1, side, side), np.float32))
        if up:
            self.kernel(target + ".conv.blur.kernel", source + ".resample_filter")
        else:
            self.used.add(source + ".resample_filter")  # unused in a layer that keeps the size

    def rgb(self, target: str, source: str) -> None:
        """Takes a to_rgb layer over."""
        root = math.sqrt(self.fan_in(source + ".weight"))
        self.put(target + ".conv.weight", source + ".weight", 1,
                 self.attribute(source, "weight_gain", 1.0 / root) * root)
        self.dense(target + ".conv.modulation", source + ".affine", 1.0)
        bias = self.take(source + ".bias")
        if bias is not None and bias.shape != (3,):
            raise ConvertError("%s: pictures of %s channels; only RGB is supported" %
                               (self.path, shape_text(bias.shape)))
        if bias is not None:
            self.out[target + ".bias"] = reshaped(bias, (1, 3, 1, 1))

    # -- the whole --

    def check(self) -> None:
        """Fails for generators with labels and for other architectures than skip."""
        if "mapping.embed.weight" in self.names:
            raise ConvertError("%s: a generator with class labels; only unconditional ones are "
                               "supported" % self.path)
        for module, state in self.state.items():
            kind = state.get("architecture", "skip")
            if not isinstance(kind, str) or kind != "skip":
                raise ConvertError("%s: a generator of architecture '%s'; only 'skip' is supported" %
                                   (self.path, brief(kind)))
        if any(re.match(r"synthesis\.b\d+\.skip\.", name) for name in self.names):
            raise ConvertError("%s: a generator of architecture 'resnet'; only 'skip' is supported" %
                               self.path)

    def convert(self) -> Names:
        """All tensors under rosinality's names."""
        self.check()
        self.put("input.input", "synthesis.b4.const", 1)
        self.layer("conv1", "synthesis.b4.conv1", 0, False)
        self.rgb("to_rgb1", "synthesis.b4.torgb")
        self.used.add("synthesis.b4.resample_filter")
        top = max(numbers(self.names, r"synthesis\.b(\d+)\."), default=0)
        side, level = 8, 0
        while side <= top:
            block = "synthesis.b%d" % side
            self.layer("convs.%d" % (2 * level), block + ".conv0", 2 * level + 1, True)
            self.layer("convs.%d" % (2 * level + 1), block + ".conv1", 2 * level + 2, False)
            self.rgb("to_rgbs.%d" % level, block + ".torgb")
            self.kernel("to_rgbs.%d.upsample.kernel" % level, block + ".resample_filter")
            side, level = 2 * side, level + 1
        for i in range(highest(self.names, r"mapping\.fc(\d+)\.") + 1):
            source = "mapping.fc%d" % i
            self.check_activation(source)
            self.dense("style.%d" % (i + 1), source, MAPPING_LR)
        self.put("latent_avg", "mapping.w_avg")
        for name in sorted(set(self.names) - self.used):
            self.out[name] = self.names[name]  # left over, by its own name
        return self.out

    def clamp(self) -> float:
        """The bound at which training clamped activations, or 0."""
        return max([self.attribute(m, "conv_clamp", 0.0) for m in self.state], default=0.0)
