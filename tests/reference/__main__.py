"""Holds the C library and the program against this package on fresh random inputs.

    PYTHONPATH=tests python3 -m reference [--seed N] [--full]
    PYTHONPATH=tests python3 -m reference --generator G.safetensors --clip C.safetensors [--identity F] [--vgg F]

(`make parity` does it.) Prints one line a case and each quantity that disagrees by name; exit status 1 then.
"""

import argparse
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(prog="reference", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, help="of every random number (default: the clock)")
    parser.add_argument("--full", action="store_true", help="larger networks too")
    parser.add_argument("--only", action="append", help="one group; may be repeated")
    parser.add_argument("--verbose", action="store_true", help="every quantity")
    parser.add_argument("--self-test", action="store_true",
                        help="falsify the re-statement in one place after another; each must be found out")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="where method_dump is")
    parser.add_argument("--cfedit", type=pathlib.Path, default=ROOT / "cfedit", help="the program")
    for name in ("generator", "clip", "mapper", "identity", "vgg", "bpe"):
        parser.add_argument(f"--{name}", type=pathlib.Path, help="a file of yours instead of random weights")
    return parser.parse_args()


def main():
    options = arguments()
    try:
        import numpy  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        print(f"reference: {error.name} is missing; python3 -m venv parity-env && parity-env/bin/pip install torch "
              "numpy, then make parity PYTHON=parity-env/bin/python", file=sys.stderr)
        return 1
    from . import command_line, self_test
    from .cases import Cases
    from .compare import Comparison, Model
    from .random_models import Draw

    seed = int(time.time()) if options.seed is None else options.seed
    given = Model(options.generator, options.clip, options.mapper, options.identity, options.vgg, options.bpe)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="cfedit-reference.") as folder:
        folder = pathlib.Path(folder)
        comparison = Comparison(options.build / "method_dump", folder, options.verbose)
        cases = Cases(Draw(seed), folder)
        if options.self_test:
            return self_test.run(comparison, cases)
        mine = bool(given.arguments())
        for case in cases.given(given) if mine else cases.random(options.full):
            if not options.only or case.group in options.only:
                comparison.run(case)
        if not options.only or "command" in options.only:
            command_line.run(comparison, cases, options.cfedit, given if mine else None)
    found = f"; {len(comparison.named)} disagree" if comparison.named else ", all agree"
    if comparison.kinks:
        print(f"{comparison.kinks} quantities lie on kinks of their activations and were judged by a wider tolerance")
    print(f"{comparison.quantities} quantities in {comparison.cases} cases{found} (seed {seed})")
    for name in comparison.named:
        print(f"  {name}")
    return 1 if comparison.named else 0


if __name__ == "__main__":
    sys.exit(main())
