# SPDX-License-Identifier: MIT
"""The oracle of all fault tests: compares the events sent, and their outcomes, with the tables.

One line is written before an event is sent and another one after its reply, so that the file is correct even when its
writer is killed:  sent|acked|refused|unknown <TAB> source <TAB> id <TAB> SHA-256 of the body in hex
acked (2xx): the event must be stored. refused (4xx): it must not be. unknown (5xx, reset, timeout): it may be."""

import collections
import hashlib
import pathlib
import threading

OUTCOMES = ("sent", "acked", "refused", "unknown")


def outcome_of(status):
    """The outcome of an event by its HTTP status (None: no reply)."""
    if status is not None and 200 <= status < 300:
        return "acked"
    if status is not None and 400 <= status < 500:
        return "refused"
    return "unknown"


class Ledger:
    """Any thread may write to it."""

    def __init__(self, path, seed=0):
        self.path = pathlib.Path(path)
        self.seed = seed
        self.lock = threading.Lock()
        self.file = open(self.path, "a", encoding="ascii", buffering=1)  # pylint: disable=consider-using-with
        self.counts = collections.Counter()

    def write(self, outcome, source, event_id, digest):
        assert outcome in OUTCOMES
        with self.lock:
            self.file.write(f"{outcome}\t{source}\t{event_id}\t{digest}\n")
            self.counts[outcome] += 1

    def sent(self, event_id, body, source="default"):
        """Call it before sending; pass its result to `replied`."""
        entry = (source, event_id, hashlib.sha256(body).hexdigest())
        self.write("sent", *entry)
        return entry

    def replied(self, entry, status):
        self.write(outcome_of(status), *entry)

    def close(self):
        self.file.close()

    def entries(self):
        """{(source, id): {outcome: {hash: how often}}}"""
        found = {}
        with open(self.path, encoding="ascii") as lines:
            for line in lines:
                outcome, source, event_id, digest = line.rstrip("\n").split("\t")
                found.setdefault((source, event_id), {}).setdefault(outcome, collections.Counter())[digest] += 1
        return found

    def acked(self):
        return {key for key, outcomes in self.entries().items() if "acked" in outcomes}

    def missing(self, database):
        """Number of acked events that are neither a row nor a dead letter yet."""
        there = {tuple(row) for row in database.query(
            "select source, id from webhooks_raw union select source, id from webhooks_dead")}
        return len(self.acked() - there)

    def check(self, database, at_least):
        """Compares the tables with this ledger; returns a Balance. Call it when all faults have ended and the queues
        are empty. at_least: minimum number of acked events, so that a run that did nothing can't pass."""
        rows = database.query("select source, id, encode(coalesce(sha256(body), body_sha256), 'hex') from webhooks_raw")
        dead = database.query("select source, id, encode(body_sha256, 'hex'), reason from webhooks_dead")
        return balance(self.entries(), rows, dead, at_least, self.seed)


class Balance:
    """The result: complaints (none: it balances) and counts to print."""

    def __init__(self, complaints, counts):
        self.complaints = complaints
        self.counts = counts

    def __bool__(self):
        return not self.complaints

    def __str__(self):
        text = " ".join(f"{name}={value}" for name, value in self.counts.items())
        return "\n".join([f"ledger: {text}", *self.complaints[:20]])


def balance(entries, rows, dead, at_least, seed):
    """Compares the ledger's entries with the rows of both tables. Pure."""
    complaints = []
    places = collections.Counter((source, event_id) for source, event_id, _ in rows)
    hashes = collections.defaultdict(set)
    for source, event_id, digest, *_ in [*rows, *dead]:
        hashes[source, event_id].add(digest)
    complaints += [f"stands {count} times in the table: {key}" for key, count in places.items() if count > 1]
    copies = collections.Counter((source, event_id, digest) for source, event_id, digest, _ in dead)
    for (source, event_id, digest), count in copies.items():
        sent = entries.get((source, event_id), {}).get("sent", {}).get(digest, 0)
        if count > max(sent, 1):  # each arrival may die once
            complaints.append(f"stands {count} times in the dead letters, and was sent {sent} times: "
                              f"{source, event_id, digest}")
    complaints += [f"dead letter without a reason: {source, event_id}" for source, event_id, _, reason in dead
                   if not reason]
    for key, found in hashes.items():
        if key not in entries:
            complaints.append(f"never sent, but stored: {key}")
        elif not found <= entries[key].get("sent", {}).keys():
            complaints.append(f"body differs from every one that was sent: {key}")
    for key, outcomes in entries.items():
        if "acked" in outcomes and key not in hashes:
            complaints.append(f"acked, but lost: {key}")
        if key in hashes and not outcomes.keys() & {"acked", "unknown"} and "refused" in outcomes:
            complaints.append(f"refused, but stored: {key}")
    acked = sum("acked" in outcomes for outcomes in entries.values())
    if acked < at_least:
        complaints.append(f"only {acked} events were acked; a run proves nothing under {at_least}")
    counts = {"seed": seed, "events": len(entries), "acked": acked,
              "refused": sum("refused" in outcomes for outcomes in entries.values()),
              "unknown": sum("unknown" in outcomes for outcomes in entries.values()),
              "rows": len(rows), "dead": len(dead)}
    return Balance(complaints, counts)
