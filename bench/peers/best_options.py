"""The options of the peer "best"; tune.py times their variants."""
import dataclasses

import torch


class Frozen(torch.nn.Module):
    """A module whose tensors never change. They are held as buffers, so that a compiler may take them for constants."""

    def hold(self, **tensors):
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


@dataclasses.dataclass
class Options:
    compile: bool = True         # torch.compile of generator, CLIP and loss
    channels_last: bool = True  # of the generator's activations
    up: str = "transposed"      # the doubling convolution: "transposed", "four" small ones, "shuffle" of one 2 x 2
    onednn_linear: bool = False  # CLIP's products by oneDNN's 1 x 1 convolution instead of MKL's SGEMM
    freeze: bool = False        # weights as constants of the compiled graph, repacked; where no gradient is wanted
    autotune: bool = False      # the compiler tries kernels of its own against MKL's and oneDNN's
    denormal: bool = False      # flush denormal numbers to zero

    @classmethod
    def parse(cls, text):
        """Reads "name=value name=value"; options that are not named keep their defaults."""
        options = cls()
        for word in text.split():
            name, value = word.split("=")
            kind = type(getattr(options, name))
            setattr(options, name, value in ("1", "true", "True") if kind is bool else value)
        return options

    def __str__(self):
        return " ".join(f"{k}={int(v) if isinstance(v, bool) else v}" for k, v in dataclasses.asdict(self).items())


def compiled(function, options):
    if not options.compile:
        return function
    return torch.compile(function, dynamic=False,
                         options={"freezing": options.freeze, "max_autotune": options.autotune})
