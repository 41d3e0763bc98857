"""The command line of the converter."""

import argparse
import os
import signal
import sys
from typing import List, NoReturn, Optional

from . import encoders, networks
from .budget import check_output
from .clip import Options, clip
from .errors import ConvertError, counted, listed, printable
from .files import read_checkpoint
from .output import output_size, write
from .sources import bytes_of_files, close_files
from .stylegan2 import stylegan2
from .weights import KINDS, PHRASES, Plan, Weights, choose_kind, merge, unwrap

DESCRIPTION = """\
Converts a published checkpoint to a safetensors file that cfedit reads. Inputs are torch.save files
old and new, TorchScript archives, pickles of NVIDIA's StyleGAN2, safetensors, .npy, or folders of the
Hugging Face hub. Nothing in a checkpoint is run, and PyTorch is not needed. Several inputs are taken as
parts of one checkpoint, or as latents one after another."""

EXAMPLES = """\
examples:
  convert_pt.py ViT-B-32.pt --bpe bpe_simple_vocab_16e6.txt.gz -o clip.safetensors
  convert_pt.py clip-vit-base-patch32/ -o clip.safetensors
  convert_pt.py stylegan2-ffhq-config-f.pt --domain face -o generator.safetensors
  convert_pt.py ffhq.pkl -o generator.safetensors
  convert_pt.py green_lipstick.pt -o mapper.safetensors
  convert_pt.py pnet.pt rnet.pt onet.pt -o face.safetensors
  convert_pt.py test_faces.pt -o latents.safetensors"""


class Parser(argparse.ArgumentParser):
    """argparse, with an error of one line."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write("convert_pt: %s; see --help\n" % printable(message))
        sys.exit(2)


def make_parser() -> Parser:
    """The options and their help."""
    p = Parser(prog="convert_pt.py", description=DESCRIPTION, epilog=EXAMPLES,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("inputs", metavar="IN", nargs="+", help="a checkpoint, or a Hugging Face folder")
    p.add_argument("-o", "--output", metavar="OUT", required=True, help="the safetensors file to write")
    p.add_argument("--kind", choices=("auto",) + KINDS, default="auto",
                   help="what the checkpoint is (default: told by the names of the tensors)")
    p.add_argument("--half", action="store_true", help="write matrices and kernels as float16")
    p.add_argument("--domain", metavar="WORD",
                   help="generators: one word for what the pictures show, for example face or dog")
    p.add_argument("--with-decoder", action="store_true",
                   help="mappers and encoders: also write the generator in the checkpoint (decoder.*)")
    p.add_argument("--bpe", metavar="FILE",
                   help="CLIP: the merge list of the tokenizer (default: merges.txt or "
                        "bpe_simple_vocab_16e6.txt.gz beside the checkpoint, or the list of an installed "
                        "open_clip or clip package)")
    p.add_argument("--no-bpe", action="store_true", help="CLIP: write no merge list")
    p.add_argument("--activation", choices=("quick_gelu", "gelu"),
                   help="CLIP: quick_gelu for OpenAI's models and models trained from them, gelu for most "
                        "others of open_clip (default: told by the checkpoint and its configuration; "
                        "needed where they do not tell)")
    p.add_argument("--encoder-type", choices=tuple(encoders.TYPES), metavar="TYPE",
                   help="encoders whose checkpoint does not tell its encoder_type: %s" % ", ".join(encoders.TYPES))
    p.add_argument("-v", "--verbose", action="store_true", help="list every name that is left over")
    p.add_argument("-q", "--quiet", action="store_true", help="show no progress, notes or summary")
    return p


def make_plan(weights: Weights, kind: str, args: argparse.Namespace) -> Plan:
    """What will be written for a kind."""
    if kind == "clip":
        return clip(weights, Options(args.activation, args.bpe, args.no_bpe))
    if kind == "stylegan2":
        return stylegan2(weights)
    if kind == "mapper":
        return networks.mapper(weights, args.with_decoder)
    if kind == "encoder":
        return encoders.encoder(weights, args.with_decoder, args.encoder_type)
    if kind == "irse50":
        return networks.irse50(weights)
    if kind == "vgg19":
        return networks.vgg19(weights)
    if kind == "mtcnn":
        return networks.mtcnn(weights)
    return networks.latents(weights, args.kind == "latents")


def check_options(kind: str, args: argparse.Namespace) -> None:
    """Fails for an option that has no meaning for the kind, because it would be lost silently."""
    for name, given, kinds in (("--domain", args.domain is not None, ("stylegan2",)),
                               ("--with-decoder", args.with_decoder, ("mapper", "encoder")),
                               ("--encoder-type", args.encoder_type is not None, ("encoder",)),
                               ("--bpe", args.bpe is not None, ("clip",)),
                               ("--no-bpe", args.no_bpe, ("clip",)),
                               ("--activation", args.activation is not None, ("clip",))):
        if given and kind not in kinds:
            raise ConvertError("%s has no meaning for %s" % (name, PHRASES[kind]))


def convert(args: argparse.Namespace) -> None:
    """The whole conversion; failures are raised."""
    output = args.output
    if os.path.isdir(output):
        raise ConvertError("%s: is a folder" % output)
    if not os.path.isdir(os.path.dirname(output) or "."):
        raise ConvertError("%s: there is no folder %s" % (output, os.path.dirname(output)))
    if any(os.path.exists(i) and os.path.exists(output) and os.path.samefile(i, output)
           for i in args.inputs):
        raise ConvertError("%s: input and output are the same file" % output)
    weights = merge([unwrap(read_checkpoint(path)) for path in args.inputs])
    kind = choose_kind(weights, args.kind)
    check_options(kind, args)
    plan = make_plan(weights, kind, args)
    for key, value in weights.checkpoint.metadata.items():
        if key != "format":  # "pt", as the Hugging Face hub wants it
            plan.metadata.setdefault(key, value)
    if args.domain is not None:
        plan.metadata["domain"] = args.domain
    plan.metadata["converted_from"] = os.path.basename(os.path.normpath(args.inputs[0]))
    if weights.checkpoint.foreign:
        plan.notes.append("objects beside the weights were not looked into: %s" %
                          listed(sorted(set(weights.checkpoint.foreign)), 4))
    check_output(output_size(plan.tensors, args.half), bytes_of_files())
    try:
        size, types = write(output, plan.tensors, plan.metadata, args.half, args.quiet)
    except ConvertError as error:
        text = str(error)
        known = text.startswith(output) or any(text.startswith(i) for i in args.inputs)
        raise error if known else ConvertError("%s: %s" % (weights.checkpoint.path, text))
    if not args.quiet:
        tell(plan, args, size, types)


def tell(plan: Plan, args: argparse.Namespace, size: int, types: List[str]) -> None:
    """Shows notes, names that are left over, and a line that sums up."""
    for note in plan.notes:
        sys.stderr.write("convert_pt: note: %s\n" % printable(note))
    if plan.left_over:
        most = len(plan.left_over) if args.verbose else 8
        sys.stderr.write("convert_pt: note: left over, not written: %s\n" % listed(plan.left_over, most))
    print("%s: %s, %s, %.2f MB, %s" % (printable(args.output), PHRASES[plan.kind],
                                       counted(len(plan.tensors), "tensor"), size / 1e6, ", ".join(types)))


def stop(_signal: int, _frame: object) -> NoReturn:
    """SIGTERM ends a conversion as Ctrl-C does, so that no temporary file stays."""
    raise KeyboardInterrupt


def main(argv: Optional[List[str]] = None) -> int:
    """The command; returns the exit status."""
    args = make_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, stop)
    try:
        try:
            convert(args)
        finally:
            close_files()
    except ConvertError as error:
        sys.stderr.write("convert_pt: %s\n" % error)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("convert_pt: interrupted; nothing was written\n")
        return 130
    except MemoryError:
        sys.stderr.write("convert_pt: out of memory\n")
        return 1
    except OSError as error:
        sys.stderr.write("convert_pt: %s\n" % printable(str(error)))
        return 1
    except Exception as error:  # a fault of the converter; -v shows all of it
        if args.verbose:
            raise
        sys.stderr.write("convert_pt: internal error, %s: %s (-v shows where)\n" %
                         (type(error).__name__, printable(str(error), 200)))
        return 1
    return 0
