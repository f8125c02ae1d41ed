"""From Prometheus' answer with ranges of samples: for each workload and node the longest time between two of them, in whole seconds.

A node is told by its pods' addresses, since series of old releases have no label for it: 10.244.N.0/24 is node N's.
"""

import collections
import json
import re
import sys

times = collections.defaultdict(set)
for series in json.load(sys.stdin)["data"]["result"]:
    metric = series["metric"]
    workload = metric["pod"].removeprefix(sys.argv[1] + "-").split("-")[0]
    node = re.match(r"10\.244\.(\d+)\.", metric["instance"]).group(1)
    who = "Secrets" if "secret_name" in metric else f"{workload}-on-node{node}"
    times[who].update(time for time, _ in series["values"])
for who, moments in sorted(times.items()):
    moments = sorted(moments)
    print(who, round(max(later - sooner for sooner, later in zip(moments, moments[1:]))))
