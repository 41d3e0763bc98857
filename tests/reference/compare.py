"""Runs one case in the C library and in PyTorch, and compares quantity by quantity.

A quantity passes if max|got - want| <= tolerance * max|want|, want being this package in float64 and

    tolerance = max(8 * spread, floor),   spread = max|float32 run - want| / max|want|,

the rule of tests/data/goldens, and its floors: 1e-5 for arrays of 64 values or more, 5e-5 for shorter ones. Gradients
through leaky ReLU, PReLU, ReLU, max pooling and L1 have kinks, where one pre-activation within rounding of zero changes
the gradient by a visible step, other elements in each implementation; their floors are higher (FLOORS). Before a
gradient is said to disagree, the float64 run is repeated with inputs, mapper and text features changed by a millionth:
what moves by that as much as the C code is off lies on a kink. A tolerance above 0.3 says nothing, and the quantity is left
out: weights of the mapper are near 100, and a float32 step early on is often mostly rounding. Where all of `want` is
zero, zero is expected.
"""

import copy
import dataclasses
import fnmatch
import pathlib
import subprocess

import torch

from . import clip, encoders, files, irse50, mapper, quantities, stylegan2, tokenizer, vgg19

# Tolerances by quantity; the first match wins. The figures are the tolerances that the goldens state for
# the published code.
FLOORS = (
    ("texts.ids", 0.0),
    ("generator.grad.*", 3e-3),
    ("space.grad.*", 3e-3),
    ("mapper.grad.*", 5e-4),
    ("identity.grad.*", 5e-2),
    ("perceptual.grad.*", 5e-2),
    ("train.grad.step.1.*", 5e-3),
    ("train.grad.*", 2e-2),
    ("train.delta.*", 1e-2),
    ("train.*.step.1", 1e-4),
    ("train.*", 1e-3),
)
ARRAY, SHORT = 1e-5, 5e-5
KINKED = ("*.grad.*", "train.delta.*", "train.loss*")
SPREADS, USELESS = 8, 0.3
JITTERS, JITTER, JITTER_MARGIN = 6, 1e-6, 2
# Results of method_dump that PyTorch takes as inputs, because the C code draws them at random.
GIVEN = ("unit.", "faces")


@dataclasses.dataclass
class Nets:
    generator: object = None
    clip: object = None
    mapper: object = None
    identity: object = None
    vgg: object = None
    encoder: object = None
    tokenizer: object = None


@dataclasses.dataclass
class Model:
    """Files of networks. Each file is loaded once for each precision."""
    generator: pathlib.Path = None
    clip: pathlib.Path = None
    mapper: pathlib.Path = None
    identity: pathlib.Path = None
    vgg: pathlib.Path = None
    bpe: pathlib.Path = None
    encoder: pathlib.Path = None

    def __post_init__(self):
        self._nets = {}

    def arguments(self, with_mapper=True):
        """The options that name the files; the program and method_dump take the same ones."""
        names = [f.name for f in dataclasses.fields(self) if getattr(self, f.name)]
        return [text for name in names if with_mapper or name != "mapper"
                for text in (f"--{name}", str(getattr(self, name)))]

    def _tokenizer(self, state):
        if self.bpe:
            data = pathlib.Path(self.bpe).read_bytes()
        elif "tokenizer.merges" in state:
            data = state["tokenizer.merges"].numpy().tobytes()
        else:
            beside = [self.clip.parent / name for name in ("bpe_simple_vocab_16e6.txt.gz", "merges.txt")]
            data = next(path for path in beside if path.exists()).read_bytes()
        return tokenizer.Tokenizer(tokenizer.read_merges(data))

    def nets(self, dtype):
        if dtype in self._nets:
            return self._nets[dtype]
        nets = Nets()
        if self.generator:
            nets.generator = stylegan2.from_state(files.load(self.generator)[0])
        if self.clip:
            state, metadata = files.load(self.clip)
            nets.clip = clip.from_state(state, metadata.get("activation") == "gelu")
            nets.tokenizer = self._tokenizer(state)
        if self.mapper:
            state, metadata = files.load(self.mapper)
            off = [name for name, official in (("course", "coarse"), ("medium", "medium"), ("fine", "fine"))
                   if metadata.get(f"no_{official}_mapper") == "true"]
            layers = sum(name.endswith("mapping.1.weight") and name.startswith("text_mapper.") for name in state)
            nets.mapper = mapper.from_state(state, nets.generator.latents if nets.generator else layers, off)
        if self.identity:
            nets.identity = irse50.from_state(files.load(self.identity)[0])
        if self.vgg:
            nets.vgg = vgg19.from_state(files.load(self.vgg)[0])
        if self.encoder:
            nets.encoder = encoders.from_state(*files.load(self.encoder))
        for field in dataclasses.fields(nets):
            net = getattr(nets, field.name)
            if isinstance(net, torch.nn.Module):
                net.to(dtype).requires_grad_(field.name == "mapper")
        self._nets[dtype] = nets
        return nets


@dataclasses.dataclass
class Case:
    group: str
    title: str
    model: Model
    inputs: dict = dataclasses.field(default_factory=dict)
    settings: dict = dataclasses.field(default_factory=dict)
    double: bool = True  # whether a float64 run is worth its memory


class Comparison:
    """Prints a line for each case, and a line for each quantity that disagrees."""

    def __init__(self, tool, folder, verbose=False):
        self.tool, self.folder, self.verbose = tool, pathlib.Path(folder), verbose
        self.quantities, self.cases, self.kinks, self.named = 0, 0, 0, []

    def run(self, case):
        got = self._from_c(case)

        def compute(dtype, jitter=None):
            inputs = {name: value.to(dtype) if value.is_floating_point() else value
                      for name, value in case.inputs.items()}
            nets = case.model.nets(dtype)
            if jitter:
                inputs = {name: jitter(value) if name not in ("points", "probe") else value
                          for name, value in inputs.items()}
                nets = jittered(nets, jitter)
            more = {}
            if case.group == "space":
                more["measured"] = {name: value.to(dtype) for name, value in got.items()}
            results = quantities.GROUPS[case.group](nets, inputs, case.settings, **more)
            if case.group == "train":
                results = quantities.movement(results, nets.mapper)
            return results
        compared = got
        if case.group == "train":
            compared = quantities.movement(got, case.model.nets(torch.float32).mapper)
        return self.judge(case.group, case.title, compared, compute, case.group, case.double)

    def judge(self, group, title, got, compute, prefix, double=True):
        """Compares `got` with compute(dtype, jitter=None), both {name: tensor}; PREFIX.NAME finds the floor."""
        single = {name: value.detach().double() for name, value in compute(torch.float32).items()}
        want = {name: value.detach().double() for name, value in compute(torch.float64).items()} if double else single
        missing = [name for name in sorted(set(got) ^ set(want)) if not name.startswith(GIVEN)]
        results = {name: (distance(got[name], want[name]),
                          tolerance_of(f"{prefix}.{name}", want[name], distance(single[name], want[name])))
                   for name in want if name in got}
        results = {name: pair for name, pair in results.items() if pair[1] <= USELESS}
        doubtful = [name for name, (error, tolerance) in results.items() if not error <= tolerance
                    and any(fnmatch.fnmatchcase(f"{prefix}.{name}", pattern) for pattern in KINKED)]
        generator = torch.Generator().manual_seed(0)
        for _ in range(JITTERS if doubtful else 0):
            moved = compute(torch.float64 if double else torch.float32,
                            lambda x: x * (1 + JITTER * torch.randn(x.shape, generator=generator, dtype=x.dtype)))
            for name in doubtful:
                step = JITTER_MARGIN * distance(moved[name].detach(), want[name])
                results[name] = (results[name][0], max(results[name][1], step))
        self.kinks += sum(results[name][0] <= results[name][1] for name in doubtful)
        return self.tell(group, title, results, missing)

    def tell(self, group, title, results, missing=()):
        """Reports a case, whose `results` are {name: (error, tolerance)}."""
        bad = [name for name, (error, tolerance) in results.items() if not error <= tolerance]
        worst = max(results, key=lambda name: results[name][0] / (results[name][1] or 1e-30), default="-")
        error, tolerance = results.get(worst, (0, 1))
        self.quantities += len(results)
        self.cases += 1
        failed = bad or missing
        print(f"{'FAIL' if failed else 'ok  '} {group:12s} {title:58s} {len(results):4d} quantities, "
              f"worst {error / tolerance if tolerance else error:.2f} of its tolerance ({worst})", flush=True)
        for name in bad:
            print(f"       {group}.{name} disagrees: off by {results[name][0]:.2e} of its greatest value, "
                  f"tolerance {results[name][1]:.1e}")
        for name in missing:
            print(f"       {group}.{name} is computed on one side only")
        if self.verbose:
            for name, (error, tolerance) in results.items():
                print(f"       {name:60s} {error:.2e} of {tolerance:.1e}")
        self.named += [f"{group}.{name}" for name in (*bad, *missing)]
        return not failed

    def _from_c(self, case):
        source, result = self.folder / "input.safetensors", self.folder / "output.safetensors"
        files.save(source, {f"{case.group}.{name}": value for name, value in case.inputs.items()}, case.settings)
        run = subprocess.run([self.tool, case.group, "--input", source, "-o", result, *case.model.arguments()],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode:
            raise SystemExit(f"{case.group} {case.title}: {run.stderr.strip()}")
        cut = len(case.group) + 1
        return {name[cut:]: value for name, value in files.load(result)[0].items()}


def jittered(nets, jitter):
    """The same with the mapper's weights moved, and the text features that it reads: their PixelNorm turns components
    near zero into anything between -1 and 1."""
    moved = {}
    for name, wanted in (("mapper", lambda parameter: True), ("clip", lambda parameter: parameter == "text_projection")):
        net = getattr(nets, name)
        if net is None:
            continue
        moved[name] = copy.deepcopy(net)
        with torch.no_grad():
            for parameter, p in moved[name].named_parameters():
                if wanted(parameter):
                    p.copy_(jitter(p))
    return dataclasses.replace(nets, **moved)


def tolerance_of(name, want, spread):
    floor = next((floor for pattern, floor in FLOORS if fnmatch.fnmatchcase(name, pattern)),
                 ARRAY if want.numel() >= 64 else SHORT)
    return max(SPREADS * spread, floor)


def distance(got, want):
    """Greatest difference, relative to the greatest value; infinite where the shapes or zeros differ."""
    if got.numel() != want.numel():
        return float("inf")
    if want.numel() == 0:
        return 0.0
    off = (got.double().reshape(want.shape) - want).abs().max().item()
    scale = want.abs().max().item()
    return off / scale if scale else (float("inf") if off else 0.0)
