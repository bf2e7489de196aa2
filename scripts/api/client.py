"""Reads a running demo, and acts on it, by a client that was generated from its OpenAPI document and knows nothing else.

client.py ADDRESS CERTIFICATE TOKEN, with the generated package `fridge_client` beside it and an open drill.
"""
import ssl
import sys
from datetime import datetime, timedelta, timezone

from fridge_client import AuthenticatedClient, Client
from fridge_client.api.acts import acknowledge, defrost
from fridge_client.api.alarms import alarms
from fridge_client.api.fridges import fridge, fridges
from fridge_client.api.readings import readings
from fridge_client.models import Acknowledgement, Length, Problem

address, certificate, token = sys.argv[1:]
trust = ssl.create_default_context(cafile=certificate)
anyone = Client(base_url=f"{address}/api/v1", verify_ssl=trust)
known = AuthenticatedClient(base_url=f"{address}/api/v1", verify_ssl=trust, token=token)

all_of_them = fridges.sync(client=anyone)
milk = next(it for it in all_of_them.fridges if it.id == "milk")
assert all_of_them.simulated and milk.celsius is not None and milk.state == "in range", milk
one = fridge.sync("milk", client=anyone).fridge
assert one.name == milk.name and one.limits == milk.limits, one
silent = next(it for it in all_of_them.fridges if it.id == "meat")
assert silent.celsius is None and silent.verdict == "no_answer", silent

day = readings.sync("milk", client=anyone, step="1h")
assert len(day.points) >= 24 and all(it.min_ <= it.mean + 0.01 <= it.max_ + 0.02 for it in day.points if it.mean is not None), day
missing = fridge.sync("nothing", client=anyone)
assert isinstance(missing, Problem) and missing.status == 404, missing

drill = next(it for it in alarms.sync(client=anyone).alarms if it.drill)
refused = acknowledge.sync(drill.number, client=anyone, body=Acknowledgement(cause="delivery"))
assert isinstance(refused, Problem) and refused.status == 401, refused
left = acknowledge.sync(drill.number, client=known, body=Acknowledgement(cause="delivery"))
assert all(it.number != drill.number for it in left.alarms), left
month_ago = datetime.now(timezone.utc) - timedelta(days=30)
past = next(it for it in alarms.sync(client=anyone, from_=month_ago).alarms if it.number == drill.number)
assert past.acknowledged_by == "program" and past.cause == "delivery" and past.cleared is not None, past
quiet = defrost.sync("milk", client=known, body=Length(length="45m"))
assert quiet.warmth_only and quiet.by == "program" and quiet.until > quiet.at, quiet
print(f"a generated client read {len(all_of_them.fridges)} fridges and {len(day.points)} steps, and acted twice")
