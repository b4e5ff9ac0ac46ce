# SPDX-License-Identifier: MIT
"""A routes file with its secrets, and signatures as GitHub makes them: the scheme that most tests use."""

import hashlib
import hmac
import json
import pathlib


class RouteFile:
    """In the test's own directory. Its path is the value for GATEWAY_ROUTES."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path = self.directory / "routes.json"

    def secret(self, name, value):
        """Writes a secret; returns its entry for a routes file."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(value + "\n", encoding="ascii")
        return {"file": str(path)}

    def github(self, name, path, *secrets, **more):
        """A source with the scheme github and these secrets."""
        given = [self.secret(f"{name}-{number}", value) for number, value in enumerate(secrets)]
        return {"name": name, "path": path, "verify": {"scheme": "github", "secrets": given}, **more}

    def open(self, name, path, **more):
        """A source without verification."""
        return {"name": name, "path": path, "verify": {"scheme": "none"}, **more}

    def write(self, *sources):
        """Replaces the file atomically, as an editor does: a reader sees the old or the new one."""
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"sources": sources}, indent=2), encoding="utf-8")
        new.rename(self.path)
        return self


def signed(secret, event_id, body, **more):
    """The headers of a delivery from GitHub."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-GitHub-Delivery": event_id, "X-Hub-Signature-256": f"sha256={digest}", **more}
