#!/usr/bin/python3
"""The README's database behind HTTP, done as it stands there; only the ports are others.

Usage: readme.py README TOTHREAD      (ctest: flow_readme)
"""

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

MARK = "<!-- tried by tests/flow/readme.py -->\n"
WAIT_S = 300


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def example(readme):
    """The block behind the mark; the path that is asked for below it, and the answer that is promised."""
    match = re.search(re.escape(MARK) + r"```sh\n(.*?)```\n(.*?)\n## ", readme, re.S)
    asked = match and re.search(r"^    curl http://127\.0\.0\.1:8080(/\S+)\n    (\{.*\})$", match.group(2), re.M)
    if not asked:
        fail("the README has no example behind its mark, or no curl with its answer below it")
    return match.group(1), asked.group(1), asked.group(2)


def split(block):
    """What prepares the folder, and the arguments of check and serve."""
    prepare, commands = block.split("build/release/tothread", 1)
    lines = ("build/release/tothread" + commands).splitlines()
    runs = [line.split()[1:] for line in lines if line.startswith("build/release/tothread ")]
    if len(runs) != len(lines) or [run[0] for run in runs] != ["check", "serve"] or runs[1][-1] != "&":
        fail(f"the example has other commands than check and serve:\n{block}")
    return prepare, runs[0], runs[1][:-1]


def ask(server, path):
    for line in server.stderr:
        match = re.match(r"event=ready listen=(127\.0\.0\.1:\d+) ", line)
        if match:
            with urllib.request.urlopen(f"http://{match.group(1)}{path}", timeout=WAIT_S) as answer:
                return answer.read().decode()
    return fail("the server did not start")


def main():
    block, path, promised = example(Path(sys.argv[1]).read_text(encoding="utf-8"))
    program = str(Path(sys.argv[2]).resolve())
    prepare, check, serve = split(block)
    ports = ["--set", "server.listen=127.0.0.1:0", "--set", "server.admin=127.0.0.1:0"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["bash", "-euc", prepare], cwd=folder, check=True, timeout=WAIT_S)
        subprocess.run([program, *check], cwd=folder, check=True, timeout=WAIT_S)
        with subprocess.Popen([program, *serve, *ports], cwd=folder, stderr=subprocess.PIPE, text=True) as server:
            try:
                answer = ask(server, path)
            finally:
                server.terminate()
        if server.wait(WAIT_S) != 0:
            fail(f"the server ended with {server.returncode}")
    if json.loads(answer) != json.loads(promised) or answer.strip() != promised:
        fail(f"GET {path} answers {answer}, and the README promises {promised}")


if __name__ == "__main__":
    main()
