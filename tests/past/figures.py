"""The figures of a report, computed from what `fridge export` prints, by another program in another language.

figures.py LOG MIN MAX: the limits in degrees Celsius. The mean kinetic temperature is USP <1079.2>'s, over the means of five minutes.
"""
import csv
import datetime
import json
import math
import sys
from collections import defaultdict

lowest, highest = float(sys.argv[2]), float(sys.argv[3])
rows = [
    (datetime.datetime.fromisoformat(row["time"]).timestamp(), float(row["celsius"]))
    for row in csv.DictReader(open(sys.argv[1]))
    if row["celsius"]
]
values = [celsius for _, celsius in rows]
fives = defaultdict(list)
for time, celsius in rows:
    fives[time // 300].append(celsius)
means = [sum(five) / len(five) for five in fives.values()]
sums = sum(math.exp(-83144 / 8.3144 / (mean + 273.15)) for mean in means)
kinetic = 83144 / 8.3144 / -math.log(sums / len(means)) - 273.15

outside, excursions, before = 0.0, 0, None
for time, celsius in rows:
    side = "above" if celsius > highest else "below" if celsius < lowest else None
    holds = before is not None and time - before[0] <= 600
    if holds and before[1]:
        outside += time - before[0]
    if side and not (holds and before[1] == side):
        excursions += 1
    before = (time, side)

print(json.dumps({
    "min": min(values),
    "max": max(values),
    "mean": sum(values) / len(values),
    "readings": len(values),
    "mean_kinetic": kinetic,
    "minutes_outside": outside / 60,
    "excursions": excursions,
}))
