#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The official image's interface, as far as it is used here: started as root, the node runs as the user rabbitmq;
# the configuration is in /etc/rabbitmq (conf.d, advanced.config), the data in /var/lib/rabbitmq.
set -euo pipefail

if [ "$1" = rabbitmq-server ] && [ "$(id -u)" = 0 ]; then
    chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
    exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups "$@"
fi
exec "$@"
