# SPDX-License-Identifier: MIT
"""The bodies that the load's programs send: a file with one in each line, sent in turn."""

import base64
import json
import os


def fill(path, size):
    """One JSON body of `size` bytes, at least 11."""
    path.write_text('{"fill":"' + "x" * (size - 11) + '"}\n', encoding="ascii")
    return path


def noise(path, size):
    """One JSON body of `size` bytes, at least 11, that neither Postgres nor anyone else can compress."""
    text = base64.b64encode(os.urandom(size)).decode()[:size - 11]
    path.write_text(f'{{"fill":"{text}"}}\n', encoding="ascii")
    return path


def of_corpus(path, corpus):
    """The bodies of a file of webhooks such as tests/corpus/handful.jsonl."""
    bodies = [json.loads(line)["body"] for line in corpus.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(f"{body}\n" for body in bodies if "\n" not in body), encoding="utf-8")
    return path


def mean_size(path):
    lines = path.read_bytes().splitlines()
    return sum(map(len, lines)) / len(lines)
