"""Times variants of the PyTorch peer at its best (best_options.Options) and prints a markdown table of medians and minima.

    build/peers-env/bin/python bench/peers/tune.py WORK [--data build/bench-data] [--size 1024] [--threads 2] [--runs 5] [VARIANT ...]

A VARIANT is one argument with options of best_options.Options: "compile=1 up=four". bench_cfedit must have written the data
before. Each variant runs in a process of its own.
"""
import argparse
import os
import statistics
import subprocess
import sys

GENERATOR = ["compile=0 channels_last=0", "compile=0 channels_last=1", "compile=1 channels_last=0", "compile=1 channels_last=1",
             "compile=1 channels_last=1 up=four", "compile=1 channels_last=1 up=shuffle", "compile=1 channels_last=0 up=four",
             "compile=1 channels_last=1 denormal=1"]
CLIP = ["compile=0", "compile=1", "compile=0 onednn_linear=1", "compile=1 onednn_linear=1"]
# Variants that only work where no gradient is wanted.
FORWARD = ["compile=1 freeze=1", "compile=1 freeze=1 onednn_linear=1", "compile=1 freeze=1 autotune=1"]


def variants_of(work):
    names = CLIP if work.startswith("clip") else GENERATOR
    return names if work.endswith("gradient") or work == "train-step" else names + FORWARD


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("variant", nargs="*")
    parser.add_argument("--data", default="build/bench-data")
    parser.add_argument("--model", default="clip-vit-b32")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_intermixed_args()
    here = os.path.dirname(os.path.abspath(__file__))
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads),
                       OMP_WAIT_POLICY="PASSIVE", TORCHINDUCTOR_CACHE_DIR=os.path.abspath(f"{args.data}/compiled"))
    variants = args.variant or variants_of(args.work)
    print(f"| {args.work} | median s | min s | error |\n|---|---|---|---|", flush=True)
    for variant in variants:
        command = [sys.executable, f"{here}/peer.py", "--peer", "best", "--work", args.work, "--variant", variant,
                   "--clip", f"{args.data}/{args.model}", "--generator", f"{args.data}/stylegan2-{args.size}",
                   "--inputs", f"{args.data}/{args.model}-{args.size}-batch1", "--threads", str(args.threads),
                   "--runs", str(args.runs)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
        words = [line.split() for line in done.stdout.splitlines()]
        seconds = [float(w[1]) for w in words if w[0] == "seconds"]
        errors = [float(w[2]) for w in words if w[0] == "check"]
        if seconds:
            worst = f"{max(errors):.1e}" if errors else "not checked"
            print(f"| {variant} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | {worst} |", flush=True)
        else:
            print(f"| {variant} | failed | | |", flush=True)


if __name__ == "__main__":
    main()
