"""Runs of the program in a folder of their own, and what is asked of them."""
import hashlib
import os
import re
import resource
import shutil
import subprocess

TARGET = "face with green lips"
TIMEOUT = 600


class Command:
    """A command line. INPUT stands for the file that a mutation replaces."""

    def __init__(self, name, arguments, outputs=(), share=40, before=()):
        self.name, self.arguments, self.outputs, self.share = name, arguments, outputs, share
        self.before = before  # pairs (file, name below the run's folder) that are copied there first
        self.expected = None

    def reading(self, path):
        """This command with `path` for INPUT."""
        made = Command(self.name, [a.replace("INPUT", path) for a in self.arguments], self.outputs,
                       before=[(path if source == "INPUT" else source, name) for source, name in self.before])
        return made


class Bench:
    """The programs, the tiny model and the files that commands read."""

    def __init__(self, folder, options):
        self.folder = folder
        self.cfedit, self.library = os.path.abspath(options.cfedit), os.path.abspath(options.faults)
        self.checked = os.path.abspath(options.checked) if options.checked else self.cfedit
        self.model = os.path.join(folder, "model")
        self.commands = []

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


class Trial:
    """One run. After run(): `status`, and `complaint`, empty where all is well."""

    count = 0

    def __init__(self, bench, command, environment, name="", statuses=(0, 1), expected=True, program=None, remove=None,
                 space=None, threads=1, timeout=TIMEOUT):
        self.bench, self.command, self.environment, self.name = bench, command, environment, name
        self.statuses, self.program, self.remove = statuses, program or bench.cfedit, remove
        self.expected = command.expected if expected else None
        self.space, self.threads, self.timeout = space, threads, timeout  # space: KiB of addresses, as `ulimit -v`
        self.status, self.complaint, self.files = None, "", {}
        Trial.count += 1
        self.folder = os.path.join(bench.folder, f"trial-{Trial.count}")

    def run(self):
        os.makedirs(self.folder)
        for source, name in self.command.before:
            shutil.copy(source, os.path.join(self.folder, name))
        try:
            done = subprocess.run([self.program, *self.command.arguments, "--quiet", "--threads", str(self.threads)],
                                  cwd=self.folder, preexec_fn=self.limit if self.space else None,
                                  env=self.bench.environment(self.environment), stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=self.timeout, check=False)
            self.status, self.errors = done.returncode, done.stderr.decode("utf-8", "replace")
            self.files = contents(self.folder)
            self.complaint = self.judge()
        except subprocess.TimeoutExpired:
            self.complaint = f"no end after {self.timeout} s"
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
            if self.remove:
                os.unlink(self.remove)
        return self

    def limit(self):
        resource.setrlimit(resource.RLIMIT_AS, (1024 * self.space, 1024 * self.space))

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
        return ""


def cause(lines):
    """The lines of a message that tell most: a sanitizer's summary, else the first."""
    telling = [line for line in lines if re.search("SUMMARY|runtime error|ERROR: ", line)]
    return " | ".join((telling or lines)[:2])[:300]


def contents(folder):
    """The names of all files below a folder, with the hashes of what is in them."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


def reference_of(bench, command):
    """What an undisturbed run leaves: hashes by name, None where two runs differ (a log holds times)."""
    first, second = Trial(bench, command, {}).run(), Trial(bench, command, {}).run()
    for trial in (first, second):
        if trial.status != 0 or trial.complaint:
            raise RuntimeError(f"{command.name}: exit status {trial.status}: {trial.complaint or trial.errors}")
    expected = {name: mark if second.files.get(name) == mark else None for name, mark in first.files.items()}
    for name in expected:
        if name.endswith(".jsonl"):
            expected[name] = None  # is written line by line
    return expected


def prepare(folder, options):
    """Makes the tiny model, and by it the files that the commands read."""
    bench = Bench(folder, options)
    os.makedirs(os.path.join(bench.model, "bare"))
    subprocess.run([os.path.abspath(options.tiny), bench.model], check=True)
    latents, photo, mapper = bench.file("model/latents.safetensors"), bench.file("photo.png"), bench.file("m.safetensors")
    channels, checkpoint = bench.file("channels.safetensors"), bench.file("m.checkpoint.safetensors")
    train = ["train", "--target", TARGET, "--latents", latents, "--batch", "1", "--copies", "1", "--templates", "2",
             "--id-lambda", "0", "--image-interval", "0", "--val-interval", "0", "--save-interval", "1"]
    directions = ["edit", "--method", "global-directions", "--target", TARGET, "--seed", "7", "-o", "gd.png"]
    for arguments in (["generate", "--seed", "3", "-o", photo], [*train, "--steps", "1", "-o", mapper],
                      [*directions, "--channels", channels]):
        done = subprocess.run([bench.cfedit, *arguments, "--quiet", "--threads", "1"], cwd=folder, check=False,
                              env=bench.environment({}), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
    resume = [*train, "--steps", "2", "-o", "m.safetensors", "--resume"]
    bench.train, bench.directions, bench.resume = train, directions, resume
    bench.photo, bench.mapper, bench.channels, bench.checkpoint = photo, mapper, channels, checkpoint
    edit = ["edit", "--target", TARGET, "--seed", "7", "--steps", "1", "--copies", "2", "-o", "edit.png"]
    bench.commands = [
        Command("edit", [*edit, "--dump", "edit.safetensors"]),
        Command("generate", ["generate", "--seeds", "1-2", "-o", "faces", "--dump", "faces.safetensors"], share=60),
        Command("invert", ["invert", "--image", photo, "--steps", "1", "--starts", "1", "-o", "inv.safetensors"]),
        Command("train", [*train, "--steps", "1", "-o", "t.safetensors", "--log", "log.jsonl"], share=12),
        Command("apply", ["apply", "--mapper", mapper, "--seed", "1", "-o", "a.png"]),
        Command("directions", [*directions, "--channels", channels]),
        Command("embed", ["embed", "--text", "face", "--dump", "e.safetensors"], share=60),
        Command("score", ["score", "--text", "red", "--text", "green", photo], share=60),
        Command("info", ["info", "--json", bench.file("model/clip.safetensors")], share=60),
        Command("tokenize", ["tokenize", TARGET], share=60),
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
