"""Faults: failing calls of the C library, signals, and damaged model files, through every command.

    run.py --cfedit PROGRAM --tiny MAKE_TINY_MODEL --faults FAULTS.SO [--checked PROGRAM]
           [--times N | --all] [--only COMMAND,...] [PART]...

The parts are `alloc` (an allocation fails), `files` (a call on a file fails, or the disk is full), `stops`
(SIGINT, SIGTERM and SIGKILL, and --resume), `limits` (the address space is limited, with the BLAS, two
threads and the model that ships) and `mutations` (a model's file has one wrong type, shape, name, offset
or metadata). Whatever fails, the program has to end by itself with one line on standard
error, without temporary files, and with outputs that are whole or not there. A run that is continued
has to end with the bits of one that was never stopped.

`alloc` and `files` run a trial for every different call stack, `stops` and `mutations` a seeded sample, one
that is N times as large with --times N. With --all every trial is run. --only leaves the other commands
out of `alloc` and `files`. The mutations run with the program --checked, which may have sanitizers, where
it is given.

The last line reads "N passed, N failed, N skipped".
"""
import argparse
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile

import mutations
import stops
from trials import ForkedTrials, Trial, learn_reference, prepare, shipped_commands

SEED = 22

# Errors of the trials with files: (kind of call, number of errno, whether all later calls fail).
EIO, ENOSPC, ENOMEM = 5, 28, 12
FILE_FAULTS = [(kind, EIO, False) for kind in ("open", "read", "write", "sync", "rename", "close")] + [
    ("write", ENOSPC, True), ("open", ENOSPC, True), ("sync", ENOSPC, True)]


def alloc_trials(bench, _chosen):
    for command in bench.commands:
        yield ForkedTrials(bench, command, "alloc", ENOMEM)


def file_trials(bench, _chosen):
    for command in bench.commands:
        for kind, error, on in FILE_FAULTS:
            yield ForkedTrials(bench, command, kind, error, on)


def mutation_trials(bench, chosen):
    rng = random.Random(SEED)
    for target in mutations.targets(bench):
        for number in chosen(target.most, target.share):
            made = os.path.join(bench.folder, f"mutated.{target.name}.{number}.safetensors")
            what = mutations.mutate(target.path, made, random.Random(f"{SEED} {target.name} {number}"))
            command = rng.choice(target.commands)
            yield Trial(bench, command.reading(made), {}, f"mutation {command.name}: {target.name}: {what}",
                        statuses=(0, 1, 2), expected=None, program=bench.checked, remove=made)


# Limits of the address space in KiB, from too little for OpenBLAS to enough for two of its buffers.
LIMITS = (200000, 250000, 300000, 400000, 600000)


def limit_trials(bench, _chosen):
    shipped = os.path.join(os.path.dirname(bench.cfedit), "weights")
    real = {"CFEDIT_MODEL": shipped, "LT_BLAS": "", "OMP_NUM_THREADS": "2"}
    if not os.path.exists(os.path.join(shipped, "generator.safetensors")):
        print("     limits: there is no model in " + shipped, flush=True)
        return
    for command in shipped_commands(bench):
        for limit in LIMITS:
            yield Trial(bench, command, real, f"limit {command.name} {limit} KiB", expected=False, space=limit, threads=2)


def run_all(trials, jobs):
    """Runs trials side by side, without making more of them ahead than needed. The numbers passed and failed."""
    passed = failed = 0
    statuses = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = set()
        for trial in trials:
            waiting.add(pool.submit(trial.run))
            if len(waiting) < 2 * jobs:
                continue
            done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                passed, failed = tell(future.result(), passed, failed, statuses)
        for future in waiting:
            passed, failed = tell(future.result(), passed, failed, statuses)
    print("     exit statuses: " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())))
    return passed, failed


def tell(trials, passed, failed, statuses):
    if len(trials) > 1:
        print(f"     {trials[0].name.split(':')[0]}: {len(trials) - 1} call stacks", flush=True)
    for trial in trials:
        status = "no end" if trial.status is None else str(trial.status)
        statuses[status] = statuses.get(status, 0) + 1
        if trial.complaint:
            print(f"FAIL {trial.name}: {trial.complaint}", flush=True)
            failed += 1
        else:
            passed += 1
    return passed, failed


def stop_trials(bench, chosen):
    return stops.trials(bench, chosen, SEED)


PARTS = {"alloc": alloc_trials, "files": file_trials, "stops": stop_trials, "limits": limit_trials,
         "mutations": mutation_trials}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cfedit", default="./cfedit")
    parser.add_argument("--tiny", default="build/make_tiny_model")
    parser.add_argument("--faults", default="build/faults.so")
    parser.add_argument("--checked")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    if any(part not in PARTS for part in options.parts):
        parser.error("PART is one of " + ", ".join(PARTS))
    rng = random.Random(SEED)

    def chosen(most, share):
        """The numbers of the trials that are run, of `most`; `share` of them in a short run."""
        share *= options.times
        return range(most) if options.all or most <= share else sorted(rng.sample(range(most), share))

    passed = failed = 0
    folder = tempfile.mkdtemp(prefix="cfedit-faults.")
    try:
        bench = prepare(folder, options)
        if options.only:
            bench.commands = [command for command in bench.commands if command.name in options.only.split(",")]
        for command in bench.commands:
            learn_reference(bench, command)
        for part in options.parts or PARTS:
            p, f = run_all(PARTS[part](bench, chosen), options.jobs)
            print(f"ok   {part}: {p} trials" if not f else f"FAIL {part}: {f} of {p + f} trials", flush=True)
            passed, failed = passed + p, failed + f
    except (subprocess.SubprocessError, RuntimeError) as error:
        print(f"FAIL the setting up of faults: {error}")
        failed += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
