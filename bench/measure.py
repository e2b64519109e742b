"""What all parts of the benchmark measure with: a server from start to end, the clients, the
processors, the tables. Which servers, and what they are asked, is not here."""
import fcntl
import os
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
BUILD = TOP / "build/bench"
HARK = os.environ.get("HARK", str(TOP / "build/hark"))
INSIDE = "HARK_BENCH_INSIDE"    # set once we are in a network namespace of our own
PATIENCE_S = 5


# ------------------------------------------------------------------------- the machine

def enter_namespace():
    """A network namespace of our own, where that is allowed: its ports, its TIME_WAIT and
    its counters are then nobody else's."""
    if os.environ.get(INSIDE):
        with socket.socket() as any_socket:     # "lo" begins its life down: up, running
            fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
        return True
    for unshare in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if shutil.which("unshare") and subprocess.run(
                [*unshare, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            os.environ[INSIDE] = "yes"
            os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])
    return False


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return (f"{time.strftime('%Y-%m-%d', time.gmtime())}, Linux {os.uname().release}, "
            f"{os.cpu_count()} x {models[0] if models else os.uname().machine}")


class Others:
    """How much of the processors everybody else used: what the machine was busy with, less
    what we and all that we waited for have used."""

    @staticmethod
    def now():
        with open("/proc/stat") as file:
            user, nice, system, idle, waiting, *rest = map(int, file.readline().split()[1:9])
        own = sum(usage.ru_utime + usage.ru_stime for usage in
                  map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
        busy = (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")
        return busy, own, (idle + waiting) / os.sysconf("SC_CLK_TCK")

    def __init__(self):
        self.start = self.now()

    def percent(self):
        busy, own, idle = (now - then for now, then in zip(self.now(), self.start))
        return max(0.0, 100 * (busy - own) / max(busy + idle, 0.01))


# ---------------------------------------------------------------------------- a server

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port):
    """From the kernel's list: to connect would be a conversation."""
    with open("/proc/net/tcp") as file:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                   for line in file)


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += task.read_text().split()
    return found


def page_tables_kib(pid):
    """Of the server, and of the processes that it keeps."""
    text = Path(f"/proc/{pid}/status").read_text()
    own = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmPTE:"))
    return own + sum(map(page_tables_kib, children(pid)))


def private_kib(pid):
    """Private memory of the server, and of the processes that it keeps."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = sum(int(line.split()[1]) for line in text.splitlines()
              if line.startswith(("Private_Clean:", "Private_Dirty:")))
    return own + sum(private_kib(child) for child in children(pid))


def cpu_clock_s(pid):
    """The clock of another process, as clock_getcpuclockid(3) makes its number."""
    return time.clock_gettime(~int(pid) << 3 | 2)


class Server:
    """One that listens, from start to end; afterwards cpu_s is what it and its processes used,
    from its first client on. `command` makes its words of a port; `processes` is how many it
    starts before there is a client; `cpus` are those it may use, all of ours if None."""

    def __init__(self, name, command, processes=0, cpus=None):
        self.name, self.port = name, free_port()
        self.processes, self.cpus = processes, cpus or os.sched_getaffinity(0)
        self.cpu_s = self.started_s = 0.0
        self.kept = []
        self.command = [str(word) for word in command(self.port)]

    def __enter__(self):
        self.log = BUILD / f"{self.name}.log"
        try:
            with open(self.log, "w") as log:
                self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                                stdout=subprocess.DEVNULL, stderr=log,
                                                preexec_fn=self.settle_on_cpus)
        except OSError as reason:       # a build that replaces it meanwhile, for one
            raise RuntimeError(f"{self.name} does not start: {reason}")
        try:
            self.wait_for(lambda: listening(self.port) or self.process.poll() is not None,
                          PATIENCE_S)
            if self.process.returncode is not None or not listening(self.port):
                raise RuntimeError(
                    f"{self.name} does not listen: {self.log.read_text().strip()}")
            self.wait_for(lambda: len(children(self.process.pid)) >= self.processes,
                          PATIENCE_S)
            time.sleep(0.02)            # what it does after listen(2) is start-up too
            self.kept = children(self.process.pid)
            self.started_s = self.used_s()
        except BaseException:
            self.__exit__()
            raise
        return self

    def settle_on_cpus(self):
        os.sched_setaffinity(0, self.cpus)

    def used_s(self):
        """So far: by its processes, and, to a tick, by those that it reaped."""
        try:
            # The command's name may hold anything; then come the state and many numbers.
            words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            alive_s = sum(map(cpu_clock_s, [self.process.pid, *self.kept]))
        except OSError:
            raise RuntimeError(f"{self.name} has ended: {self.log.read_text().strip()}")
        return alive_s + (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")

    def settle(self):
        """Until no process of a client is left, nor unreaped: only what is reaped counts."""
        self.wait_for(lambda: set(children(self.process.pid)) <= set(self.kept), 2)

    @staticmethod
    def wait_for(condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def reaped(self):
        """As Popen.poll, but with what the process and all that it reaped have used."""
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_s = usage.ru_utime + usage.ru_stime - self.started_s
        return True

    def __exit__(self, *_):
        if self.process.returncode is not None:
            return
        self.settle()
        self.process.send_signal(signal.SIGTERM)
        if not self.wait_for(self.reaped, PATIENCE_S):
            self.process.kill()
            self.wait_for(self.reaped, PATIENCE_S)


def compile_program(name, *words):
    cc = os.environ.get("CC", "cc")
    subprocess.run([cc, "-O2", "-o", BUILD / name, HERE / f"{name}.c", *words], check=True)


def load_command(server, conversations, clients=32, seconds=10, *flags):
    return [BUILD / "load", "-c", str(clients), "-n", str(conversations), "-t", str(seconds),
            *flags, str(server.port)]


def load(*wanted):
    """What bench/load says, as numbers."""
    said = subprocess.run(load_command(*wanted), check=True, capture_output=True, text=True)
    return figures_of(said.stdout)


def figures_of(said):
    figures = {key: float(value) for key, value in (word.split("=") for word in said.split())}
    figures["failed"] = sum(figures[kind] for kind in
                            ("refused", "reset", "timeout", "short", "wrong", "other"))
    return figures


# -------------------------------------------------------------------------- the figures

def rotated(names, turn):
    turn %= len(names)
    return names[turn:] + names[:turn]


def median(rounds, key):
    return statistics.median(figures[key] for figures in rounds)


def ratios(rounds, base, key):
    return [own[key] / other[key] if other[key] else 0.0
            for own, other in zip(rounds, base)]


def quartiles(values):
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return f"{statistics.median(values):.2f} ({first:.2f}-{third:.2f})"


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


class Report:
    """Tables, aligned on standard output and as Markdown in a file."""

    def __init__(self, path):
        self.file = open(path, "w") if path else None

    def say(self, text):
        print(text, flush=True)
        if self.file:
            print(text, file=self.file)

    def table(self, title, head, rows):
        self.say(f"\n{title}\n")
        widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
        for row in [head, *rows]:
            print("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                            for column, (cell, width) in enumerate(zip(row, widths))))
        sys.stdout.flush()
        if self.file:
            for row in [head, ["---"] + ["--:"] * (len(head) - 1), *rows]:
                print("| " + " | ".join(row) + " |", file=self.file)
