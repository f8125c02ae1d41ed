"""Faults of the API server and of the way to it."""
import threading
import time

from servers import exchange
from story import ensure, told_requests, until


def answers(it):
    """500, 429, 410: answered by the proxy to whatever is asked."""
    proxy = it.proxy

    def always(code, *headers):
        def begin():
            proxy.rule = lambda request: proxy.status(code, *headers)
            proxy.cut()
        return begin
    it.fault("500", "the proxy answers 500 to everything", always(500), proxy.well)
    it.fault("429", "the proxy answers 429 with Retry-After: 5", always(429, "Retry-After: 5"), proxy.well, requests=12)
    it.fault("410 to everything", "the proxy answers 410, to lists too", always(410), proxy.well)

    def gone():
        proxy.rule = lambda request: proxy.status(410) if request.kind == "watch" else None
        proxy.cut()
    it.fault("410 to watches", "the proxy answers 410 to each watch, lists pass", gone, proxy.well, truth=None, hold=20, lists=12)


def breaks(it):
    proxy = it.proxy

    def cut():
        proxy.halving = 5
        # What is cut is an event of a Secret: the change that follows, and these.
        for _ in range(3):
            it.change()
            time.sleep(1)
    it.fault("cut mid-stream", "the proxy cuts 5 answers in the middle of what the server sends", cut, proxy.well, truth=None, lists=0)

    def refuse():
        proxy.rule = lambda request: lambda client, forward: False
        proxy.cut()
    it.fault("connections closed", "the proxy closes each connection at its first request", refuse, proxy.well)


def slowness(it):
    proxy, once = it.proxy, []

    def relist(request):
        if request.kind == "watch" and not once:
            once.append(request)
            return proxy.status(410)
        return proxy.late(5)

    def slow():
        once.clear()
        proxy.rule, proxy.rate = relist, 96 << 10
        proxy.cut()
    it.fault("slow", "a new list, each answer 5 s late and at 96 KiB/s", slow, proxy.well, truth=None, hold=20, lists=1)

    def hang():
        proxy.rule = lambda request: proxy.hang
        proxy.cut()
    it.fault("hangs", "requests are taken and not answered", hang, lambda: (proxy.well(), proxy.cut()))

    def stall():
        once.clear()

        def rule(request):
            if request.kind == "watch" and not once:
                once.append(request)
                return proxy.status(410)
            return proxy.stall(10_000) if request.kind == "stream" else proxy.hang
        proxy.rule = rule
        proxy.cut()
    mark = len(proxy.requests)
    it.fault("a list stalls", "a new list, streamed, falls silent after 10 kB", stall, lambda: (proxy.well(), proxy.cut()))
    ensure("a silence was taken for a server that streams no lists", not proxy.since(mark, "page"))


def silence(it):
    it.fault("packets dropped", it.proxy.dropping, it.proxy.drop, it.proxy.restore, truth=60, change="during")


def restarts(it, seconds):
    server = it.server
    restart = threading.Thread(target=server.restart)
    it.fault("API server restarted", "SIGKILL to its process; another is started", restart.start, restart.join, hold=0, change="after")
    it.fault(f"API server killed for {seconds} s", "SIGKILL, and nothing starts another", server.kill, server.start, hold=seconds, change="after", pod=True)


def compaction(it):
    """The agent is kept away while a Secret is made, another deleted, and all that was before is forgotten."""
    proxy, server = it.proxy, it.server

    def begin():
        proxy.rule = lambda request: proxy.status(503)
        proxy.cut()

    def end():
        it.change()
        server.delete(doomed)
        it.count -= 2
        server.compact()
        server.restart()
        proxy.well()
    # It is the one story in which a known certificate goes: because it is gone.
    it.change()
    doomed = f"more-{it.changes}"
    before = it.settled()
    mark = proxy.mark()
    begin()
    until(30, "the source is down", lambda: not it.agent.see().up)
    took = time.monotonic() - proxy.failed
    during = it.agent.see()
    ensure("certificates are gone", during.series == before.series)
    end()
    ended = time.monotonic()
    made = f'secret_name="more-{it.changes}"'

    def renewed():
        seen = it.agent.see()
        names = "".join(seen.series)
        return seen if seen.up and made in names and f'secret_name="{doomed}"' not in names else None
    after = until(60, "what was made is there, and what was deleted is not", renewed)
    lists = [one for one in proxy.since(mark, "stream", "page") if not one.continues]
    ensure(f"{len(lists)} lists after a compaction", lists and len(lists) <= 3)
    it.told("etcd compacted", "503 for the agent meanwhile; one Secret made, one deleted, compaction, restart: its version is gone", len(before.series),
            len(during.series), len(after.series), f"{took:.1f} s", f"{time.monotonic() - ended:.1f} s", f"{len(proxy.since(mark))} ({len(lists)} lists)")


def expired_token(it):
    """Servers that stream no lists: the token of the second page is refused once, as after five minutes."""
    proxy, once = it.proxy, []

    def rule(request):
        if request.kind == "stream":
            return proxy.status(400)
        if request.kind == "watch" and not once:
            once.append("list")
            return proxy.status(410)
        if request.continues and len(once) == 1:
            once.append("token")
            return proxy.status(410)
        return None

    def begin():
        proxy.rule = rule
        proxy.cut()
        until(30, "the token was refused", lambda: len(once) == 2)
    it.fault("page token expired", "lists in pages of 50; the proxy answers 410 to the second page once", begin, proxy.well, truth=None, lists=4)


def rights(it):
    """A right that is taken does not end a watch that runs; the next request is refused."""
    server, proxy = it.server, it.proxy
    proxy.cut()  # so that the watch has just begun
    it.change()
    before = it.settled()
    mark = proxy.mark()
    taken = time.monotonic()
    server.forbid()
    it.change()
    shown = it.steady(20)
    later = time.monotonic() - taken
    down = until(60, "the source is down", lambda: (lambda seen: None if seen.up else seen)(it.agent.see()), every=0.1)
    refused = [one for one in proxy.since(mark)]
    took = time.monotonic() - refused[0].at
    ensure(f"the truth took {took:.1f} s", took <= 30)
    ensure("certificates are gone", down.series == shown.series)
    ensure("the reason is not told", down.total("x509_source_errors_total", 'reason="forbidden"') > 0)
    server.allow()
    given = time.monotonic()
    it.change()
    after = it.steady()
    ensure("certificates are gone", shown.series <= after.series)
    it.told("RBAC taken and given back", f"the binding is deleted; a Secret made after that appears {later:.1f} s after the deletion, by the watch that runs still",
            len(before.series), len(down.series), len(after.series), f"{took:.1f} s", f"{time.monotonic() - given:.1f} s", len(proxy.since(mark)))


def churn(it, seconds, rate=50):
    """Secrets change all the time."""
    server, proxy, agent = it.server, it.proxy, it.agent
    before = it.settled()
    mark, begun, workers, failures = proxy.mark(), time.monotonic(), [], []
    names = [f"host-{number:04}" for number in range(rate)]
    written = [0] * 10

    def work(worker):
        connection, turn = server.connect(), 0
        try:
            while written[worker] < rate * seconds // len(written):
                # Five a second each, by the clock: what was late is made up for.
                if written[worker] > (time.monotonic() - begun) * rate / len(written):
                    time.sleep(0.01)
                    continue
                mine = names[worker::len(written)]
                number = written[worker] % len(mine)
                turn = written[worker] // len(mine)
                body = server.secret(mine[number], names.index(mine[number]) + turn % 2)
                exchange(connection, "PATCH", f"{server.path}/{mine[number]}", server.headers, {"data": body["data"]}, kind="application/merge-patch+json")
                written[worker] += 1
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)
        finally:
            connection.close()
    workers = [threading.Thread(target=work, args=(number,)) for number in range(len(written))]
    for worker in workers:
        worker.start()
    fewest, slowest = len(before.series), 0.0
    while any(worker.is_alive() for worker in workers):
        asked = time.monotonic()
        seen = agent.see()
        slowest = max(slowest, time.monotonic() - asked)
        ensure("down while Secrets change", seen.up)
        fewest = min(fewest, len(seen.series))
        time.sleep(0.5)
    ensure(f"a writer failed: {failures}", not failures)
    ended = time.monotonic()
    seconds = ended - begun
    ensure(f"{sum(written)} changes took {seconds:.0f} s: the API server is too slow", sum(written) > 0.95 * rate * seconds)
    for number, name in enumerate(names):
        server.call("PATCH", f"{server.path}/{name}", {"data": server.secret(name, number)["data"]}, kind="application/merge-patch+json")
    after = until(20, "every certificate is the one that it was", lambda: (lambda seen: seen if seen.series == before.series else None)(agent.see()))
    ensure(f"certificates were missing: {fewest} of {len(before.series)}", fewest == len(before.series))
    asked = proxy.since(mark)
    ensure(f"{len(asked)} requests in {seconds:.0f} s", len(asked) <= 3 + seconds / 30)
    ensure("a list was begun anew", not proxy.since(mark, "stream", "page"))
    it.told(f"Secret churn, {rate}/s for {seconds:.0f} s", f"{sum(written)} changes; the slowest scrape took {slowest * 1000:.0f} ms; {agent.status('VmHWM')} KiB at most",
            len(before.series), fewest, len(after.series), "stays true", f"{time.monotonic() - ended:.1f} s", told_requests(asked))
