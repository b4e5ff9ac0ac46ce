-- SPDX-License-Identifier: MIT
-- A commit waits for the other member of compose.cluster.yml. It is said here, once, because the image's first start
-- commits before there is a standby.
alter system set synchronous_standby_names = '"postgres-1", "postgres-2"';
