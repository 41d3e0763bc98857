"""Runs of the program in a folder of their own, and what is asked of them."""
import hashlib
import os
import re
import resource
import shutil
import subprocess

TARGET = "face with green lips"
# A run that computes for ever gets SIGXCPU. Processor time, because a busy machine must not fail a trial.
MOST_CPU_SECONDS = 120
# A run that uses no processor time from one look to the next waits for something that never comes.
LOOK_SECONDS = 60


class Command:
    """A command line. INPUT stands for the file that a mutation replaces."""

    def __init__(self, name, arguments, before=(), prints=False):
        self.name, self.arguments = name, arguments
        self.prints = prints  # whether the results are printed, all at once and without times
        self.before = before  # pairs (file, name below the run's folder) that are copied there first
        # What an undisturbed run leaves, and what it prints; None: anything.
        self.expected, self.output = None, None

    def reading(self, path):
        """This command with `path` for INPUT."""
        return Command(self.name, [a.replace("INPUT", path) for a in self.arguments],
                       before=[(path if source == "INPUT" else source, name) for source, name in self.before])


class Bench:
    """The programs, the tiny model and the files that commands read."""

    def __init__(self, folder, options):
        self.folder = folder
        self.cfedit, self.library = os.path.abspath(options.cfedit), os.path.abspath(options.faults)
        self.checked = os.path.abspath(options.checked) if options.checked else self.cfedit
        self.model = os.path.join(folder, "model")
        self.commands = []
        self.marks = {}

    def file(self, name):
        return os.path.join(self.folder, name)

    def environment(self, more):
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("LT_", "CFEDIT", "FAULT"))}
        # The built-in products give the same bits whether or not a BLAS could be loaded.
        keep.update({"CFEDIT_MODEL": self.model, "LT_BLAS": "portable", "OMP_NUM_THREADS": "1", "LC_ALL": "C",
                     "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:abort_on_error=1",
                     "UBSAN_OPTIONS": "abort_on_error=1"})
        keep.update(more)
        return keep

    def execute(self, arguments, folder, more=None, program=None, threads=1, space=None):
        """Runs the program, with at most `space` KiB of addresses (`ulimit -v`). Its exit status (None: it waited for ever
        and was killed), its messages and its output."""
        process = subprocess.Popen([program or self.cfedit, *arguments, "--quiet", "--threads", str(threads)], cwd=folder,
                                   preexec_fn=(lambda: limit_space(space)) if space else None,
                                   env=self.environment(more or {}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS + 1))
        used, asleep = -1, False
        while True:
            try:
                output, errors = process.communicate(timeout=LOOK_SECONDS)
                return None if asleep else process.returncode, errors.decode("utf-8", "replace"), output
            except subprocess.TimeoutExpired:
                before, used = used, cpu_time(process.pid)
                asleep = before == used
                if asleep:
                    process.kill()


def limit_space(space):
    resource.setrlimit(resource.RLIMIT_AS, (1024 * space, 1024 * space))


def cpu_time(pid):
    """Ticks of processor time of a process and of the processes that it has split off."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            ticks = [int(field) for field in file.read().rpartition(")")[2].split()[11:15]]
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
    except FileNotFoundError:
        return 0
    return sum(ticks) + sum(cpu_time(child) for child in children)


class Trial:
    """One run. run() gives a list of trials that are done: `status`, and `complaint`, empty where all is well."""

    count = 0

    def __init__(self, bench, command, environment, name="", statuses=(0, 1), expected=True, program=None, remove=None,
                 space=None, threads=1):
        self.bench, self.command, self.environment, self.name = bench, command, environment, name
        self.space, self.threads = space, threads
        self.statuses, self.program, self.remove = statuses, program or bench.cfedit, remove
        self.expected = command.expected if expected else None
        self.status, self.complaint, self.files, self.output = None, "", {}, None
        Trial.count += 1
        self.folder = os.path.join(bench.folder, f"trial-{Trial.count}")

    def run(self):
        os.makedirs(self.folder)
        for source, name in self.command.before:
            shutil.copy(source, os.path.join(self.folder, name))
        try:
            self.status, self.errors, self.output = self.bench.execute(self.command.arguments, self.folder, self.environment,
                                                                       self.program, self.threads, self.space)
            self.files = contents(self.folder)
            self.complaint = "it waits for ever" if self.status is None else self.judge()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
            if self.remove:
                os.unlink(self.remove)
        return [self]

    def judge(self):
        lines = self.errors.splitlines()
        if self.status < 0:
            return f"signal {-self.status}: {cause(lines)}"
        if self.status not in self.statuses:
            return f"exit status {self.status}: {cause(lines)}"
        if self.status != 0 and (len(lines) != 1 or not lines[0].startswith("cfedit: ")):
            return f"{len(lines)} lines on standard error: {' | '.join(lines[:3])[:300]}"
        left = [name for name in self.files if os.path.basename(name).startswith(".")]
        if left:
            return f"left behind: {', '.join(left)}"
        return self.judge_outputs() if self.expected else ""

    def judge_outputs(self):
        for name, mark in self.files.items():
            if name not in self.expected:
                return f"{name} was written, which no undisturbed run does"
            if self.expected[name] and mark != self.expected[name]:
                return f"{name} is not what an undisturbed run writes"
        missing = [name for name in self.expected if name not in self.files]
        if self.status == 0 and missing:
            return f"exit status 0 without {', '.join(missing)}"
        if self.status == 0 and self.command.output not in (None, self.output):
            return f"exit status 0, but it prints {self.output[:200]!r}"
        return ""


class ForkedTrials:
    """The first call of a kind from each different call stack fails, each in a process that is split off there
    (FAULT_FORK): what comes before the call is computed once for all trials."""

    def __init__(self, bench, command, kind, error, on=False):
        self.bench, self.command, self.kind, self.on, self.error = bench, command, kind, on, error
        Trial.count += 1
        self.folder = os.path.join(bench.folder, f"trial-{Trial.count}")

    def run(self):
        home, forks = os.path.join(self.folder, "home"), os.path.join(self.folder, "forks")
        os.makedirs(home)
        os.makedirs(forks)
        environment = {"LD_PRELOAD": self.bench.library, "FAULT_KIND": self.kind, "FAULT_ERRNO": str(self.error),
                       "FAULT_ON": "1" if self.on else "0", "FAULT_FORK": forks}
        whole = Trial(self.bench, self.command, environment, f"{self.kind} {self.command.name}: the run without a fault")
        try:
            whole.status, whole.errors, whole.output = self.bench.execute(self.command.arguments, home, environment)
            whole.files = contents(home)
            whole.complaint = "it waits for ever" if whole.status is None else whole.judge() or ("" if whole.status == 0 else f"exit status {whole.status}: {whole.errors}")
            with open(os.path.join(forks, "trials"), encoding="ascii") as file:
                return [whole] + [self.judge(forks, *line.split()) for line in file]
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def judge(self, forks, number, status):
        name = f"{self.kind} {self.command.name} {number} {os.strerror(self.error)}{' from then on' if self.on else ''}"
        trial = Trial(self.bench, self.command, {}, name)
        trial.status = int(status)
        messages = os.path.join(forks, number + ".stderr")
        if not os.path.exists(messages):
            trial.complaint = f"the process could not be split off: exit status {status}"
            return trial
        with open(messages, "rb") as file:
            trial.errors = file.read().decode("utf-8", "replace")
        with open(os.path.join(forks, number + ".stdout"), "rb") as file:
            trial.output = file.read()
        trial.files = contents(os.path.join(forks, number), self.bench.marks)
        trial.complaint = trial.judge()
        return trial


def cause(lines):
    """The lines of a message that tell most: a sanitizer's summary, else the first."""
    telling = [line for line in lines if re.search("SUMMARY|runtime error|ERROR: ", line)]
    return " | ".join((telling or lines)[:2])[:300]


def contents(folder, known=None):
    """The names of all files below a folder, with the hashes of what is in them. `known` keeps the hashes of files that
    have several names, which are finished files."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            file = os.stat(path)
            key = (file.st_ino, file.st_mtime_ns, file.st_size)
            mark = known.get(key) if known is not None and file.st_nlink > 1 else None
            if mark is None:
                with open(path, "rb") as data:
                    mark = mark_of(data.read())
            if known is not None:
                known[key] = mark
            found[os.path.relpath(path, folder)] = mark
    return found


def mark_of(data):
    return hashlib.sha256(data).hexdigest()


def learn_reference(bench, command):
    """Finds out what an undisturbed run leaves, hashes by name, None where two runs differ (a log holds times), and
    what it prints."""
    (first,), (second,) = Trial(bench, command, {}).run(), Trial(bench, command, {}).run()
    for trial in (first, second):
        if trial.status != 0 or trial.complaint:
            raise RuntimeError(f"{command.name}: exit status {trial.status}: {trial.complaint or trial.errors}")
    expected = {name: mark if second.files.get(name) == mark else None for name, mark in first.files.items()}
    for name in expected:
        if name.endswith(".jsonl"):
            expected[name] = None  # is written line by line
    command.expected = expected
    command.output = first.output if command.prints else None


def prepare(folder, options):
    """Makes the tiny model, and by it the files that the commands read."""
    bench = Bench(folder, options)
    os.makedirs(os.path.join(bench.model, "bare"))
    subprocess.run([os.path.abspath(options.tiny), bench.model], check=True)
    latents, photo, mapper = bench.file("model/latents.safetensors"), bench.file("photo.png"), bench.file("m.safetensors")
    channels, checkpoint = bench.file("channels.safetensors"), bench.file("single.checkpoint.safetensors")
    train = ["train", "--target", TARGET, "--latents", latents, "--batch", "1", "--copies", "1", "--templates", "2",
             "--id-lambda", "0", "--image-interval", "0", "--val-interval", "0", "--save-interval", "1"]
    # One mapper for all layers: its checkpoints are a third as large.
    single = [*train, "--mapper-type", "single"]
    directions = ["edit", "--method", "global-directions", "--target", TARGET, "--seed", "7", "-o", "gd.png"]
    for arguments in (["generate", "--seed", "3", "-o", photo], [*train, "--steps", "1", "-o", mapper],
                      [*single, "--steps", "1", "-o", bench.file("single.safetensors")], [*directions, "--channels", channels]):
        status, errors, _ = bench.execute(arguments, folder)
        if status:
            raise RuntimeError(errors)
    resume = [*single, "--steps", "2", "-o", "m.safetensors", "--resume"]
    bench.train, bench.directions, bench.resume = single, directions, resume
    bench.photo, bench.mapper, bench.channels, bench.checkpoint = photo, mapper, channels, checkpoint
    edit = ["edit", "--target", TARGET, "--seed", "7", "--steps", "1", "--copies", "2", "-o", "edit.png"]
    bench.commands = [
        Command("edit", [*edit, "--dump", "edit.safetensors"]),
        Command("generate", ["generate", "--seeds", "1-2", "-o", "faces", "--dump", "faces.safetensors"]),
        Command("invert", ["invert", "--image", photo, "--steps", "1", "--starts", "1", "-o", "inv.safetensors"]),
        Command("train", [*single, "--steps", "1", "-o", "t.safetensors", "--log", "log.jsonl"]),
        Command("apply", ["apply", "--mapper", mapper, "--seeds", "1-2", "-o", "applied"]),
        Command("directions", [*directions, "--channels", channels]),
        Command("embed", ["embed", "--text", "face", "--dump", "e.safetensors"], prints=True),
        Command("score", ["score", "--text", "red", "--text", "green", photo], prints=True),
        Command("info", ["info", "--json", bench.file("model/clip.safetensors")], prints=True),
        Command("info of a part", ["info", bench.file("model/mapper.safetensors")], prints=True),
        Command("tokenize", ["tokenize", TARGET], prints=True),
    ]
    return bench


def shipped_commands(bench):
    """Commands for the model that ships, short ones."""
    return [
        Command("edit", ["edit", "--target", TARGET, "--seed", "7", "--steps", "1", "--fit-steps", "2", "-o", "e.png"]),
        Command("generate", ["generate", "--seeds", "1-2", "-o", "faces"]),
        Command("score", ["score", "--text", "red", "--text", "green", bench.photo]),
        Command("info", ["info"]),
        Command("invert", ["invert", "--image", bench.photo, "--steps", "2", "-o", "i.safetensors"]),
        Command("train", ["train", "--target", TARGET, "--steps", "1", "--train-dataset-size", "4", "-o",
                          "t.safetensors"]),
    ]
