"""Lets the bench of conversations judge roomtone and Pipecat one after the other, and writes what it found into the docs."""

import argparse
import datetime
import json
import os
import subprocess
from pathlib import Path

from report import put

HOME = Path(os.environ["PEERS_HOME"])
PIPECAT = f"{HOME}/pipecat/bin/python benches/peers/pipecat_voice.py --proto proto"
SMART = "dialogue.turn_listener=\"smart-turn\" dialogue.turns.end_delay.complete=\"300ms\""
PROGRAMS = {
    "roomtone": [],
    "roomtone, Smart Turn": ["--set", SMART],
    "Pipecat 1.14.0, Smart Turn": ["--program", PIPECAT],
    "Pipecat 1.14.0, timer": ["--program", f"{PIPECAT} --timer"],
}
BEGIN, END = "<!-- conversations measured by make bench-peers -->\n", "<!-- end of conversations -->"


def measure(how, turns, interruptions):
    results = HOME / "conversation.json"
    command = ["cargo", "bench", "--quiet", "--bench", "peer_conversations", "--", "--json", str(results), *how]
    command += ["--turns", str(turns), "--interruptions", str(interruptions)]
    subprocess.run(command, check=True)
    return json.loads(results.read_text())


def of(spread):
    return "" if spread["p50"] is None else f"{spread['p50']:.0f}, {spread['p95']:.0f}"


def row(name, report):
    answers, barge_in = report["answers"], report["barge_in"]
    ended = [f"{barge_in[what]['ended']} of {barge_in[what]['times']}" for what in ("a person", "a back-channel", "a noise")]
    cells = [name, of(answers["late_ms"]), f"{answers['cut']} of {answers['turns']}", str(answers["silent"])]
    cells += [of(barge_in["a person"]["silent_ms"]), *ended, str(report["rss_mib"])]
    return "| " + " | ".join(cells) + " |"


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--turns", type=int, default=27)
parser.add_argument("--interruptions", type=int, default=28)
args = parser.parse_args()
lines = [
    "| | end of speech to first audible sound, p50, p95, ms | answered into a pause | not answered |"
    " silent after a person's onset, ms | ended by a person | by a back-channel | by a noise | MiB |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | ---: |",
]
for name, how in PROGRAMS.items():
    print(name)
    lines.append(row(name, measure(how, args.turns, args.interruptions)))
about = f"Measured on {datetime.date.today()}: {args.turns} turns, {args.interruptions} interruptions each, on one core.\n"
put(BEGIN, END, f"\n{about}\n" + "\n".join(lines) + "\n\n")
