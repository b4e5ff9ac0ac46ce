/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_HTTP_PEER_H
#define SLUICE_GATEWAY_HTTP_PEER_H

/* The address at the other end of a connection. */

#define PEER_TEXT 46 /* INET6_ADDRSTRLEN */

/* Writes it as text: an IPv4 address in dotted form, also when it came through a socket of IPv6. "" when the
 * connection has ended. */
void peer_name(int fd, char text[PEER_TEXT]);

#endif
