"""One fault from before to after: what is known stays, the truth is told in time, recovery needs nobody, requests are few."""
import time

LIVED = 10.5  # seconds: what is well for longer than ten is as if nothing had been
RECOVERY = 60  # seconds: the longest pause between two attempts, and an attempt
HEAD = ("fault", "what was done", "series before", "during", "after", "time to truth", "time to recovery", "requests")


class Failed(Exception):
    """The agent did not do what it has to."""


def until(seconds, what, condition, every=0.2):
    """Polls until the condition gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds} s in vain until {what}")
        time.sleep(every)


def ensure(what, holds):
    if not holds:
        raise Failed(what)


class Stories:
    """What stories share, and the table that they fill."""

    def __init__(self, server, proxy, agent, count):
        self.server, self.proxy, self.agent, self.count = server, proxy, agent, count
        self.rows, self.changes, self.witness = [], 0, None

    def steady(self, seconds=RECOVERY):
        """Up, and every certificate there; the scrape that says so."""
        def well():
            seen = self.agent.see()
            return seen if seen.up and len(seen.series) == self.count else None
        return until(seconds, f"the source is up with {self.count} certificates", well)

    def settled(self):
        """Steady, in a watch that has lived so long that no earlier fault makes the next pause longer."""
        def lived():
            last = self.proxy.requests[-1]
            return last.kind == "watch" and last.passed and time.monotonic() - last.at > LIVED
        until(RECOVERY + LIVED, "a watch has lived for a while", lived)
        return self.steady()

    def change(self):
        """One more Secret, so that recovery is more than a flag; each holds a certificate and its CA."""
        self.changes += 1
        self.server.create(f"more-{self.changes}")
        self.count += 2

    def told(self, *cells):
        self.rows.append(cells)
        print("    " + " | ".join(map(str, cells)), flush=True)

    def fault(self, name, done, begin, end, *, truth=30, hold=8, requests=None, change="during", lists=None, pod=False):
        """`truth`: the bound in seconds; None: the source stays up. `change`: when a Secret is made, "during" or "after".
        `requests`: the most; `lists`: the most of those that are the beginning of a list."""
        before = self.settled()
        mark, at = self.proxy.mark(), time.monotonic()
        begin()
        if change == "during":
            self.change()
        known, during, took = before.series, None, None
        if truth is not None:
            def down():
                nonlocal during
                during = self.agent.see()
                ensure(f"{name}: certificates that were known are gone: {len(known - during.series)}", known <= during.series)
                return not during.up
            until(truth + 15, "the source is down", down, every=0.1)
            took = time.monotonic() - (self.proxy.failed or at)
            ensure(f"{name}: the truth took {took:.1f} s, more than {truth}", took <= truth)
        deadline = time.monotonic() + hold
        while time.monotonic() < deadline:
            later = self.agent.see()
            ensure(f"{name}: certificates that were known are gone: {len(known - later.series)}", known <= later.series)
            if truth is not None:
                ensure(f"{name}: up again while the fault lasts", not later.up)
                ensure(f"{name}: the last success moved while the source is down", later.last_success == during.last_success)
            else:
                ensure(f"{name}: down, and needs not be", later.up)
            during = later
            time.sleep(0.25)
        if pod and self.witness:
            told = self.witness.see()
            ensure(f"{name}: the pod knows {len(told.series)} certificates of {len(known)}", len(told.series) == len(known))
            ensure(f"{name}: the pod says that all is well", not told.up)
        end()
        ended = time.monotonic()
        if change == "after":
            self.change()
        after = self.steady(RECOVERY)
        recovery = time.monotonic() - ended
        ensure(f"{name}: certificates that were known are gone", known <= after.series)
        ensure(f"{name}: the last success did not move", truth is None or after.last_success > during.last_success)
        asked = self.proxy.since(mark)
        most = requests if requests is not None else 12 + 2 * (time.monotonic() - at) / 10
        ensure(f"{name}: {len(asked)} requests, more than {most:.0f}", len(asked) <= most)
        begun = [one for one in asked if one.kind != "watch" and not one.continues]
        ensure(f"{name}: {len(begun)} lists, more than {lists}", lists is None or len(begun) <= lists)
        self.told(name, done, len(before.series), len(during.series), len(after.series),
                  "stays true" if truth is None else f"{took:.1f} s", f"{recovery:.1f} s", told_requests(asked))


def told_requests(asked):
    kinds = {kind: sum(one.kind == kind for one in asked) for kind in ("watch", "stream", "page")}
    return f"{len(asked)} ({', '.join(f'{number} {kind}' for kind, number in kinds.items() if number) or 'none'})"


def table(rows, head=HEAD):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])
