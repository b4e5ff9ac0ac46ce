# SPDX-License-Identifier: MIT
"""A private cluster of RabbitMQ nodes. Each has a port mapper of its own, which names a proxy as the address of each
other node: so nodes can be cut off from each other without any privilege, while clients reach all of them. With
RABBITMQ_IMAGE=image in the environment the nodes run in containers of that image, in the host's network."""

import http.client
import os
import secrets
import signal
import socket
import struct

from broker import PORTS, SETUP_USER, VHOST, Broker
from container import Container
from process import Failure, wait_until
from proxy import Proxy

CONFIG = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_partition_handling = pause_minority
net_ticktime = 20
"""
# Of the port mapper's protocol: register a node, that is a visible one, over TCP, of the versions 5 to 6.
ALIVE_REQUEST, VISIBLE, TCP, VERSIONS = 120, 77, 0, (6, 5)
ALIVE_REPLIES = (118, 121)


def port_names(nodes):
    """The names of the ports of so many nodes."""
    return [f"{name}-{number}" for number in range(1, nodes + 1) for name in PORTS]


def register(mapper_port, name, port):
    """Registers a node with a port mapper, for as long as the returned socket is open."""
    link = socket.create_connection(("127.0.0.1", mapper_port), 5)
    text = name.encode()
    request = struct.pack("!BHBBHHH", ALIVE_REQUEST, port, VISIBLE, TCP, *VERSIONS, len(text)) + text + b"\0\0"
    link.sendall(struct.pack("!H", len(request)) + request)
    reply = link.recv(6)
    if len(reply) < 2 or reply[0] not in ALIVE_REPLIES or reply[1] != 0:
        raise Failure(f"the port mapper on {mapper_port} doesn't register {name}: {reply!r}")
    return link


class Node(Broker):
    """One node. `links`: {other node's name: the proxy that leads there}. image: None runs the installed RabbitMQ."""

    def __init__(self, directory, ports, password, name, cookie, image=None):
        super().__init__(directory, ports, password)
        self.image = image
        if image is not None:
            self.child = Container("rabbitmq", self.child.log, image, self.user)
        self.name = name
        self.cookie = cookie
        self.links = {}
        self.registrations = []
        self.frozen = False

    def start(self, wait=True):
        if self.place is None:
            self.create()
        if not self.epmd.alive():
            self.start_epmd()
            self.registrations = [register(self.ports["epmd"], name, link.port) for name, link in self.links.items()]
        super().start(wait)

    def _start_node(self):
        if self.image is None:
            super()._start_node()
        else:
            settings = {name: value for name, value in self._environment().items() if name != "PATH"}
            self.child.start(["rabbitmq-server"], settings, cwd=str(self.place))

    def _tool(self, name, *arguments):
        return super()._tool(name, *arguments) if self.image is None else self.child.inside(name, *arguments)

    def freeze(self):
        self.frozen = True
        self.child.send(signal.SIGSTOP)

    def thaw(self):
        self.frozen = False
        self.child.send(signal.SIGCONT)

    def kill(self):
        super().kill()
        self.frozen = False

    def stands(self):
        return self.child.alive() and not self.frozen

    def stop_epmd(self):
        for link in self.registrations:
            link.close()
        self.registrations = []
        for link in self.links.values():
            link.close()
        return super().stop_epmd()


class Cluster:
    """Looks like one Broker to those that only use it."""

    def __init__(self, directory, ports, password, count):
        """ports: a free port for each of port_names(count)."""
        cookie = secrets.token_hex(20)
        image = os.environ.get("RABBITMQ_IMAGE")
        self.nodes = [Node(directory.with_name(f"{directory.name}-{number}"), {name: ports[f"{name}-{number}"] for name in PORTS},
                           password, f"sluice{number}", cookie, image) for number in range(1, count + 1)]
        for node in self.nodes:
            node.more_config = CONFIG + "".join(f"cluster_formation.classic_config.nodes.{number} = {other.node}\n"
                                                for number, other in enumerate(self.nodes, 1))
            node.links = {other.name: Proxy(other.ports["distribution"]) for other in self.nodes if other is not node}

    # --- what a Broker has ------------------------------------------------------

    def url(self, user):
        return f"amqp://{user}@{self._servers('amqp')}/{VHOST}"

    def management_url(self, user=SETUP_USER):
        return f"http://{user}@{self._servers('management')}"

    def _servers(self, port):
        return ",".join(f"127.0.0.1:{node.ports[port]}" for node in self.nodes)

    @property
    def port(self):
        return self.standing().port

    def start(self, wait=True):
        for node in self.nodes:
            node.start(wait=False)
        if wait:
            self.wait_ready()

    def wait_ready(self, limit=90):
        for node in self.nodes:
            node.wait_ready(limit)
        wait_until(lambda: all(len(self._view(node)) == len(self.nodes) for node in self.nodes),
                   lambda: f"all nodes to run and to see each other\n{self.tail()}", limit, 0.5)

    def mend(self):
        """All nodes run and reach each other. One that the others had given up is not taken back while it runs; one that
        starts just then may never get ready (3.10): it is started again."""
        self.heal()
        for node in self.nodes:
            if node.frozen:
                node.thaw()
            if not node.child.alive():
                node.start(wait=False)
        for limit in (30, 60, 60):
            try:
                return self.wait_ready(limit)
            except Failure:
                for node in self._left_out():
                    node.kill()
                    node.start(wait=False)
        return self.wait_ready()

    def _left_out(self):
        """The nodes that are not part of the largest group, or take no clients: one that had paused may get stuck (3.10)."""
        views = [self._view(node) for node in self.nodes]
        largest = max(views, key=len)
        return [node for node in self.nodes if node.node not in largest or not node.answers()]

    @staticmethod
    def _view(node):
        """The nodes that run, as a node sees it."""
        try:
            return {entry["name"] for entry in node.management("GET", "nodes?columns=name,running") if entry.get("running")}
        except (OSError, Failure, http.client.HTTPException):
            return set()

    def management(self, method, path, content=None):
        return self.standing().management(method, path, content)

    def queue(self, name):
        return self.standing().queue(name)

    def kill(self):
        for node in self.nodes:
            node.kill()

    def stop(self):
        for node in self.nodes:
            node.stop()

    def stop_epmd(self):
        for node in self.nodes:
            node.stop_epmd()

    def remove(self):
        for node in self.nodes:
            node.remove()

    def tail(self, lines=25):
        return "\n".join(node.tail(lines) for node in self.nodes)

    # --- what only a cluster has --------------------------------------------------

    def standing(self):
        """A node that is neither dead nor frozen."""
        return next(node for node in self.nodes if node.stands())

    def leader(self, queue):
        """The node on which the leader of a queue runs."""
        return self.named(wait_until(lambda: self.queue(queue).get("leader"), f"a leader of {queue}", 30, 0.2))

    def named(self, name):
        return next(node for node in self.nodes if node.node == name)

    def connected(self, user):
        """[node of each connection of that user]"""
        return [self.named(entry["node"]) for entry in self.management("GET", "connections?columns=node,user")
                if entry.get("user") == user]

    def cut_off(self, node):
        """Cuts the cables between a node and all others; clients still reach it."""
        for one in self.nodes:
            for name, link in one.links.items():
                if node.name in (one.name, name):
                    link.vanish()

    def heal(self):
        for node in self.nodes:
            for link in node.links.values():
                link.heal()
