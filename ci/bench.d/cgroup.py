"""A control group limited in memory, as a container's is: version 1 or 2, whichever this machine has."""
import contextlib
import os
import pathlib
import time

TOP = pathlib.Path("/sys/fs/cgroup")


class Cgroup:
    """To be used with `with`; it is gone afterwards."""

    def __init__(self, name, limit):
        self.name, self.limit = f"{name}-{os.getpid()}", limit
        self.version = 2 if (TOP / "cgroup.controllers").exists() else 1
        self.path = (TOP if self.version == 2 else TOP / "memory") / self.name

    def __enter__(self):
        try:
            self.path.mkdir()
            self._limit()
        except OSError as error:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            raise SystemExit(f"error: no control group limited in memory can be made, which root may: {error}") from error
        return self

    def __exit__(self, *_):
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.path.rmdir()
            except OSError:  # its last process has not quite gone
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _limit(self):
        if self.version == 2:
            handed_down = TOP / "cgroup.subtree_control"
            if "memory" not in handed_down.read_text(encoding="ascii").split():
                handed_down.write_text("+memory", encoding="ascii")
            self._write("memory.max", self.limit)
            if (self.path / "memory.swap.max").exists():
                self._write("memory.swap.max", 0)
        else:
            self._write("memory.limit_in_bytes", self.limit)
            if (self.path / "memory.memsw.limit_in_bytes").exists():
                self._write("memory.memsw.limit_in_bytes", self.limit)

    @property
    def prefix(self):
        """In front of a command: it joins the group before its first page."""
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.path / "cgroup.procs")]

    def kills(self):
        """How many processes the kernel has killed for want of memory."""
        file = "memory.events" if self.version == 2 else "memory.oom_control"
        facts = dict(line.split() for line in self._read(file).splitlines())
        return int(facts.get("oom_kill", 0))

    def peak(self):
        """The most that was ever charged: the page cache of what it read, and the kernel's own, counted."""
        file = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        return int(self._read(file)) if (self.path / file).exists() else None

    def _read(self, file):
        return (self.path / file).read_text(encoding="ascii")

    def _write(self, file, value):
        (self.path / file).write_text(str(value), encoding="ascii")
