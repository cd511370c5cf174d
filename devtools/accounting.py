"""CPU time of processes with their children, and what a command with all its descendants used (Linux)."""

import ctypes
import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command used."""

    cpu_seconds: float  # user + system, all processes
    wall_seconds: float
    peak_mb: float  # largest sum over the processes of their proportional share of memory (PSS), 1 MB = 10⁶ bytes
    peak_rss_mb: float  # largest sum of resident sizes; counts shared pages once per process
    busiest_processes: int  # how many processes used more than a tenth of the CPU time


def run_accounted(command: list[str], environment: dict[str, str] | None = None, sample_seconds: float = 0.1) -> Cost:
    """Run to its end. Raises: RuntimeError with the command's output when it fails."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(environment or {})}
    )
    sampler = _Sampler(process.pid, sample_seconds)
    sampler.start()
    output, _ = process.communicate()
    sampler.stop()
    _reap_orphans()
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}:\n{output[-4000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    busy = sum(seconds > cpu / 10 for seconds in sampler.cpu.values())
    return Cost(cpu, wall, sampler.peak_pss / 1e6, sampler.peak_rss / 1e6, busy)


def _reap_orphans() -> None:
    """Wait for grandchildren that outlived their parent, so that their time is counted."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


class _Sampler(threading.Thread):
    def __init__(self, pid: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._seconds = seconds
        self._done = threading.Event()
        self.peak_pss = 0
        self.peak_rss = 0
        self.cpu: dict[int, float] = {}

    def stop(self) -> None:
        self._done.set()
        self.join()

    def run(self) -> None:
        while not self._done.wait(self._seconds):
            pss = rss = 0
            try:
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in processes:
                try:
                    rss += process.memory_info().rss
                    pss += _pss(process.pid)
                    times = process.cpu_times()
                    self.cpu[process.pid] = times.user + times.system
                except (psutil.Error, OSError):
                    continue
            self.peak_pss = max(self.peak_pss, pss)
            self.peak_rss = max(self.peak_rss, rss)


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pid: int) -> float:
    """Of a process and the children that it has now or has waited for."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        own = process.cpu_times()
        total += own.user + own.system + own.children_user + own.children_system
        total += sum(cpu_seconds(child.pid) for child in process.children())
    except psutil.NoSuchProcess:
        return total
    return total
