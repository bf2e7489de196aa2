"""Home Assistant itself, in this process, beside a broker and a gateway: what it makes of what the gateway publishes.

check.py FRIDGE PORT FOLDER: the program, the broker's port, and a folder to work in.
"""
import asyncio
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from homeassistant import bootstrap, runner
from homeassistant.helpers import device_registry, entity_registry

FRIDGE, PORT, FOLDER = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
PATIENCE = 60
HEAD = f"""name = "Kitchen"
listen = "127.0.0.1:0"
[mqtt]
broker = "mqtt://127.0.0.1:{PORT}"
gateway = "kitchen"
[[bus]]
kind = "simulated"
period = "1s"
probes = 3
warm = [2]
silent = [3]
"""
MILK = '[[fridge]]\nid = "milk"\nname = "Milk"\nprobe = "28-000000000001"\nlimits = { max = 9 }\ngroup = "Bar"\n'
CREAM = '[[fridge]]\nname = "Cream"\nprobe = "28-000000000002"\nlimits = { max = 1 }\n'
SILENT = '[[fridge]]\nname = "Silent"\nprobe = "28-000000000003"\n'
ENTRY = {"version": 1, "minor_version": 1, "key": "core.config_entries", "data": {"entries": [{
    "entry_id": "broker", "version": 1, "minor_version": 1, "domain": "mqtt", "title": "mqtt",
    "data": {"broker": "127.0.0.1", "port": PORT, "discovery": True}, "options": {}, "source": "user",
    "pref_disable_new_entities": False, "pref_disable_polling": False, "unique_id": None, "disabled_by": None}]}}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Gateway:
    """A running `fridge serve`."""

    def __init__(self):
        self.start()

    def start(self):
        log = open(FOLDER / "fridge.log", "a")
        self.process = subprocess.Popen(
            [FRIDGE, "serve", "--config", FOLDER / "fridge.toml", "--state", FOLDER / "state",
             "--socket", FOLDER / "fridge.sock"], stderr=log)

    def reload(self, *fridges):
        write(*fridges)
        self.process.send_signal(signal.SIGHUP)

    def kill(self):
        self.process.kill()
        self.process.wait()


def write(*fridges):
    (FOLDER / "fridge.toml").write_text(HEAD + "".join(fridges))


class Home:
    """A running Home Assistant."""

    hass = None

    async def start(self):
        config = FOLDER / "home"
        (config / ".storage").mkdir(parents=True, exist_ok=True)
        (config / "configuration.yaml").write_text(f"http: {{ server_host: 127.0.0.1, server_port: {free_port()} }}\n")
        entries = config / ".storage" / "core.config_entries"
        if not entries.exists():
            entries.write_text(json.dumps(ENTRY))
        settings = runner.RuntimeConfig(
            config_dir=str(config), skip_pip=True, skip_pip_packages=[], recovery_mode=False, verbose=False,
            log_file=str(FOLDER / "home.log"))
        self.hass = await bootstrap.async_setup_hass(settings)
        assert self.hass and not self.hass.config.recovery_mode, "Home Assistant does not start"
        await self.hass.async_start()

    async def stop(self):
        await self.hass.async_stop()

    def entity(self, place):
        """The entity of that unique id, and its state."""
        registry = entity_registry.async_get(self.hass)
        found = [e for e in registry.entities.values() if e.unique_id == f"fridge_kitchen_{place}"]
        return (found[0].entity_id, self.hass.states.get(found[0].entity_id)) if found else (None, None)

    def state(self, place):
        _, state = self.entity(place)
        return state.state if state else None

    async def until(self, what, wanted):
        """Waits until that holds."""
        deadline = time.monotonic() + PATIENCE
        while not wanted():
            if time.monotonic() > deadline:
                states = {s.entity_id: s.state for s in self.hass.states.async_all()}
                raise SystemExit(f"not seen: {what}; there is {json.dumps(states, indent=1)}")
            await asyncio.sleep(0.05)
        print(f"seen: {what}", flush=True)


def is_number(text):
    try:
        return float(text) is not None
    except (TypeError, ValueError):
        return False


async def all_is_shown(home):
    await home.until("each fridge with its value", lambda: all(
        is_number(home.state(f"fridge-{fridge}_temperature")) for fridge in ("milk", "cream")))
    entity, state = home.entity("fridge-milk_temperature")
    attributes = state.attributes
    assert attributes["unit_of_measurement"] == "°C" and attributes["device_class"] == "temperature", attributes
    assert attributes["friendly_name"] == "Milk (simulated) Temperature", attributes
    for place, wanted in {
        "fridge-milk_state": "in range", "fridge-milk_alarm": "off", "fridge-cream_state": "too warm",
        "fridge-silent_state": "no value", "fridge-silent_temperature": "unknown", "gateway_connection": "on",
    }.items():
        await home.until(f"{place}: {wanted}", lambda: home.state(place) == wanted)
    for place in ("minimum", "maximum"):
        await home.until(f"{place} of today", lambda: is_number(home.state(f"fridge-milk_{place}")))
    await home.until("the age of the reading", lambda: is_number(home.state("fridge-milk_age")))
    assert home.state("fridge-silent_age") == "unknown", home.state("fridge-silent_age")
    return entity


async def main():
    write(MILK, CREAM, SILENT)
    gateway, home = Gateway(), Home()
    try:
        await home.start()
        entity = await all_is_shown(home)
        devices = device_registry.async_get(home.hass).devices.values()
        names = sorted(device.name for device in devices if device.manufacturer == "fridge")
        assert names == ["Cream (simulated)", "Kitchen (simulated)", "Milk (simulated)", "Silent (simulated)"], names

        gateway.reload(MILK.replace('name = "Milk"', 'name = "Oat milk"'), CREAM, SILENT)
        await home.until("another name, the same entity", lambda: home.entity("fridge-milk_temperature")[0] == entity
                         and "Oat milk" in getattr(home.entity("fridge-milk_temperature")[1], "name", ""))

        gateway.reload(MILK, SILENT)
        await home.until("a fridge that was removed is gone", lambda: home.entity("fridge-cream_temperature")[0] is None)
        gateway.reload(MILK, CREAM, SILENT)
        await home.until("it is there again", lambda: is_number(home.state("fridge-cream_temperature")))

        gateway.kill()
        await home.until("a gateway that died is unavailable", lambda: home.state("gateway_connection") == "off" and all(
            home.state(f"fridge-{fridge}_temperature") == "unavailable" for fridge in ("milk", "cream", "silent")))
        gateway.start()
        await all_is_shown(home)

        await home.stop()
        await home.start()
        assert await all_is_shown(home) == entity
        print("seen: all of it again after a restart of Home Assistant")
        complaints = [line for line in (FOLDER / "home.log").read_text().splitlines()
                      if "mqtt" in line and "fridge" in line or "emplate" in line]
        assert not complaints, complaints[:5]
    finally:
        gateway.kill()
        if home.hass:
            await home.stop()


os.umask(0o077)
asyncio.run(main())
