#!/usr/bin/env python3
"""Runs the stories of faults, one after the other, and prints their table. Called by ci/e2e faults; without a cluster:

run.py --binary PATH [--short] [STORY…]: an API server alone on loopback (ci/tools/build etcd kube-apiserver).
"""
import argparse
import contextlib
import pathlib
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the tree stays as it is

import agent as agents
import api
import process
import servers
from proxy import Proxy
from story import Failed, Stories, table

NAMESPACE = "e2e-faults"
SECRETS = 120  # three pages


def main():
    options = arguments()
    with contextlib.ExitStack() as closing:
        folder = pathlib.Path(closing.enter_context(tempfile.TemporaryDirectory()))
        make = servers.Cluster if options.token else servers.Alone
        server = closing.enter_context(make(folder, options.token, options.binding.split("/")) if options.token else make(folder))
        server.fill(NAMESPACE, SECRETS)
        proxy = closing.enter_context(Proxy(server.host, server.port, server.cafile))
        dropping(proxy, server.cluster, closing)
        kubeconfig = agents.write_kubeconfig(folder / "kubeconfig", f"http://127.0.0.1:{proxy.port}", server.token)
        agent = closing.enter_context(agents.Agent(options.binary, folder, [agents.secrets(kubeconfig, NAMESPACE)]))
        it = Stories(server, proxy, agent, 2 * SECRETS)
        pod = process.Pod(NAMESPACE, options.pod) if options.pod else None
        it.witness = agents.Scraped(pod.address, 9793) if pod else None
        failed = tell(it, chosen(options, it, folder, pod), agent)
    print("\n" + table(it.rows))
    return 1 if failed else 0


def chosen(options, it, folder, pod):
    short = options.short
    stories = {
        "answers": lambda: api.answers(it),
        "breaks": lambda: api.breaks(it),
        "slowness": lambda: api.slowness(it),
        "silence": lambda: api.silence(it),
        "restarts": lambda: api.restarts(it, 20 if short else 120),
        "compaction": lambda: api.compaction(it),
        "rights": (lambda: api.rights(it)) if it.server.cluster else None,
        "churn": lambda: api.churn(it, 15 if short else 300),
        "clock": lambda: process.clock(it),
        "files": lambda: process.files(it, folder, options.binary),
        "terminated": lambda: process.terminated(it),
        "killed": lambda: process.killed(it),
        "pod": (lambda: process.pod_killed(it, pod)) if pod else None,
        "token": lambda: api.expired_token(it),  # the last: this agent asks for no streamed list any more
    }
    unknown = set(options.stories) - set(stories)
    if unknown:
        sys.exit(f"error: no such story: {', '.join(sorted(unknown))}")
    return {name: story for name, story in stories.items() if story and (not options.stories or name in options.stories)}


def tell(it, stories, agent):
    failed = []
    it.steady(120)
    for name, story in stories.items():
        begun = time.monotonic()
        try:
            story()
            print(f"    ok: {name}, {time.monotonic() - begun:.0f} s", flush=True)
        except (Failed, RuntimeError, OSError) as error:
            failed.append(name)
            print(f"error: {name}: {error}", flush=True)
            words = agent.log.read_text(errors="replace").splitlines()
            words = [line for line in words if "a scrape is answered" not in line]
            print("\n".join(f"    the agent: {line[:300]}" for line in words[-12:]), flush=True)
            it.proxy.well()
            it.proxy.cut()
            with contextlib.suppress(Failed, RuntimeError, OSError):
                it.server.until_ready()
                it.count = 2 * len(it.server.call("GET", f"{it.server.path}?fieldSelector=type%3D{it.server.type}")["items"])
                it.steady()
    print(f"{len(stories) - len(failed)} stories passed, {len(failed)} failed{': ' + ', '.join(failed) if failed else ''}", flush=True)
    return failed


def dropping(proxy, cluster, closing):
    """How packets are dropped: by the kernel where the network is the cluster's own; else the proxy holds them."""
    if not cluster:
        proxy.dropping = "the proxy passes nothing on, and closes nothing"
        proxy.drop, proxy.restore = (lambda: setattr(proxy, "silent", True)), (lambda: setattr(proxy, "silent", False))
        return
    rules = [["-i", "lo", "-p", "tcp", side, str(proxy.port), "-j", "DROP"] for side in ("--dport", "--sport")]

    def all_of_them(verb, check=True):
        for rule in rules:
            subprocess.run(["iptables", "-w", verb, "INPUT", *rule], check=check, capture_output=not check)
    proxy.dropping = "iptables drops every packet between the agent and its server, both ways"
    proxy.drop, proxy.restore = (lambda: all_of_them("-I")), (lambda: all_of_them("-D"))
    closing.callback(lambda: all_of_them("-D", check=False))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("stories", nargs="*", metavar="STORY")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--short", action="store_true", help="what takes minutes takes seconds")
    parser.add_argument("--token", help="of the agent's account in the cluster")
    parser.add_argument("--binding", help="KIND/NAME of what gives the account its right")
    parser.add_argument("--pod", help="the release's pod that watches Secrets")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
