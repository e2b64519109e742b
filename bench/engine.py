"""The engine beside hand-written loops: for each shape of a server, the same echo on hark's
engine (engine_echo.c) and written by hand (loop_*.c) take turns."""
import os
import shutil
import subprocess
from collections import namedtuple
from contextlib import ExitStack
from pathlib import Path

from measure import (BUILD, HARK, TOP, PATIENCE_S, Server, children, compile_program,
                     figures_of, load, load_command, median, page_tables_kib, private_kib,
                     quartiles, ratios, rotated)

WORKERS, THREADS = 4, 16
IDLE = 1000             # connections that are only there
MANY = 1000000          # conversations: the seconds end a round
WARM_UP = 500
COUNTED = 2000          # transactions whose system calls are counted
BOUND = "-Wl,-z,now"     # else each process that is forked looks its functions up anew
KINDS = {"conversation": [], "request": ["-r"]}     # and how to tell the clients
SIDES = ["hand", "engine"]

# clients: as many as the shape serves at once.  idle: can it have IDLE of them?
Shape = namedtuple("Shape", "clients idle processes hand engine")
SHAPES = {
    "serial": Shape(1, False, 0, "loop_serial {port}", "--model serial {port}"),
    "fork": Shape(16, True, 0, "loop_fork {port}", "--model fork {port}"),
    "thread": Shape(16, True, 0, "loop_thread {port}", "--model thread {port}"),
    "pool": Shape(THREADS, True, 0, "loop_pool {port} {threads}",
                  "--model pool --threads {threads} {port}"),
    "prefork": Shape(WORKERS, False, WORKERS, f"loop_prefork {{port}} {WORKERS}",
                     f"--model serial --workers {WORKERS} {{port}}"),
}


def build():
    """Compiles the loops and the engine's echo; the sides that there are."""
    for shape in SHAPES:
        compile_program(f"loop_{shape}", "-pthread", BOUND)
    beside = Path(HARK).resolve().parent / "libhark.so"
    library = [beside, f"-Wl,-rpath,{beside.parent}"] if beside.exists() else ["-lhark"]
    try:
        compile_program("engine_echo", "-I", TOP / "include", *library, BOUND)
    except subprocess.CalledProcessError:
        print("skipped: the engine: its echo does not build with this libhark")
        return ["hand"]
    return SIDES


def part_processors(wanted):
    """The first for the servers, the rest for the clients and us: where a request runs is then
    not left to chance, which changes what it costs by half."""
    mine = sorted(os.sched_getaffinity(0))
    if not wanted or len(mine) < 2:
        return mine
    os.sched_setaffinity(0, mine[1:])
    return mine[:1]


def serve(name, side, cpus, threads=THREADS):
    shape = SHAPES[name]
    words = f"engine_echo {shape.engine}" if side == "engine" else shape.hand

    def command(port):
        program, *rest = words.format(port=port, threads=threads).split()
        return [BUILD / program, *rest]
    return Server(f"{side}_{name}", command, shape.processes, cpus)


# ------------------------------------------------------------------- what is measured

def turn(server, name, seconds, flags):
    """What the clients saw, and the server's time a transaction."""
    before_s = server.used_s()
    figures = load(server, MANY, SHAPES[name].clients, seconds, *flags)
    server.settle()
    figures["cpu_us"] = (server.used_s() - before_s) / max(figures["conversations"], 1) * 1e6
    return figures


def take_turns(name, sides, cpus, options):
    """{(kind, side): [figures of each turn]}: both servers are there all the time, the clients
    go from one to the other."""
    found = {(kind, side): [] for kind in KINDS for side in sides}
    with ExitStack() as stack:
        servers = {side: stack.enter_context(serve(name, side, cpus)) for side in sides}
        for kind, flags in KINDS.items():
            for server in servers.values():
                load(server, WARM_UP, SHAPES[name].clients, PATIENCE_S, *flags)
            for number in range(options.turns):
                for side in rotated(sides, number):
                    found[kind, side].append(
                        turn(servers[side], name, options.turn, flags))
    return found


def footprint_kib(server):
    return private_kib(server.process.pid) + page_tables_kib(server.process.pid)


def idle_kib(name, side, cpus):
    """Memory of all the server's processes, by IDLE connections; None: it failed."""
    with serve(name, side, cpus, threads=IDLE) as server:
        with subprocess.Popen(load_command(server, IDLE, IDLE, 20, "-i"), text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as clients:
            held = figures_of(clients.stdout.readline())["conversations"]
            total = footprint_kib(server)
            clients.communicate()       # ends its input, and so the connections
    return total / IDLE if held == IDLE else None


def tree(pid):
    return [str(pid), *(other for child in children(pid) for other in tree(child))]


def calls(name, side, cpus, flags):
    """System calls a transaction, counted by the kernel."""
    clients = SHAPES[name].clients
    with serve(name, side, cpus) as server:
        load(server, WARM_UP, clients, PATIENCE_S, *flags)
        server.settle()
        counter = BUILD / "calls"
        said = subprocess.run(
            ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", counter, "-p",
             ",".join(tree(server.process.pid)), "--",
             *load_command(server, COUNTED, clients, 10, *flags)],
            check=True, capture_output=True, text=True).stdout
    counted = [line.split(",")[0] for line in counter.read_text().splitlines()
               if "raw_syscalls" in line]
    return int(counted[0]) / max(figures_of(said)["conversations"], 1)


def may_count():
    """perf(1) counts where there is one, and the kernel lets us."""
    if not shutil.which("perf"):
        return False
    said = subprocess.run(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"],
                          capture_output=True, text=True)
    return said.returncode == 0 and said.stderr.split(",")[0].isdigit()


# --------------------------------------------------------------------------- the tables

def cells(found, key, digits, ratio=True):
    """By hand, by the engine, and the ratio of the two."""
    hand, engine = found.get("hand"), found.get("engine")
    row = [f"{median(own, key):.{digits}f}" if own else "-" for own in (hand, engine)]
    if ratio:
        row.append(quartiles(ratios(engine, hand, key)) if hand and engine else "-")
    return row


def speed_table(found, kind):
    """found: {shape: {(kind, side): …}}"""
    head = ["shape", f"CPU µs a {kind} by hand", "engine", "ratio (quartiles)",
            f"{kind}s/s by hand", "engine", "ratio (quartiles)",
            "p99 ms by hand", "engine", "failed"]
    rows = []
    for name, figures in found.items():
        own = {side: rounds for (what, side), rounds in figures.items() if what == kind}
        rows.append([name, *cells(own, "cpu_us", 2), *cells(own, "rate", 0),
                     *cells(own, "p99_ms", 2, ratio=False),
                     " + ".join(f"{sum(one['failed'] for one in rounds):.0f}"
                                for rounds in own.values())])
    return head, rows


def pair_cells(found, names, digits):
    """Rows of by hand, engine and ratio, of single figures."""
    rows = []
    for name in names:
        hand, engine = found.get((name, "hand")), found.get((name, "engine"))
        rows.append([name, *("-" if one is None else f"{one:.{digits}f}"
                             for one in (hand, engine)),
                     f"{engine / hand:.2f}" if hand and engine is not None else "-"])
    return rows


def memory_part(names, sides, cpus, report):
    idle = [name for name in names if SHAPES[name].idle]
    if not idle:
        return
    found = {(name, side): idle_kib(name, side, cpus) for name in idle for side in sides}
    report.table(f"memory of one of {IDLE} idle connections, private and page tables",
                 ["shape", "KiB by hand", "engine", "ratio"], pair_cells(found, idle, 1))


def calls_part(names, sides, cpus, report):
    if not may_count():
        print("\nskipped: system calls: no perf(1) here that may count them")
        return
    for kind, flags in KINDS.items():
        found = {(name, side): calls(name, side, cpus, flags)
                 for name in names for side in sides}
        report.table(f"system calls a {kind}", ["shape", "by hand", "engine", "ratio"],
                     pair_cells(found, names, 2))


def works(name, side, cpus):
    try:
        with serve(name, side, cpus) as server:
            good = load(server, 1, 1)["conversations"] == 1
        reason = "the first conversation failed"
    except RuntimeError as failure:
        good, reason = False, failure
    if not good:
        print(f"skipped: {name}, {side}: {reason}")
    return good


def compare(options, report):
    """The engine beside hand-written loops, all of it."""
    sides = build()
    cpus = part_processors(not options.any_processor)
    names = [name for name in options.shapes
             if all([works(name, side, cpus) for side in sides])]
    found = {name: take_turns(name, sides, cpus, options) for name in names}
    for kind in KINDS if names else []:
        report.table(f"the engine beside hand-written loops: {kind}s, {options.turns} turns "
                     f"of {options.turn:g} s, server on {len(cpus)} of the processors",
                     *speed_table(found, kind))
    memory_part(names, sides, cpus, report)
    if names:
        calls_part(names, sides, cpus, report)
