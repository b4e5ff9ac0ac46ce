# SPDX-License-Identifier: MIT
"""What stands in front of gateways in production, from Debian's packages: HAProxy, and nginx. Deployed is HAProxy with the
file that we ship."""

import contextlib
import os
import pathlib
import re
import socket
import urllib.request

from names import Names
from process import Child, free_port, wait_until

DEPLOYED = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "haproxy" / "haproxy.cfg"
UP = re.compile(r'^haproxy_server_status\{.*state="UP"\} 1$', re.M)

HAPROXY = """\
global
    maxconn 2000
defaults
    mode http
    timeout connect 2s
    timeout client 120s
    timeout http-request 5s
    timeout server 30s
    timeout http-keep-alive 120s
frontend senders
    bind 127.0.0.1:{port}
    default_backend gateways
backend gateways
    option httpchk GET /ready
    http-check expect status 200
    default-server check inter 1s fall 1 rise 1 pool-purge-delay {idle}s
{servers}"""

NGINX = """\
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    keepalive_timeout 120s;
    upstream gateways {{
{servers}
        keepalive 64;
        keepalive_timeout {idle}s;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://gateways;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream off;
        }}
    }}
}}
"""


class Balancer(Child):
    """Serves 127.0.0.1:port. idle: how long it keeps idle connections to the gateways, in seconds."""

    def __init__(self, directory, idle=60):
        super().__init__(self.name, directory / f"{self.name}.log")
        self.directory = directory
        self.idle = idle
        self.port = free_port(None, ())

    def start(self, gateways):  # pylint: disable=arguments-differ
        config = self.directory / f"{self.name}.conf"
        config.write_text(self.template.format(port=self.port, idle=self.idle, place=self.directory,
                                               servers=self.servers(gateways)), encoding="ascii")
        super().start([*self.command, config], {"PATH": os.environ["PATH"]})
        wait_until(self._accepts, lambda: f"{self.name} to listen\n{self.tail()}", 10)
        return self

    def _accepts(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.terminate()


class HAProxy(Balancer):
    """Asks each gateway's /ready once a second."""

    name, template, command = "haproxy", HAPROXY, ["/usr/sbin/haproxy", "-db", "-f"]

    def servers(self, gateways):
        return "".join(f"    server g{number} 127.0.0.1:{gateway.port} check port {gateway.admin_port}\n"
                       for number, gateway in enumerate(gateways))


class Nginx(Balancer):
    """Asks nobody: it learns from refused connections alone."""

    name, template, command = "nginx", NGINX, ["/usr/sbin/nginx", "-c"]

    def servers(self, gateways):
        return "\n".join(f"        server 127.0.0.1:{gateway.port};" for gateway in gateways)


class Deployed(Child):
    """HAProxy with deploy/haproxy/haproxy.cfg. It finds the gateways by their name, which stands for one address of loopback
    each, on the same two ports."""

    def __init__(self, directory, **settings):
        super().__init__("deployed", directory / "deployed.log")
        self.settings = settings
        ports = []
        for _ in range(4):
            ports.append(free_port(None, ports))
        self.port, self.admin_port, self.gateway_port, self.gateway_admin_port = ports
        self.names = Names([])
        self.hosts = (f"127.0.0.{number}" for number in range(2, 255))

    def add(self, site, **settings):
        """Adds a gateway of the site, which isn't started yet, at an address of its own."""
        host = next(self.hosts)
        gateway = site.add_gateway(GATEWAY_LISTEN=f"{host}:{self.gateway_port}", GATEWAY_ADMIN=f"{host}:{self.gateway_admin_port}",
                                   GATEWAY_TRUSTED_PROXIES="127.0.0.0/8", **settings)
        gateway.host = host
        self.names.addresses.append(host)
        return gateway

    def start(self):  # pylint: disable=arguments-differ
        super().start(["/usr/sbin/haproxy", "-db", "-f", DEPLOYED],
                      {"PATH": os.environ["PATH"], "LISTEN": f"127.0.0.1:{self.port}", "ADMIN": f"127.0.0.1:{self.admin_port}",
                       "NAMESERVER": f"127.0.0.1:{self.names.port}", "GATEWAY_PORT": str(self.gateway_port),
                       "GATEWAY_ADMIN_PORT": str(self.gateway_admin_port), **self.settings})
        wait_until(lambda: self.alive() and self._answers(), lambda: f"HAProxy to answer\n{self.tail()}", 15)
        return self

    def _answers(self):
        with contextlib.suppress(OSError):
            return self.in_use() >= 0
        return False

    def in_use(self):
        """To how many gateways it sends, by its own metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=5) as reply:
            return len(UP.findall(reply.read().decode()))

    def wait_in_use(self, count):
        wait_until(lambda: self.in_use() == count, lambda: f"{count} gateways in use, there are {self.in_use()}\n{self.tail()}", 15)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.terminate()
        self.names.close()
