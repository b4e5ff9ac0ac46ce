# SPDX-License-Identifier: MIT
"""What docs/providers.md says to programs: its blocks, its commands, and the rows of its table for the scheme hmac."""

import json
import pathlib
import re

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs" / "providers.md").read_text(encoding="utf-8")
# A block begins at four blanks and a brace, and ends at the first line that isn't indented.
BLOCKS = [json.loads(block) for block in re.findall(r"^    (\{\"name\".*?)\n(?!    )", PAGE, re.M | re.S)]
# What defines the command `sluice` of the page: with compose, and with `make run`.
IN_COMPOSE, IN_MAKE_RUN = re.findall(r"^    (sluice\(\) \{.*\})$", PAGE, re.M)
# For each block the command that tries it, as it is printed.
COMMANDS = re.findall(r"^    (sluice send .*)$", PAGE[PAGE.index("## GitHub"):PAGE.index("## Providers that")]
                      + PAGE[PAGE.index("## Senders that"):], re.M)
# The command that tries a row of the table without a routes file.
ROW_COMMAND, = re.findall(r"^    (sluice send .*--members.*)$", PAGE, re.M)
# provider: (members of verify, id), as the tables have them
LISTED = {name: (json.loads(f"{{{members}}}"), json.loads(rule)) for name, members, rule in
          re.findall(r"^\| ([^|`]+) \| `(\"(?:scheme|header|pointer)\".+?)` \| `([\[{].*?[\]}])` \|", PAGE, re.M)}
# The schemes with a row in a table but no block: nobody but the provider has the key to sign an event with.
ROWS = re.findall(r"^\| [^|`]+ \| `\"scheme\": \"(\w+)\"", PAGE, re.M)
# The files below /run/secrets that the page names.
SECRETS = sorted(set(re.findall(r"/run/secrets/([a-z-]+)", PAGE)))


def slug(provider):
    """A source's name for a row of the table."""
    return re.sub(r"[^a-z0-9]+", "-", provider.lower())
