# SPDX-License-Identifier: MIT
"""A certificate authority for the tests, made with Debian's openssl command. Each run makes new keys."""

import collections
import datetime
import pathlib
import shutil
import ssl
import subprocess

from process import Failure, own_directory

# The PEM files of one certificate and of its key.
Pair = collections.namedtuple("Pair", "certificate key")

HERE = ("DNS:localhost", "IP:127.0.0.1")
ELSEWHERE = ("DNS:elsewhere.example",)

CONFIG = """\
[req]
distinguished_name = name
[name]
[ca]
default_ca = authority
[authority]
database = {directory}/index.txt
new_certs_dir = {directory}/issued
certificate = {directory}/ca.pem
private_key = {directory}/ca.key
rand_serial = yes
unique_subject = no
default_md = sha256
copy_extensions = copy
policy = any
[any]
commonName = supplied
"""


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30, check=False, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
    if done.returncode != 0:
        raise Failure(f"openssl {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")


def install(place, user, files):
    """Copies PEM files into `place`, readable only by `user`, as servers require; each is replaced atomically.
    files: {name there: path}"""
    own_directory(place, user)
    for name, path in files.items():
        fresh = place / "fresh"
        fresh.touch(mode=0o600)
        fresh.write_bytes(path.read_bytes())
        if user is not None:
            shutil.chown(fresh, user, user)
        fresh.replace(place / name)


def der(pair):
    """The certificate in DER, as it is sent over the wire."""
    return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text(encoding="ascii"))


def shown(client):
    """The certificate (DER) that the server at the other end of a socket presents; it is not verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(client) as wrapped:
        return wrapped.getpeercert(binary_form=True)


class Authority:
    """`certificate` is the PEM file of the CA."""

    def __init__(self, directory, name="sluice-tests-ca"):
        self.directory = pathlib.Path(directory)
        (self.directory / "issued").mkdir(parents=True)
        (self.directory / "index.txt").touch()
        self.config = self.directory / "openssl.cnf"
        self.config.write_text(CONFIG.format(directory=self.directory), encoding="ascii")
        self.certificate = self.directory / "ca.pem"
        _openssl("req", "-x509", *self._new_key(self.directory / "ca.key", name), "-out", self.certificate,
                 "-days", 30, "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def _new_key(self, path, name):
        return ["-config", self.config, "-subj", f"/CN={name}", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def issue(self, name, names=HERE, purpose="serverAuth", expired=False, days=30):
        """A new key and certificate, valid from yesterday and for these days; expired: until an hour ago."""
        pair = Pair(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        request = self.directory / f"{name}.csr"
        now = datetime.datetime.now(datetime.timezone.utc)
        begin = now - datetime.timedelta(days=1)
        end = now - datetime.timedelta(hours=1) if expired else now + datetime.timedelta(days=days)
        _openssl("req", "-new", *self._new_key(pair.key, name), "-out", request,
                 "-addext", f"subjectAltName={','.join(names)}", "-addext", f"extendedKeyUsage={purpose}")
        _openssl("ca", "-batch", "-notext", "-config", self.config, "-in", request, "-out", pair.certificate,
                 "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}")
        return pair
