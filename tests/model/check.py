#!/usr/bin/python3
"""Searches every state of a model with spin, and then every model that was broken on purpose.

Usage: check.py MODEL.pml [NAME...]    all that the model's opening comment lists, or those named
Exit:  0 no error in the model and one in each broken model, 1 otherwise, 77 spin isn't installed.

The comment lists what to do, a line each:
    run: NAME FLAGS             a variant of the model; FLAGS are -DX[=Y] for the model and `live` for its ltl claim, which is
                                then checked for fair schedules
    break: NAME VARIANT TEXT    with BREAK_NAME defined, that variant must have an error
A statement that no variant reaches is an error as well, for a model that doesn't get there proves nothing; `unreached:`
before a piece of a line's text in the comment allows for it.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIPPED = 77
MEMORY_MIB = 900
DEPTH = 100000


class Model:
    def __init__(self, path):
        self.path = path
        self.lines = path.read_text(encoding="utf-8").splitlines()
        text = "\n".join(self.lines)
        comment = text[: text.index("*/")]
        self.variants = {name: flags.split() for name, flags in re.findall(r"^ \* run: (\w+)(.*)$", comment, re.M)}
        self.breaks = {name: variant for name, variant in re.findall(r"^ \* break: (\w+) +(\w+) ", comment, re.M)}
        self.allowed = re.findall(r"^ \* unreached: (.+)$", comment, re.M)
        used = set(re.findall(r"\bBREAK_(\w+)", text[len(comment) :]))
        if not self.variants or used != set(self.breaks):
            sys.exit(f"{path}: the comment and the model differ in: {sorted(used ^ set(self.breaks))}")
        for name, variant in self.breaks.items():
            if variant not in self.variants:
                sys.exit(f"{path}: {name} wants variant {variant}, which isn't there")


class Search:
    """One search of all states; `errors` is what spin found, `lines` whether it got to each of them."""

    def __init__(self, model, flags):
        with tempfile.TemporaryDirectory(prefix="tothread-model-") as folder:
            self.folder = Path(folder)
            shutil.copy(model.path, self.folder / "model.pml")
            started = time.monotonic()
            self.search(flags)
            self.seconds = time.monotonic() - started
            self.read_numbers()
            self.trail = self.run("spin", "-t", "-p", *self.defines, "model.pml") if self.errors else ""

    def run(self, *command):
        result = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
        return result.stdout

    def search(self, flags):
        is_live = "live" in flags
        self.defines = [flag for flag in flags if flag.startswith("-D")]
        complaint = self.run("spin", "-a", *self.defines, "model.pml")
        kind = ["-DNFAIR=3"] if is_live else ["-DSAFETY", "-DNOCLAIM"]
        # Compiling is most of it: clang takes half of gcc's time without optimisation, and a third of what -O1 takes.
        compiler = "clang" if shutil.which("clang") else "gcc"
        complaint += self.run(compiler, "-O0", "-w", f"-DMEMLIM={MEMORY_MIB}", *kind, "-o", "pan", "pan.c")
        if not (self.folder / "pan").exists():
            sys.exit(f"the model can't be built with {' '.join(flags)}:\n{complaint}")
        how = ["-a", "-f"] if is_live else []
        self.output = self.run("./pan", f"-m{DEPTH}", "-w20", *how)

    def read_numbers(self):
        found = re.search(r"errors: (\d+)", self.output)
        self.states = int((re.search(r"(\d+) states, stored", self.output) or [0, 0])[1])
        self.is_complete = found is not None and not re.search(
            r"max search depth too small|out of memory|Search not completed", self.output)  # fmt: skip
        # Only a violation counts: an error in the use of spin, or memory that ran out, is no finding.
        self.errors = re.findall(r"^pan:\d+: (.*)$", self.output, re.M) if found and int(found[1]) > 0 else []
        self.lines = self.reached_lines() if not self.errors else {}

    def reached_lines(self):
        """A line of an inline function stands for a state in each place that uses it."""
        process = None
        never = set()
        for line in self.output.splitlines():
            if line.startswith("unreached in"):
                process = line.split()[-1]
            elif match := re.match(r"\t\S+?:\d+, state (\d+),", line):
                never.add((process, match[1]))
        reached = {}
        for line in self.run("./pan", "-d").splitlines():
            if line.startswith("proctype"):
                process = line.split()[1]
            elif match := re.match(r"\tstate +(\d+) .*model\.pml:(\d+) =>", line):
                number = int(match[2])
                reached[number] = reached.get(number, False) or (process, match[1]) not in never
        return reached


def report(text):
    print(text, flush=True)


def check_variants(model, names):
    failures = []
    reached = {}
    for name in names:
        search = Search(model, model.variants[name])
        report(f"run   {name:24} {search.states:9} states {search.seconds:6.1f} s")
        if search.errors or not search.is_complete:
            failures.append(name)
            report(search.trail[-6000:] + search.output)
        for number, is_reached in search.lines.items():
            reached[number] = reached.get(number, False) or is_reached
    if set(names) == set(model.variants):
        for number in sorted(number for number, is_reached in reached.items() if not is_reached):
            line = model.lines[number - 1]
            if not any(piece in line for piece in model.allowed):
                failures.append(f"line {number}")
                report(f"{model.path}:{number}: no variant gets here: {line.strip()}")
    return failures


def check_breaks(model, names):
    failures = []
    for name in names:
        search = Search(model, [*model.variants[model.breaks[name]], f"-DBREAK_{name}"])
        what = search.errors[0] if search.errors else "NOTHING WAS FOUND"
        report(f"break {name:24} {search.states:9} states {search.seconds:6.1f} s  {what}")
        if not search.errors:
            failures.append(name)
            report(search.output)
    return failures


def main():
    if len(sys.argv) < 2:
        print(f"usage: {sys.argv[0]} MODEL.pml [NAME...]", file=sys.stderr)
        return 64
    os.environ["PATH"] = "/usr/bin:/bin:" + os.environ.get("PATH", "")
    if shutil.which("spin") is None:
        print("skipped: spin is not installed")
        return SKIPPED
    model = Model(Path(sys.argv[1]))
    names = sys.argv[2:] or [*model.variants, *model.breaks]
    for name in names:
        if name not in model.variants and name not in model.breaks:
            sys.exit(f"{model.path}: there is no {name}")
    failures = check_variants(model, [name for name in names if name in model.variants])
    failures += check_breaks(model, [name for name in names if name in model.breaks])
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    report(f"{model.path.name}: {len(names)} searches, {usage.ru_utime + usage.ru_stime:.1f} s of CPU, "
           f"at most {usage.ru_maxrss // 1024} MiB; failed: {', '.join(failures) or 'none'}")  # fmt: skip
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
