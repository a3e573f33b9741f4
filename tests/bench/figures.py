#!/usr/bin/python3
"""Figures of tests/bench/compare: medians of its runs as tables, the bars of ours, a summary for the README.

Usage: figures.py --runs FILE --peers FILE --machine TEXT --command TEXT --seconds N [--chart SVG --tables MD --readme MD]

A run is a line of KEY=VALUE; a line of --peers is a name, a tab, and its version, which is empty where it isn't installed.
Exit status 1: a bar is missed, and not because the machine was disturbed.
"""

import argparse
import re
import statistics
import sys
import time
from pathlib import Path

import chart

# Peer: how it is called, and what it is.
PEERS = {
    "tothread": ("tothread", "ours: `serve --demo`"),
    "evhttp": ("evhttp + threads", "libevent's HTTP server, a mutex, a condition variable, a byte through a pipe for each answer"),
    "microhttpd": ("libmicrohttpd", "one epoll thread, suspended requests, a mutex and a condition variable"),
    "civetweb": ("CivetWeb", "a thread for each connection"),
    "rust": ("hyper", "tokio's loop of one thread, `spawn_blocking`"),
    "go": ("Go net/http", "goroutines; the functions are C, called by cgo; 2 or more cores if it gets them"),
    "node": ("Node", "`node:http`, `fs.readFile`; the rest needs native code"),
    "fastapi": ("FastAPI", "uvicorn, `asyncio.to_thread`"),
    "nginx": ("nginx", "`return 200`, `sendfile`: no functions"),
}  # fmt: skip

# Scenario: path, what it does, workers.
SCENARIOS = {
    "inline": ("/inline", "answered by the loop"),
    "noop": ("/noop", "an empty call on a worker"),
    "file": ("/file", "4 KiB read on a worker"),
    "sqlite": ("/sqlite", "one SELECT on a worker"),
    "to_thread": ("/to-thread?ms=5", "5 ms on 32 workers"),
    "alive": ("/inline, all workers busy", "500 requests/s"),
}
IDEAL_RATE, IDEAL_MS = 32 / 0.005, 64 / (32 / 0.005) * 1e3

# Of a run: cores that others used, cores that the host took away.
FOREIGN_MAX, STOLEN_MAX = 0.25, 0.15


class Cell:
    """What the rounds of one peer in one scenario say: medians of those that nobody disturbed, of all if there are none."""

    def __init__(self, runs):
        calm = [run for run in runs if run["foreign_cores"] <= FOREIGN_MAX and run["stolen_cores"] <= STOLEN_MAX]
        self.rounds, self.calm = len(runs), len(calm)
        self.failed = sum(run["others"] + run["errors"] for run in runs)
        used = calm or runs
        self.rate, self.p50, self.p99, self.cpu, self.kib = (
            statistics.median(run[key] for run in used) for key in ("per_second", "p50_ms", "p99_ms", "cpu_s_per_10k", "peak_kib")
        )  # fmt: skip
        if any(run["p99_ms"] < 0 for run in used):
            self.p99 = -1  # more than 1 % had no answer

    def note(self):
        notes = [f"{self.calm} of {self.rounds} undisturbed" if self.calm < self.rounds else f"{self.rounds}"]
        if self.failed:
            notes.append(f"{self.failed:.0f} failed")
        return ", ".join(notes)


def read_runs(path):
    runs = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        pairs = dict(pair.split("=", 1) for pair in line.split())
        key = pairs.pop("scenario"), pairs.pop("peer")
        if "cpu_s_per_10k" not in pairs:
            print(f"no figures: {line}", file=sys.stderr)
            continue
        runs.setdefault(key, []).append({name: float(value) for name, value in pairs.items()})
    return {key: Cell(found) for key, found in runs.items()}


def ms(value, longest=None):
    if value < 0:
        return f"> {longest:g} s" if longest else "-"
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def mib(kib):
    return f"{kib / 1024:.0f} MiB" if kib >= 10240 else f"{kib / 1024:.1f} MiB"


def name(peer):
    return f"**{PEERS[peer][0]}**" if peer == "tothread" else PEERS[peer][0]


def order(cells, scenario):
    """The peers that have it, the best first."""
    found = [peer for peer in PEERS if (scenario, peer) in cells]
    if scenario == "alive":
        return sorted(found, key=lambda peer: cells[scenario, peer].p99 if cells[scenario, peer].p99 >= 0 else 1e9)
    return sorted(found, key=lambda peer: -cells[scenario, peer].rate)


def scenario_table(cells, scenario, seconds):
    path, what = SCENARIOS[scenario]
    yield f"`{path}`: {what}" if scenario != "alive" else f"`/inline`, {what}, beside a full pool"
    yield ""
    yield "| | requests/s | p50 | p99 | CPU s for 10,000 | peak resident | rounds |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for peer in order(cells, scenario):
        cell = cells[scenario, peer]
        yield (f"| {name(peer)} | {cell.rate:,.0f} | {ms(cell.p50, seconds)} | {ms(cell.p99, seconds)} | {cell.cpu:.3f} | "
               f"{mib(cell.kib)} | {cell.note()} |")  # fmt: skip
    yield ""


# -- bars ------------------------------------------------------------------------------------------

# The obvious build on the same library needs at least so many times our CPU time for a request. (Requests/s say the same on
# a quiet machine, and anything on a busy one.)
TIMES_EVHTTP = {"inline": 1.8, "noop": 1.8, "file": 1.4, "sqlite": 1.4}


def judge(is_met, *judged):
    """A figure whose runs were all disturbed may meet a bar, but not miss it."""
    if is_met:
        return "yes"
    return "NO" if all(cell.calm > 0 for cell in judged) else "disturbed"


def bars(cells):
    """(what, figure, bar, verdict) of ours."""
    for scenario, times in TIMES_EVHTTP.items():
        ours, theirs = cells.get((scenario, "tothread")), cells.get((scenario, "evhttp"))
        if ours and theirs:
            ratio = theirs.cpu / ours.cpu
            yield f"`{SCENARIOS[scenario][0]}`: CPU of evhttp + threads, of ours", f"{ratio:.1f} times", f"{times}", \
                judge(ratio >= times, ours, theirs)
    blocked = cells.get(("to_thread", "tothread"))
    if blocked:
        share, late = blocked.rate / IDEAL_RATE, blocked.p99 / IDEAL_MS
        yield "5 ms calls: of 32 / 5 ms = 6,400/s", f"{share:.3f}", "0.97", judge(share >= 0.97, blocked)
        yield "5 ms calls: p99, of 10 ms", f"{late:.2f}", "at most 1.15", judge(0 < late <= 1.15, blocked)
    failed = sum(cell.failed for (_, peer), cell in cells.items() if peer == "tothread")
    yield "answers that were no 200, or none", f"{failed:.0f}", "0", judge(failed == 0)


def bar_table(cells):
    yield "| bars of ours | figure | bar | met |"
    yield "|---|---:|---:|---|"
    for what, figure, bar, verdict in bars(cells):
        yield f"| {what} | {figure} | {bar} | {verdict} |"
    yield ""


# -- the page, the chart, the README ---------------------------------------------------------------


def today():
    return time.strftime("%-d %B %Y", time.gmtime())


def place(cells, options):
    disturbed = sum(cell.rounds - cell.calm for cell in cells.values())
    runs = sum(cell.rounds for cell in cells.values())
    words = f"`{options.command}`, {today()}, {options.machine}; 127.0.0.1."
    if disturbed:
        words += (f" The machine was disturbed in {disturbed} of {runs} runs (others used more than {FOREIGN_MAX} cores, or the host "
                  f"took more than {STOLEN_MAX}): they count only where a peer has no others.")  # fmt: skip
    return words


def page(cells, versions, options):
    yield from ("# This service beside others", "", place(cells, options), "")
    yield "64 connections, 4 workers, unless said otherwise; medians. CPU seconds are the server's own, user and system."
    yield ""
    for scenario in SCENARIOS:
        if order(cells, scenario):
            yield from scenario_table(cells, scenario, options.seconds)
    yield from bar_table(cells)
    yield from ("| what | is |", "|---|---|")
    for peer, (_, what) in PEERS.items():
        if peer in versions:
            yield f"| {name(peer)} | {what}; {versions[peer] or 'not installed'} |"
    yield from ("", "A path that is missing in a table is one that the peer doesn't have. Sources: `tests/bench/peers/`.")


def panels(cells, seconds):
    for scenario, (path, what) in SCENARIOS.items():
        rows = []
        for peer in order(cells, scenario):
            cell = cells[scenario, peer]
            value = cell.p99 if scenario == "alive" else cell.rate
            text = ms(value, seconds) if scenario == "alive" else f"{value:,.0f}"
            rows.append(chart.Row(PEERS[peer][0], value, text, peer == "tothread"))
        if rows:
            is_time = scenario == "alive"
            yield chart.Panel(path, what, rows, "p99, shorter is better" if is_time else "requests/s",
                              IDEAL_RATE if scenario == "to_thread" else None)  # fmt: skip


def summary(cells, options):
    columns = [scenario for scenario in SCENARIOS if scenario != "alive"]
    yield f"![Requests per second of tothread and of others, path by path]({options.chart.relative_to(options.readme.parent)})"
    yield ""
    yield "| CPU s for 10,000 requests | " + " | ".join(f"`{SCENARIOS[key][0]}`" for key in columns) + " | peak resident |"
    yield "|---|" + "---:|" * (len(columns) + 1)
    for peer in PEERS:
        found = [cells.get((key, peer)) for key in columns]
        if any(found):
            peak = max(cell.kib for cell in found if cell)
            yield f"| {name(peer)} | " + " | ".join(f"{cell.cpu:.3f}" if cell else "-" for cell in found) + f" | {mib(peak)} |"
    yield ""
    yield (f"{place(cells, options)} More figures, and what the others are: "
           f"[{options.tables.name}]({options.tables.relative_to(options.readme.parent)}).")  # fmt: skip


BLOCK = re.compile(r"(<!-- begin: tests/bench/compare --write -->\n).*?(<!-- end -->\n)", re.S)


def draw(cells, options):
    source = f"{options.command}, {today()}, {options.machine.split(', Linux')[0]}"
    return chart.draw(list(panels(cells, options.seconds)), "64 connections, medians", source)


def write(cells, versions, options):
    options.chart.write_text(draw(cells, options), encoding="utf-8")
    options.tables.write_text("\n".join(page(cells, versions, options)) + "\n", encoding="utf-8")
    readme = options.readme.read_text(encoding="utf-8")
    block = "\n".join(summary(cells, options)) + "\n"
    readme, count = BLOCK.subn(lambda found: found.group(1) + block + found.group(2), readme)
    if count != 1:
        sys.exit(f"{options.readme}: the block of tests/bench/compare is not there once, but {count} times")
    options.readme.write_text(readme, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--machine", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    for written in ("--chart", "--tables", "--readme"):
        parser.add_argument(written, type=Path)
    options = parser.parse_args()
    versions = dict(line.split("\t") for line in options.peers.read_text(encoding="utf-8").splitlines())
    cells = read_runs(options.runs)
    print("\n".join(page(cells, versions, options)))
    if options.readme:
        write(cells, versions, options)
    else:
        draw(cells, options)  # a chart that can't be drawn shows at once, not when it is wanted
    return 1 if any(verdict == "NO" for *_, verdict in bars(cells)) else 0


if __name__ == "__main__":
    sys.exit(main())
