"""What the jail of decoders costs: the CPU time of its walls in a worker, and of a whole worker.

`python -m benchmarks.jail` prints both. A clip and a photo take three workers each: one to probe
the file, one to look at what it really holds, one to sample it.
"""

import os
import resource
import statistics
import tempfile

from tasks.common.media.jail import Reach, enter_jail, missing_walls, prepare_jail

_N = 200
_N_WORKERS = 3  # of a clip or a photo


def main() -> None:
    """Print milliseconds of CPU per worker."""
    print(f"missing: {', '.join(missing_walls()) or 'nothing'}")
    with tempfile.TemporaryDirectory() as folder:
        reach = Reach((__file__,), folder, file_bytes=1 << 20)
        prepare_jail(("tasks",))
        jailed, free = _fork(reach), _fork(None)
    cost_ms = jailed - free
    print(f"a fork {free:.2f} ms, with the jail {jailed:.2f} ms: {cost_ms:.2f} ms a worker")
    print(f"a clip or a photo: {_N_WORKERS * cost_ms:.1f} ms")


def _fork(reach: Reach | None) -> float:
    """Return the CPU time of a forked child, in ms, its kernel's work included: the median."""
    costs = []
    for _ in range(_N):
        before = _children_s()
        child = os.fork()
        if child == 0:
            if reach is not None:
                enter_jail(reach, ("tasks",))
            os._exit(0)
        os.waitpid(child, 0)
        costs.append(_children_s() - before)
    return statistics.median(costs) * 1000


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
