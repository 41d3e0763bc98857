"""Runs that a signal stops at a chosen instant, once or several times, and that --resume continues."""
import json
import os
import random
import shutil
import signal
import struct
import zlib

from trials import TARGET, Command, Trial, contents, mark_of

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
# What an instant is counted by: any allocation, any call on a file, or processor time (faults.c).
CLOCKS = ["alloc", "file", "time"]
INTERRUPTED = 130
# Trials of a command in all, and in a short run.
MOST, SHARE = 400, 6
# Keys of a training's log that differ from run to run.
TIMES = {"seconds"}


def commands(bench):
    """Command lines that --resume continues; each makes several results."""
    photos = [part for number in (1, 2, 3) for part in ("--image", bench.file(f"photos/seed-{number}.png"))]
    train = [*bench.train, "--steps", "4", "-o", "m.safetensors", "--log", "log.jsonl"]
    train[train.index("--image-interval") + 1] = "2"
    train[train.index("--val-interval") + 1] = "2"
    return [
        Command("train", [*train, "--test-dataset-size", "2"]),
        Command("edit", ["edit", "--target", TARGET, "--seeds", "1-3", "--steps", "1", "--fit-steps", "1", "--copies", "1",
                         "--templates", "2", "-o", "edited"]),
        Command("invert", ["invert", *photos, "--steps", "3", "--starts", "2", "-o", "i.safetensors"]),
        Command("generate", ["generate", "--seeds", "1-9", "-o", "faces"]),
    ]


class Stop:
    """A signal at an instant: when the clock says `at`. `twice`: again at every later count."""

    def __init__(self, rng, totals):
        self.signal = rng.choice(SIGNALS)
        self.clock = rng.choice(CLOCKS)
        self.at = rng.randint(1, totals[self.clock])
        self.twice = self.clock != "time" and rng.random() < 0.25

    def environment(self, library):
        return {"LD_PRELOAD": library, "FAULT_KIND": self.clock, "FAULT_AT": str(self.at),
                "FAULT_SIGNAL": str(int(self.signal)), "FAULT_ON": "1" if self.twice else "0"}

    def __str__(self):
        return f"{self.signal.name}{' twice' if self.twice else ''} at {self.clock} {self.at}"


class StoppedTrial(Trial):
    """One to three runs with a signal, all but the first with --resume, and one that ends."""

    def __init__(self, bench, command, stops):
        super().__init__(bench, command, {}, f"{command.name}: " + ", ".join(map(str, stops)))
        self.stops = stops

    def run(self):
        os.makedirs(self.folder)
        try:
            self.complaint = self.stop_and_resume()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return [self]

    def stop_and_resume(self):
        again, killed = [], False
        for stop in self.stops:
            self.status, self.errors, _ = self.bench.execute([*self.command.arguments, *again], self.folder,
                                                             stop.environment(self.bench.library))
            if self.status is None:
                return f"after {stop}: it waits for ever"
            killed = killed or self.status < 0
            complaint = self.judge_stopped(stop, killed)
            if complaint:
                return f"after {stop}: {complaint}"
            again = ["--resume"]
        status, self.errors, _ = self.bench.execute([*self.command.arguments, *again], self.folder)
        if status != 0 or self.errors:
            return f"--resume: exit status {status}: {self.errors.strip()[:300]}"
        return self.judge_resumed()

    def judge_stopped(self, stop, killed):
        """A stopped run has ended in one of the ways that it may, and every file that is there is whole. What a run that was
        `killed` leaves stays until the result is made again."""
        if self.status not in (0, INTERRUPTED, -stop.signal):
            return f"exit status {self.status}: {self.errors.strip()[:300]}"
        lines = self.errors.splitlines()
        if self.status == INTERRUPTED and (len(lines) != 1 or "stopped" not in lines[0]):
            return f"exit status {INTERRUPTED} and the message {self.errors.strip()[:300]!r}"
        names = list(contents(self.folder))
        left = [name for name in names if is_hidden(name)]
        if not killed and left:
            return f"left behind: {', '.join(left)}"
        for name in names:
            flaw = "" if is_hidden(name) else flaw_of(os.path.join(self.folder, name))
            if flaw:
                return f"{name} is half-written: {flaw}"
        return ""

    def judge_resumed(self):
        self.files = marks_of(self.folder)
        expected = self.command.expected
        if set(self.files) != set(expected):
            return (f"missing after --resume: {sorted(set(expected) - set(self.files))}, "
                    f"left behind: {sorted(set(self.files) - set(expected))}")
        other = sorted(name for name, mark in self.files.items() if mark != expected[name])
        return f"not what an undisturbed run writes: {', '.join(other)}" if other else ""


def is_hidden(name):
    """Temporary files and locks have names that begin with a dot."""
    return os.path.basename(name).startswith(".")


def flaw_of(path):
    """What is wrong with a file of a finished name; empty where it is whole. This reads the formats anew, so that a file
    is not judged by the program that wrote it."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        if path.endswith(".png"):
            return flaw_of_png(data)
        if path.endswith(".safetensors"):
            length = struct.unpack("<Q", data[:8])[0]
            tensors = [entry for name, entry in json.loads(data[8:8 + length]).items() if name != "__metadata__"]
            end = max((entry["data_offsets"][1] for entry in tensors), default=0)
            return "" if len(data) == 8 + length + end else f"{len(data)} bytes instead of {8 + length + end}"
        # A log grows line by line: its last line may be cut, and --resume drops it.
        for line in data.split(b"\n")[:-1]:
            json.loads(line)
    except (struct.error, ValueError, KeyError) as error:
        return str(error)
    return ""


def flaw_of_png(data):
    at, name = 8, b""
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        chunk, end = data[at + 4:at + 8 + length], data[at + 8 + length:at + 12 + length]
        if struct.unpack(">I", end)[0] != zlib.crc32(chunk):
            return f"the checksum of {name!r}"
        at += 12 + length
    return "" if name == b"IEND" else "it has no end"


def marks_of(folder):
    """The hashes of all files below a folder; of a log without its times."""
    marks = contents(folder)
    for name in marks:
        if name.endswith(".jsonl"):
            with open(os.path.join(folder, name), encoding="ascii") as file:
                lines = [json.loads(line) for line in file]
            untimed = [{key: value for key, value in line.items() if key not in TIMES} for line in lines]
            marks[name] = mark_of(json.dumps(untimed).encode())
    return marks


def total(bench, command, clock):
    """How far a clock gets in an undisturbed run."""
    path = bench.file(f"total.{command.name}.{clock}")
    Trial(bench, command, {"LD_PRELOAD": bench.library, "FAULT_KIND": clock, "FAULT_TOTAL": path}, expected=False).run()
    with open(path, encoding="ascii") as file:
        return int(file.read())


def undisturbed(bench, command):
    """The marks of what a run without signals writes."""
    folder = bench.file("undisturbed." + command.name)
    os.makedirs(folder)
    status, errors, _ = bench.execute(command.arguments, folder)
    if status:
        raise RuntimeError(f"{command.name}: exit status {status}: {errors}")
    return marks_of(folder)


def trials(bench, chosen, seed):
    """Trials of each command: those of the numbers that are chosen."""
    status, errors, _ = bench.execute(["generate", "--seeds", "1-3", "-o", bench.file("photos")], bench.folder)
    if status:
        raise RuntimeError(errors)
    for command in commands(bench):
        command.expected = undisturbed(bench, command)
        totals = {clock: total(bench, command, clock) for clock in CLOCKS}
        print(f"     stops {command.name}: instants among "
              f"{totals['alloc']} allocations, {totals['file']} calls on files, {totals['time']} microseconds", flush=True)
        for number in chosen(MOST, SHARE):
            rng = random.Random(f"{seed} {command.name} {number}")
            yield StoppedTrial(bench, command, [Stop(rng, totals) for _ in range(rng.choice([1, 1, 2, 3]))])
