#!/usr/bin/python3
"""Lint: rules of this tree that no compiler knows.

Usage: lint.py RULE [FOLDER]   (FOLDER is the top of the tree; the current one unless given)
Exit:  0 all is well, 1 something is wrong, 77 the tool that the rule needs isn't installed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
ROOMS = ("include", "pool", "server", "tests", "configs")


class Findings:
    def __init__(self):
        self.errors = 0

    def error(self, path, line, text):
        self.errors += 1
        print(f"{path}:{line}: {text}")

    @staticmethod
    def warn(path, line, text):
        print(f"{path}:{line}: warning: {text}")


def files(*suffixes):
    """All sources, but for build folders, in a fixed order."""
    found = []
    for room in ROOMS:
        for folder, folders, names in os.walk(room):
            folders[:] = sorted(name for name in folders if name != "build" and not name.startswith("."))
            found += [Path(folder, name) for name in names if name.endswith(suffixes)]
    return sorted(found)


def read(path):
    return path.read_text(encoding="utf-8")


def blank(match):
    """Newlines survive, so that line numbers stay right."""
    return re.sub(r"[^\n]", " ", match.group(0))


# In one go: a comment may hold a quote, and a string the beginning of a comment.
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comments_and_strings(text):
    return COMMENT_OR_STRING.sub(blank, text)


def without_strings(text):
    return COMMENT_OR_STRING.sub(lambda match: match.group(0) if match.group(0)[0] == "/" else blank(match), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


# -- includes: who may enter which room ------------------------------------------------------------

# Floors of server/, from the top. A file may include its own floor's room, and anything below. `main.c` is the top.
FLOORS = {
    "main": 6,
    "serve": 6,
    "service": 6,
    "reload": 6,
    "sides": 6,
    "check": 6,
    "call": 6,
    "commands": 6,
    "source": 3,
    "http": 5,
    "offload": 4,
    "gather": 4,
    "passage": 4,
    "remote": 4,
    "calls": 3,
    "admin": 3,
    "options": 3,
    "config": 2,
    "loop": 2,
    "relay": 2,
    "modules": 2,
    "systemd": 2,
    "watch": 2,
    "log": 1,
    "arena": 1,
    "stats": 1,
    "json": 1,
}

# Headers of http/ that the floors below may know: pure functions, no connection in them. offload and gather decode
# arguments, the registry and the configuration check routes.
PURE_HTTP = {"server/http/args.h", "server/http/route.h", "server/http/parse.h"}

# Foreign libraries, and the beginnings of the paths that may know them.
LIBRARIES = {
    "event2/": ("server/http/", "server/loop.", "pool/bind/libevent.h", "tests/bench/peers/"),
    "openssl/": ("server/http/channel.c", "server/http/pem.", "server/http/tls.c", "tests/"),
    "uv.h": ("pool/bind/libuv.h",),
    "glib.h": ("pool/bind/glib.h",),
    "civetweb.h": ("server/admin/", "tests/bench/peers/"),
    "jansson.h": ("server/json.c", "tests/"),
    "sqlite3.h": ("server/modules/sqlite", "tests/"),
}

C_LIBRARY = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdarg.h", "stdatomic.h",
    "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h",
}  # fmt: skip


def floor_of(path):
    parts = path.split("/")
    return FLOORS.get(parts[1] if len(parts) > 2 else parts[1].split(".")[0])


def is_system(name):
    """A header of libc or the kernel: found without any -I, and in no package that we link."""
    return not name.startswith("tothread/") and not any(name.startswith(library) for library in LIBRARIES)


def resolve(path, name):
    """A quoted include as a path from the top."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return beside if os.path.exists(beside) else os.path.normpath(name)


def check_own(found, path, line, target):
    if not os.path.exists(target):
        found.error(path, line, f'"{target}" does not exist')
    elif path.startswith("pool/bind/"):
        found.error(path, line, f"bindings are installed: they see <tothread/...> and their own loop's library, not {target}")
    elif path.startswith("pool/") and not target.startswith("pool/"):
        found.error(path, line, f"pool/ uses include/ and its own headers only, not {target}")
    elif path.startswith("include/"):
        found.error(path, line, "public headers include with <tothread/...>")
    elif path.startswith("server/modules/"):
        # sqlite.c, sqlite_row.c, sqlite_row.h: one module in several files.
        if Path(path).stem.split("_")[0] != Path(target).stem.split("_")[0]:
            found.error(path, line, f"a module sees <tothread/module.h> only, not {target}")
    elif path.startswith("server/"):
        if not target.startswith("server/"):
            found.error(path, line, f"server/ sees the library through <tothread/...> only, not {target}")
            return
        own, other = floor_of(path), floor_of(target)
        if own is None or other is None:
            found.error(path, line, f"no floor is known for {path if own is None else target}: see FLOORS in lint.py")
        elif own < other and target not in PURE_HTTP:
            found.error(path, line, f"an arrow points up: {path} (floor {own}) to {target} (floor {other})")


def check_angled(found, path, line, name):
    if path.startswith("include/") and name not in C_LIBRARY and not name.startswith("tothread/"):
        found.error(path, line, f"public headers use the C library only, not <{name}>")
    # bind/: one header for each foreign loop; LIBRARIES says which may include what. Nothing of the library includes them.
    is_binding = path.startswith("pool/bind/")
    if path.startswith(("include/", "pool/", "server/")) and name.startswith("tothread/bind/"):
        found.error(path, line, f"<{name}> is for the library's users")
    if path.startswith("pool/") and not is_binding and not is_system(name) and not name.startswith("tothread/"):
        found.error(path, line, f"pool/ uses no library, not <{name}>")
    if path.startswith("server/modules/") and name.startswith("tothread/") and name != "tothread/module.h":
        found.error(path, line, f"a module sees <tothread/module.h> only, not <{name}>")
    for library, users in LIBRARIES.items():
        if name.startswith(library) and not path.startswith(users):
            found.error(path, line, f"<{name}> is for {' and '.join(users)} only")


def lint_includes(found):
    for file in files(".c", ".h"):
        path = str(file)
        for number, text in enumerate(read(file).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', text)
            if match and match.group(1) and not path.startswith("tests/"):
                check_own(found, path, number, resolve(path, match.group(1)))
            elif match and match.group(2):
                check_angled(found, path, number, match.group(2))


# -- forbidden: functions that don't belong here, notes that were left -----------------------------

FORBIDDEN = {
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "strcpy": "memcpy with a known size",
    "stpcpy": "memcpy with a known size", "strcat": "snprintf", "strncpy": "memcpy with a known size",
    "strncat": "snprintf", "strtok": "strchr or strspn", "atoi": "strtol with a check", "atol": "strtol with a check",
    "atof": "strtod with a check", "gets": "fgets", "getenv": "secure_getenv in main.c, log.c or systemd.c",
    "system": "posix_spawn", "popen": "posix_spawn", "strerror": "strerrordesc_np", "localtime": "localtime_r",
    "gmtime": "gmtime_r", "usleep": "a timer", "alloca": "malloc",
}  # fmt: skip
ENVIRONMENT_READERS = ("server/main.c", "server/systemd.c", "server/log.c")
NOTES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def lint_forbidden(found):
    call = re.compile(r"(?<![\w.>])(" + "|".join(FORBIDDEN) + r"|secure_getenv)\s*\(")
    for file in files(".c", ".h"):
        path, text = str(file), read(file)
        for match in call.finditer(without_comments_and_strings(text)):
            name, line = match.group(1), line_of(text, match.start())
            if path.startswith("tests/") and name in ("getenv", "usleep"):
                continue
            if name != "secure_getenv":
                found.error(path, line, f"{name} is forbidden: {FORBIDDEN[name]}")
            elif path not in ENVIRONMENT_READERS:
                found.error(path, line, "only main.c, log.c and systemd.c read the environment")
    for file in files(".c", ".h", ".py", ".sh", ".txt", ".cmake", ".conf", ".service", ".socket"):
        if file.name == "lint.py":
            continue
        text = without_strings(read(file)) if file.suffix in (".c", ".h") else read(file)
        for match in NOTES.finditer(text):
            found.error(file, line_of(text, match.start()), f"a note was left: {match.group(1)}")


# -- sizes: files and functions that a person can hold in the head ---------------------------------

FILE_ERROR, FILE_WARNING, FUNCTION_ERROR = 500, 400, 80
TEST_FILE_ERROR = 700  # a list of tests is read one by one


def functions(text):
    """(name, first line, number of lines) of each function.

    clang-format begins a definition in column 1, lets its head end in "{" and puts the closing brace alone into
    column 1; what ends in ";" or "," before the "{" is a declaration or a table.
    """
    first, name = None, None
    for number, line in enumerate(without_comments_and_strings(text).splitlines(), 1):
        line = line.rstrip()
        if line == "}":
            if first is not None:
                yield name, first, number - first + 1
            first = None
        elif first is None and line[:1].isalpha() or line[:1] == "_":
            match = re.search(r"([A-Za-z_]\w*)\s*\(", line)
            if match and not line.endswith(";"):
                first, name = number, match.group(1)
                if name == "START_TEST":
                    name = line.split("(")[1].split(")")[0]


def lint_sizes(found):
    for file in files(".c", ".h", ".pml"):
        text = read(file)
        count = text.count("\n")
        limit = TEST_FILE_ERROR if file.parts[0] == "tests" else FILE_ERROR
        if count > limit:
            found.error(file, 1, f"{count} lines; split it by noun (at most {limit})")
        elif count > limit - FILE_ERROR + FILE_WARNING:
            found.warn(file, 1, f"{count} lines; {limit} is the limit")
        if file.suffix == ".c":
            for name, line, size in functions(text):
                if size > FUNCTION_ERROR:
                    found.error(file, line, f"{name} has {size} lines (at most {FUNCTION_ERROR})")


# -- chain: one request, read through eleven files -------------------------------------------------

CHAIN = [
    "server/http/listen.c", "server/http/parse.c", "server/http/route.c", "server/http/args.c", "server/offload.c",
    "pool/submit.c", "pool/queue.c", "pool/worker.c", "pool/complete.c", "pool/wake.c", "server/http/reply.c",
]  # fmt: skip


def names_neighbour(comment, label, neighbour):
    match = re.search(rf"{label}:([^\n]*)", comment)
    if not match:
        return False
    return neighbour is None or re.search(rf"\b{Path(neighbour).stem}\b", match.group(1)) is not None


def lint_chain(found):
    for index, path in enumerate(CHAIN):
        before = CHAIN[index - 1] if index > 0 else None
        after = CHAIN[index + 1] if index + 1 < len(CHAIN) else None
        if not os.path.exists(path):
            found.error(path, 1, "a file of the chain is missing")
            continue
        comment = re.match(r"\s*/\*.*?\*/", read(Path(path)), re.S)
        comment = comment.group(0) if comment else ""
        if not re.search(rf"Step {index + 1} of {len(CHAIN)}\b", comment):
            found.error(path, 1, f'the opening comment lacks "Step {index + 1} of {len(CHAIN)}"')
        if not names_neighbour(comment, "Before", before):
            found.error(path, 1, f'the opening comment lacks "Before: {before or "the client"}"')
        if not names_neighbour(comment, "After", after):
            found.error(path, 1, f'the opening comment lacks "After: {after or "the client"}"')


# -- listed: what isn't built is not tested --------------------------------------------------------


def is_test_listed(name, text):
    """http/check_parse.c in server/ stands there as tt_server_test(http/parse), others by their path."""
    room, _, noun = name.removesuffix(".c").partition("/")
    noun = re.sub(r"\b(check|fuzz|bench)_", "", noun)
    if noun.startswith(("calls/modules/", "modules/")) and "check_" not in name:
        return re.search(rf"^ +{re.escape(Path(noun).name)}\)?$", text, re.M)
    if noun.startswith("modules/"):
        room, noun = "module", noun.removeprefix("modules/")
    if room == "pool" and noun.startswith("example_"):
        return f"tt_pool_example({noun.removeprefix('example_')} " in text
    if room == "pool" and noun.startswith("bind/"):
        room, noun = "bind", noun.removeprefix("bind/").removeprefix("example_")
    return name in text or re.search(rf"tt_{room}_(?:test|bench)\({re.escape(noun)}[ )]", text)


def lint_listed(found):
    """The build lists its sources by hand; one that was forgotten would rot unseen."""
    folders = ("pool", "server", "server/modules", "tests", "tests/bench", "tests/consumer")
    lists = {folder: read(Path(folder, "CMakeLists.txt")) for folder in folders}
    for file in files(".c"):
        folder = max((name for name in lists if str(file).startswith(name + "/")), key=len)
        name = str(file.relative_to(folder))
        if folder == "tests":
            is_listed = is_test_listed(name, lists[folder])
        else:
            is_listed = re.search(rf"(?<![\w/]){re.escape(name)}\b", lists[folder])
        if not is_listed:
            found.error(file, 1, f"is not in {folder}/CMakeLists.txt")
    for file in files(".pml"):
        if not re.search(rf"^tt_model_test\({file.stem}\)$", lists["tests"], re.M):
            found.error(file, 1, "is not in tests/CMakeLists.txt")


# -- readme: what it shows is what is there --------------------------------------------------------


def lint_readme(found):
    path = Path("README.md")
    text = read(path)
    blocks = list(re.finditer(r"<!-- file: (\S+) -->\n```\w*\n(.*?)```\n", text, re.S))
    if not blocks:
        found.error(path, 1, "shows no file")
    for block in blocks:
        if not os.path.exists(block.group(1)) or read(Path(block.group(1))) != block.group(2):
            found.error(path, line_of(text, block.start()), f"the block below differs from {block.group(1)}")
    for link in re.finditer(r"\]\(([^)#:]+)\)", text):
        if not os.path.exists(link.group(1)):
            found.error(path, line_of(text, link.start()), f"{link.group(1)} does not exist")
    for kind in re.findall(r'^ +\[PROBLEM_\w+\] = \{\d+, "([a-z-]+)"', read(Path("server/http/problem.c")), re.M):
        if f"`{kind}`" not in text:
            found.error(path, 1, f"doesn't explain the problem type {kind}")


# -- tools -----------------------------------------------------------------------------------------


def run(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)  # fmt: skip


def need(tool):
    path = shutil.which(tool, path="/usr/bin:/bin:/usr/sbin:/sbin:" + os.environ.get("PATH", ""))
    if path is None:
        print(f"skipped: {tool} is not installed")
        sys.exit(SKIPPED)
    return path


def lint_format(found):
    tool = need("clang-format")
    result = run([tool, "--dry-run", "--Werror", *map(str, files(".c", ".cc", ".h"))])
    if result.returncode != 0:
        places = re.findall(r"^(\S+?):(\d+):\d+: (?:error|warning)", result.stdout, re.M)
        for path, line in sorted({path: line for path, line in reversed(places)}.items()):
            found.error(path, line, f"clang-format -i {path} changes it")
        if not places:
            found.error(".clang-format", 1, result.stdout)


# Headers for other people's loops: what pkg-config calls the library, and what its own header needs in strict C.
BINDINGS = {"glib": "glib-2.0", "libevent": "libevent_core", "libuv": "libuv", "poll": None}
BINDING_FLAGS = {"libuv": ["-D_POSIX_C_SOURCE=200809L"]}


def library_flags(header):
    """Include paths for a binding's own library, as system ones; None where it isn't installed."""
    library = BINDINGS[header.stem]
    if library is None:
        return []
    result = run(["pkg-config", "--cflags", library])
    if result.returncode != 0:
        return None
    return [*result.stdout.replace("-I", "-isystem").split(), *BINDING_FLAGS.get(header.stem, [])]


def place_bindings(folder):
    """Where an install puts them: bind/ itself is never searched, since it has a poll.h."""
    Path(folder, "tothread").mkdir()
    Path(folder, "tothread/bind").symlink_to(Path("pool/bind").resolve())


def lint_headers(found):
    """Each public header compiles alone, as the first line of a C or C++ program."""
    flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Iinclude", "-fsyntax-only"]
    compilers = {"c": (need("gcc"), "-std=c11"), "c++": (need("g++"), "-std=c++17")}
    public = {header: [] for header in sorted(Path("include/tothread").glob("*.h"))}
    bindings = sorted(Path("pool/bind").glob("*.h"))
    if not public or {header.stem for header in bindings} != set(BINDINGS):
        found.error("include/tothread", 1, "public headers are missing, or BINDINGS in lint.py doesn't name those of pool/bind")
        return
    with tempfile.TemporaryDirectory() as folder:
        place_bindings(folder)
        for header, own in [*public.items(), *((header, library_flags(header)) for header in bindings)]:
            if own is None:
                print(f"{header}: skipped, {BINDINGS[header.stem]} is not installed")
                continue
            name = f"tothread/{'bind/' if header in bindings else ''}{header.name}"
            for language, (compiler, standard) in compilers.items():
                source = Path(folder, "alone.c" if language == "c" else "alone.cc")
                source.write_text(f"#include <{name}>\n", encoding="utf-8")
                result = run([compiler, standard, *flags, *own, f"-I{folder}", str(source)])
                if result.returncode != 0:
                    found.error(header, 1, f"doesn't compile alone as {standard[5:]}:\n{result.stdout}")


def lint_manuals(found):
    """Each manual page renders without a warning, and the C programs in it compile, or are a file that is built and run."""
    scdoc, man, gcc = need("scdoc"), need("man"), need("gcc")
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Iinclude", "-fsyntax-only"]
    pages = [*sorted(Path("server/man").glob("*.scd")), *sorted(Path("pool/man").glob("*.scd"))]
    if not pages:
        found.error("pool/man", 1, "no manual pages")
    with tempfile.TemporaryDirectory() as folder:
        place_bindings(folder)
        for page in pages:
            text, output, source = read(page), Path(folder, page.stem), Path(folder, "example.c")
            made = subprocess.run([scdoc], input=text, capture_output=True, text=True, check=False)
            output.write_text(made.stdout, encoding="utf-8")
            shown = subprocess.run([man, "--warnings=w", "--local-file", str(output)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
                                   env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat"})  # fmt: skip
            if made.returncode != 0 or made.stderr or shown.returncode != 0 or shown.stderr:
                found.error(page, 1, f"has warnings:\n{made.stderr}{shown.stderr}")
            for block in re.finditer(r"^(?:; file: (\S+)\n)?```\n(#include.*?)^```$", text, re.S | re.M):
                if block.group(1):
                    if not os.path.exists(block.group(1)) or read(Path(block.group(1))) != block.group(2):
                        found.error(page, line_of(text, block.start()), f"the program below differs from {block.group(1)}")
                    continue
                source.write_text(block.group(2), encoding="utf-8")
                result = run([gcc, *flags, f"-I{folder}", str(source)])
                if result.returncode != 0:
                    found.error(page, line_of(text, block.start()), f"the program doesn't compile:\n{result.stdout}")


def lint_scripts(found):
    candidates = [Path(".ci/run")]
    for room in ROOMS:
        candidates += [path for path in Path(room).rglob("*") if path.is_file() and "build" not in path.parts]
    count = 0
    for path in sorted(candidates):
        with open(path, "rb") as file:
            first = file.readline()
        if not re.match(rb"#!.*\b(ba)?sh\b", first):
            continue
        count += 1
        result = run(["bash", "-n", str(path)])
        if result.returncode != 0:
            found.error(path, 1, result.stdout.strip())
        if not os.access(path, os.X_OK):
            found.error(path, 1, "has #! but isn't executable")
    if count == 0:
        found.error(".", 1, "no scripts found")


EXPOSURE_MAX = 20  # systemd's scale of 0 to 100; 20 reads "2.0 OK"


def lint_units(found):
    tool = need("systemd-analyze")
    units = [Path("configs/tothread.service"), Path("configs/tothread.socket")]
    with tempfile.TemporaryDirectory() as folder:
        for unit in units:
            # verify wants the program to be there; the one that is installed later isn't.
            text = re.sub(r"^(Exec\w+=)/usr/bin/tothread\b", r"\1/bin/true", read(unit), flags=re.M)
            Path(folder, unit.name).write_text(text, encoding="utf-8")
        for unit in units:
            result = run([tool, "verify", "--man=no", str(Path(folder, unit.name))])
            if result.returncode != 0 or unit.stem in result.stdout:
                found.error(unit, 1, f"systemd-analyze verify:\n{result.stdout}")
    result = run([tool, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(units[0])])
    if result.returncode != 0:
        found.error(units[0], 1, f"systemd-analyze security, threshold {EXPOSURE_MAX}:\n{result.stdout}")
    for unit in units:
        check_explained(found, unit)


def check_explained(found, unit):
    """Every setting stands below a comment, or below a setting that does (a group)."""
    is_explained = False
    for number, line in enumerate(read(unit).splitlines(), 1):
        if line.startswith("#"):
            is_explained = True
        elif not line.strip() or line.startswith("["):
            is_explained = False
        elif not is_explained:
            found.error(unit, number, f"no comment explains {line}")


RULES = {
    "includes": lint_includes,
    "forbidden": lint_forbidden,
    "sizes": lint_sizes,
    "chain": lint_chain,
    "listed": lint_listed,
    "readme": lint_readme,
    "format": lint_format,
    "headers": lint_headers,
    "manuals": lint_manuals,
    "scripts": lint_scripts,
    "units": lint_units,
}


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in RULES:
        print(f"usage: {sys.argv[0]} {'|'.join(RULES)} [FOLDER]", file=sys.stderr)
        return 64
    if len(sys.argv) == 3:
        os.chdir(sys.argv[2])
    if not files(".c", ".h"):
        print("there are no sources here: run it at the top of the tree", file=sys.stderr)
        return 1
    found = Findings()
    RULES[sys.argv[1]](found)
    print(f"{sys.argv[1]}: {found.errors} found")
    return 1 if found.errors else 0


if __name__ == "__main__":
    sys.exit(main())
