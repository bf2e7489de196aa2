#!/usr/bin/env python3
"""Asks a gateway as Mattermost does, each question on a new connection, and counts what came of it.

load.py URL CERTIFICATE TOKEN --questions N --at-a-time K [--kept-alive K2] [--until FILE]

Prints one line of JSON: asked, answered, refused (no connection), lost (a connection, and no answer), and the
slowest answer in seconds; with --kept-alive the same for connections that are used again and again, as
Mattermost's are. Where one of those is closed a client may ask again, so their losses are only told.
With --until it goes on until that file is there, and N is the least.
"""

import argparse
import http.client
import json
import os
import ssl
import threading
import time
import urllib.parse

PATIENCE = 30  # seconds: what Mattermost waits for an answer


class Count:
    def __init__(self):
        self.lock = threading.Lock()
        self.asked = self.answered = self.refused = self.lost = 0
        self.slowest = 0.0
        self.faults = []

    def add(self, what, took, fault=None):
        with self.lock:
            self.asked += 1
            setattr(self, what, getattr(self, what) + 1)
            self.slowest = max(self.slowest, took)
            if fault and len(self.faults) < 5:
                self.faults.append(fault)

    def said(self):
        told = {name: getattr(self, name) for name in ("asked", "answered", "refused", "lost")}
        return told | {"slowest_s": round(self.slowest, 3)} | ({"faults": self.faults} if self.faults else {})


class Asker:
    def __init__(self, options):
        url = urllib.parse.urlsplit(options.url)
        self.host, self.port, self.path = url.hostname, url.port, url.path
        self.trust = ssl.create_default_context(cafile=options.certificate)
        self.body = urllib.parse.urlencode(
            {"token": options.token, "trigger_word": "fridge", "text": "fridge status"}
        )

    def connection(self):
        return http.client.HTTPSConnection(self.host, self.port, timeout=PATIENCE, context=self.trust)

    def ask(self, connection):
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", self.path, self.body, kind)
        answer = connection.getresponse()
        text = json.load(answer)["text"]
        if answer.status != 200 or not text:
            raise ValueError(f"status {answer.status}: {text}")

    def new_connection(self, count):
        began = time.monotonic()
        connection, what, fault = self.connection(), "refused", None
        try:
            connection.connect()
            what = "lost"
            self.ask(connection)
            what = "answered"
        except Exception as error:  # whatever it is, the question has no answer
            # A handshake that was begun was a connection.
            what = "refused" if isinstance(error, ConnectionRefusedError) else "lost"
            fault = repr(error)
        finally:
            connection.close()
        count.add(what, time.monotonic() - began, fault)

    def kept_alive(self, count, over):
        connection = self.connection()
        while not over.is_set():
            began = time.monotonic()
            try:
                self.ask(connection)
                count.add("answered", time.monotonic() - began)
            except Exception as error:
                count.add("lost", time.monotonic() - began, repr(error))
                connection.close()
                connection = self.connection()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("url")
    arguments.add_argument("certificate")
    arguments.add_argument("token")
    arguments.add_argument("--questions", type=int, default=1)
    arguments.add_argument("--at-a-time", type=int, default=1)
    arguments.add_argument("--kept-alive", type=int, default=0)
    arguments.add_argument("--until")
    options = arguments.parse_args()

    asker, new, kept, over = Asker(options), Count(), Count(), threading.Event()
    begun = iter(range(10**9))

    def goes_on(number):
        return number < options.questions or (options.until and not os.path.exists(options.until))

    def ask_anew():
        while goes_on(next(begun)):
            asker.new_connection(new)

    keepers = [threading.Thread(target=asker.kept_alive, args=(kept, over)) for _ in range(options.kept_alive)]
    askers = [threading.Thread(target=ask_anew) for _ in range(options.at_a_time)]
    for thread in keepers + askers:
        thread.start()
    for thread in askers:
        thread.join()
    over.set()
    for thread in keepers:
        thread.join()
    said = new.said() | ({"kept_alive": kept.said()} if options.kept_alive else {})
    print(json.dumps(said))
    raise SystemExit(0 if new.answered == new.asked >= options.questions else 1)


main()
