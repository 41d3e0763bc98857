"""Runs one work with one peer: compares the peer's results with ours, then times the peer.

bench_cfedit starts this program with the interpreter of the peers' environment and reads these lines of standard output:

    check NAME ERROR TOLERANCE   the largest difference from our result NAME, divided by the result's largest value
    seconds S                    the time of one run
    about TEXT                   versions, threads, kernels
    note TEXT                    the options in use

Everything else goes to standard error. The peers are imported inside functions, because a cold start is one of the works and
must load nothing that it does not use.
"""
import argparse
import os
import time

# The largest error of a result that counts as equal. A gradient through leaky ReLUs jumps where an input lies within rounding
# of zero, so gradients get more room.
TOLERANCE = 1e-3
TOLERANCE_GRADIENT = 1e-2


def say(*words):
    print(*words, flush=True)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True, choices=["published", "frozen", "best", "onnx"])
    parser.add_argument("--work", required=True)
    parser.add_argument("--clip", required=True, help="folder with clip-half.safetensors")
    parser.add_argument("--generator", required=True, help="folder with generator.safetensors and mapper.safetensors")
    parser.add_argument("--inputs", required=True, help="folder with inputs.safetensors and ours-WORK.safetensors")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--variant", default="", help="options of the peer \"best\": name=value ..., see best_options.Options")
    return parser.parse_args()


def check(ours, results):
    """Prints a "check" line for each of our results."""
    import numpy as np
    for name, expected in ours.items():
        if name not in results:
            say("check", name, "nan", TOLERANCE)
            continue
        got = np.asarray(results[name], dtype=np.float64).reshape(expected.shape)
        scale = max(float(np.abs(expected).max()), 1e-30)
        gradient = name.startswith("grad") or "mapping" in name or name.endswith("fc.weight")
        error = float(np.abs(got - expected.astype(np.float64)).max()) / scale
        say("check", name, f"{error:.3e}", TOLERANCE_GRADIENT if gradient else TOLERANCE)


def load_ours(args):
    from safetensors.numpy import load_file
    path = os.path.join(args.inputs, f"ours-{args.work}.safetensors")
    return load_file(path) if os.path.exists(path) else {}


def cold(args):
    """Embeds one text and one picture, then ends; the caller times the whole process."""
    if args.peer == "onnx":
        import onnx_clip
        results, about = onnx_clip.embed_cold(args)
    else:
        import best
        results, about = best.embed_cold(args)
    check(load_ours(args), results)
    say("about", about)


def warm(args):
    if args.peer in ("published", "frozen"):
        import published as module
    elif args.peer == "best":
        import best as module
    else:
        import onnx_clip as module
    work = module.make(args)
    check(load_ours(args), work.results())
    for i in range(-args.warmup, args.runs):
        start = time.perf_counter()
        work.run()
        if i >= 0:
            say("seconds", f"{time.perf_counter() - start:.6f}")
    say("about", work.about)
    if work.note:
        say("note", work.note)


if __name__ == "__main__":
    arguments = parse()
    (cold if arguments.work == "embed-cold" else warm)(arguments)
