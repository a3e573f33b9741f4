#!/usr/bin/python3
"""Compares what the built libraries show with what the public headers say: exactly the names marked TT_EXPORT.

Usage: exports.py SHARED TESTING VERSION      libtothread.so, libtothread-testing.a, the SONAME's version, as 0.1;
       at the top of the tree
Exit:  0 all is well, 1 something is wrong.
"""

import re
import subprocess
import sys
from pathlib import Path

# What <tothread/testing.h> declares, if there is one, is in the testing library alone.
TESTING_HEADER = "testing.h"


def declared():
    """{name: header} of all functions marked TT_EXPORT."""
    names = {}
    for header in sorted(Path("include/tothread").glob("*.h")):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header.read_text(encoding="utf-8"), flags=re.S)
        for match in re.finditer(r"^[ \t]*TT_EXPORT\b([^;{}]*?)(\w+)\s*\(", text, re.M):
            names[match.group(2)] = header.name
    return names


def defined(library, *options):
    """[(name, version)] of the symbols that a library defines for others."""
    text = subprocess.run(["nm", "--defined-only", "--extern-only", *options, library],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout  # fmt: skip
    symbols = re.findall(r"^[0-9a-f]+ ([A-Z]) (\S+)$", text, re.M)
    return [tuple((name.replace("@@", "@") + "@").split("@")[:2]) for kind, name in symbols if kind != "A"]


def main():
    if len(sys.argv) != 4:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 64
    shared, testing, version = sys.argv[1:]
    names = declared()
    public = {name for name, header in names.items() if header != TESTING_HEADER}
    shown = dict(defined(shared, "--dynamic"))
    in_testing = {name for name, _ in defined(testing)}
    errors = [f"{shared}: shows {name}, which no header marks TT_EXPORT" for name in sorted(set(shown) - public)]
    errors += [f"{shared}: lacks {name} of {names[name]}" for name in sorted(public - set(shown))]
    errors += [f"{testing}: lacks {name} of {names[name]}" for name in sorted(set(names) - in_testing)]
    errors += [f"{shared}: {name} has the version {shown[name]}, see pool/tothread.map"
               for name in sorted(shown) if shown[name] != f"TOTHREAD_{version}"]  # fmt: skip
    print("\n".join([*errors, f"exports: {len(public)} functions, {len(errors)} errors"]))
    return 1 if errors or not public else 0


if __name__ == "__main__":
    sys.exit(main())
