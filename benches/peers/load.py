"""What the Python programs have in common: their arguments, and the lines that they exchange with `roomtone bench`."""

import argparse
import asyncio
import json
import sys
import time

JOIN_AT_ONCE = 20
READY_WITHIN = 60


class Load:
    """What the agents did, all together."""

    heard = 0
    said = 0


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--fishjam", required=True, help="its URL")
    parser.add_argument("--token", required=True, help="the management token")
    parser.add_argument("--seconds", type=float, default=10, help="how long to measure")
    return parser


async def orders() -> asyncio.StreamReader:
    """What the bench says."""
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    return stdin


async def be_measured(stdin: asyncio.StreamReader, sessions: int, seconds: float, load: Load):
    """Says that everyone is in, and measures when told to. Returns when it is time to leave."""
    tell("ready", sessions=sessions)
    await stdin.readline()
    # process_time is user and system time of all threads.
    heard, said, cpu, clock = load.heard, load.said, time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    tell("measured", cpu_s=cpu, frames=load.heard - heard, said=load.said - said, seconds=clock)
    await stdin.read()


def tell(event: str, **what):
    print(json.dumps({"event": event, **what, "rss_kib": rss_kib()}), flush=True)


def rss_kib() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
