"""Faults: failing calls of the C library, and damaged model files, through every command.

    run.py --cfedit PROGRAM --tiny MAKE_TINY_MODEL --faults FAULTS.SO [--checked PROGRAM] [--all] [PART]...

The parts are `alloc` (an allocation fails), `files` (a call on a file fails, or the disk is full), `limits`
(the address space is limited, with the BLAS, two threads and the model that ships) and `mutations` (a
model's file has one wrong type, shape, name, offset or metadata). Whatever happens, the
program has to end by itself with one line on standard error, without temporary files, and with outputs
that are whole or not there. A part runs a seeded sample of its trials, with --all every one. The
mutations run with the program --checked, which may have sanitizers, where it is given.

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
from trials import Trial, prepare, reference_of, shipped_commands

SEED = 22

# Errors of the trials with files: (kind of call, number of errno, whether all later calls fail).
EIO, ENOSPC, ENOMEM = 5, 28, 12
FILE_FAULTS = [(kind, EIO, False) for kind in ("open", "read", "write", "sync", "rename", "close")] + [
    ("write", ENOSPC, True), ("open", ENOSPC, True), ("sync", ENOSPC, True)]


def faults(kind, at, error, on, library):
    """The environment in which call number `at` of a kind fails."""
    return {"LD_PRELOAD": library, "FAULT_KIND": kind, "FAULT_AT": str(at), "FAULT_ERRNO": str(error),
            "FAULT_ON": "1" if on else "0"}


def trace(bench, command, kind):
    """The numbers of the first call of a kind from each different call stack."""
    path = os.path.join(bench.folder, "trace." + command.name + "." + kind)
    Trial(bench, command, {"LD_PRELOAD": bench.library, "FAULT_KIND": kind, "FAULT_TRACE": path}).run()
    with open(path, encoding="ascii") as file:
        return [int(line) for line in file]


def alloc_trials(bench, chosen):
    for command in bench.commands:
        calls = trace(bench, command, "alloc")
        print(f"     alloc {command.name}: {len(calls)} different call stacks", flush=True)
        for at in chosen(calls, command.share):
            yield Trial(bench, command, faults("alloc", at, ENOMEM, False, bench.library), f"alloc {command.name} {at}")


def file_trials(bench, chosen):
    for command in bench.commands:
        calls = {}
        for kind, error, on in FILE_FAULTS:
            if kind not in calls:
                calls[kind] = trace(bench, command, kind)
            for at in chosen(calls[kind], command.share // 5):
                name = f"{kind} {command.name} {at} {os.strerror(error)}{' from then on' if on else ''}"
                yield Trial(bench, command, faults(kind, at, error, on, bench.library), name)


def mutation_trials(bench, chosen):
    rng = random.Random(SEED)
    for target in mutations.targets(bench):
        for number in chosen(list(range(target.most)), target.share):
            made = os.path.join(bench.folder, f"mutated.{target.name}.{number}.safetensors")
            what = mutations.mutate(target.path, made, random.Random(f"{SEED} {target.name} {number}"))
            command = rng.choice(target.commands)
            yield Trial(bench, command.reading(made), {}, f"mutation {command.name}: {target.name}: {what}",
                        statuses=(0, 1, 2), expected=None, program=bench.checked, remove=made)


# Limits of the address space in KiB, from too little for OpenBLAS to enough for two of its buffers.
LIMITS = (200000, 250000, 300000, 400000, 600000)


def limit_trials(bench, chosen):
    shipped = os.path.join(os.path.dirname(bench.cfedit), "weights")
    real = {"CFEDIT_MODEL": shipped, "LT_BLAS": "", "OMP_NUM_THREADS": "2"}
    if not os.path.exists(os.path.join(shipped, "generator.safetensors")):
        print("     limits: there is no model in " + shipped, flush=True)
        return
    for command in shipped_commands(bench):
        for limit in LIMITS:
            yield Trial(bench, command, real, f"limit {command.name} {limit} KiB", expected=False, space=limit,
                        threads=2, timeout=60)


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


def tell(trial, passed, failed, statuses):
    status = "no end" if trial.status is None else str(trial.status)
    statuses[status] = statuses.get(status, 0) + 1
    if not trial.complaint:
        return passed + 1, failed
    print(f"FAIL {trial.name}: {trial.complaint}", flush=True)
    return passed, failed + 1


PARTS = {"alloc": alloc_trials, "files": file_trials, "limits": limit_trials, "mutations": mutation_trials}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cfedit", default="./cfedit")
    parser.add_argument("--tiny", default="build/make_tiny_model")
    parser.add_argument("--faults", default="build/faults.so")
    parser.add_argument("--checked")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    if any(part not in PARTS for part in options.parts):
        parser.error("PART is one of " + ", ".join(PARTS))
    rng = random.Random(SEED)

    def chosen(calls, most):
        if options.all or len(calls) <= most:
            return calls
        return sorted(rng.sample(calls, most))

    passed = failed = 0
    folder = tempfile.mkdtemp(prefix="cfedit-faults.")
    try:
        bench = prepare(folder, options)
        for command in bench.commands:
            command.expected = reference_of(bench, command)
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
