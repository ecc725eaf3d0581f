"""Lets `roomtone bench` measure roomtone and the others one after the other, and writes what it found into the docs."""

import argparse
import datetime
import json
import os
import platform
import subprocess
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from report import put

HOME = Path(os.environ["PEERS_HOME"])
ROOMTONE = Path(os.environ.get("ROOMTONE", HOME.parent / "release" / "roomtone"))
PEERS = Path("benches/peers")
# How each is started, and up to how many sessions it is worth trying.
PROGRAMS = {
    "roomtone": (None, 800),
    "JS SDK 0.25.0, pass-through": (f"node {HOME}/js/js_sdk.mjs", 400),
    "Python SDK 0.31.1 + soxr": (f"{HOME}/python_sdk/bin/python {PEERS}/python_sdk.py", 100),
    "Pipecat 1.14.0": (f"{HOME}/pipecat/bin/python {PEERS}/pipecat_agents.py --proto proto", 100),
    "Pipecat 1.14.0, 20 ms out": (
        f"{HOME}/pipecat/bin/python {PEERS}/pipecat_agents.py --proto proto --out-10ms-chunks 2",
        100,
    ),
}
SESSIONS = [10, 25, 50, 100, 200, 400, 800]
# A program that hears less than this of what is due is beyond what it can do.
KEEPS_UP = 0.98


def measure(program, sessions, seconds, rounds):
    results = HOME / "results.json"
    results.unlink(missing_ok=True)
    command = [ROOMTONE, "bench", "--sessions", sessions, "--seconds", seconds, "--rounds", rounds]
    command += ["--pin", 1, "--json", results]
    if program:
        command += ["--program", program]
    ended = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ended.returncode != 0:
        print(f"  {sessions}: {ended.stderr.strip().splitlines()[-1:]}")
        return None
    return json.loads(results.read_text())


def run(seconds, rounds):
    found = {}
    for name, (program, most) in PROGRAMS.items():
        print(name)
        for sessions in (n for n in SESSIONS if n <= most):
            report = measure(program, sessions, seconds, rounds)
            if report is None:
                break
            heard, cost, late = report["frames"] / report["frames_due"], report["cpu_us_per_frame"], report["p99_ms"]
            print(f"  {sessions}: {cost} us, p99 {late} ms, {heard:.1%} of the frames")
            found.setdefault(name, []).append(report)
            if heard < KEEPS_UP:
                break
    return found


def cell(report, key):
    return f"{report[key]:g}" if report.get(key) is not None else ""


def table(found):
    lines = [
        "| | sessions | CPU per frame, us | p50, ms | p99, ms | memory per session, KiB | packets per frame | frames |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, reports in found.items():
        for report in reports:
            heard = report["frames"] / report["frames_due"]
            cells = [name + (" *" if report["doubt"] else ""), str(report["sessions"])]
            cells += [cell(report, key) for key in ("cpu_us_per_frame", "p50_ms", "p99_ms", "rss_kib_per_session")]
            cells += [f"{report['packets'] / max(report['chunks'], 1):.2f}", f"{heard:.1%}"]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| the floor beside roomtone | CPU per frame, us | roomtone over it | p50, ms | p99, ms | KiB |"]
    lines.append("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for report in found["roomtone"]:
        keys = ("floor_cpu_us_per_frame", "over_floor", "floor_p50_ms", "floor_p99_ms", "floor_rss_kib_per_session")
        lines.append("| " + " | ".join([str(report["sessions"]), *(cell(report, key) for key in keys)]) + " |")
    return "\n".join(lines)


def plot(found, path):
    figure, (late, cost) = plt.subplots(1, 2, figsize=(11, 4))
    for name, reports in found.items():
        sessions = [report["sessions"] for report in reports]
        late.plot(sessions, [max(report["p99_ms"], 0.1) for report in reports], marker="o", label=name)
        cost.plot(sessions, [report["cpu_us_per_frame"] for report in reports], marker="o", label=name)
    floor = found["roomtone"]
    sessions = [report["sessions"] for report in floor]
    late.plot(sessions, [report["floor_p99_ms"] for report in floor], linestyle=":", color="grey", label="the floor")
    costs = [report["floor_cpu_us_per_frame"] for report in floor]
    cost.plot(sessions, costs, linestyle=":", color="grey", label="the floor")
    for axes, title in ((late, "a burst comes back, p99, ms"), (cost, "CPU per 20 ms frame, us")):
        axes.set(xscale="log", yscale="log", xlabel="sessions in one process on one core", title=title)
        axes.grid(alpha=0.3)
    cost.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def write(found):
    first = found["roomtone"][0]
    about = (
        f"Measured on {datetime.date.today()} by roomtone {first['version']}: {first['machine']}, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"Node {subprocess.check_output(['node', '--version'], text=True).strip()[1:]}; "
        f"{'once' if first['rounds'] == 1 else 'medians of ' + str(first['rounds']) + ' times'}, {first['seconds']} s each. "
        "A star: the bench found reasons not to quote the figure, such as a busy machine.\n\n"
        "![Sessions against p99, and against CPU per frame](benchmarks.svg)\n"
    )
    put("<!-- measured by make bench-peers -->\n", "<!-- end -->", f"\n{about}\n{table(found)}\n\n")


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seconds", type=int, default=10, help="how long each is measured")
parser.add_argument("--rounds", type=int, default=3, help="and how often")
args = parser.parse_args()
found = run(args.seconds, args.rounds)
plot(found, Path("docs/benchmarks.svg"))
write(found)
