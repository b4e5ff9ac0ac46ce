/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_TESTS_KEY_PAIRS_H
#define SLUICE_TESTS_KEY_PAIRS_H

/* Pairs made with Python's cryptography, for these tests only. */
#define ED25519_PRIVATE                                                  \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MC4CAQAwBQYDK2VwBCIEIGRpc2NvcmQgdGVzdCBrZXksIDMyIGJ5dGVzIGxvbmch\n" \
    "-----END PRIVATE KEY-----\n"
#define ED25519_PUBLIC "d670ebc8f3beb0069a916996e197a3980e22cd272fe7e9155b1d6a9aa6b23e0e"
#define P256_PRIVATE                                                     \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAAAAAAAAAAAAAAA\n" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAwmhRANCAAQQDv/bwOWjhgSLCTGjo7yZSdOHVnCB\n" \
    "nRv3xDRA+hbqj+c6Yd3BB36/UjyBYZKXYWjd9m+1rBwDm4IJUHMmkN66\n"         \
    "-----END PRIVATE KEY-----\n"
#define P256_PUBLIC                                                                                         \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEA7/28Dlo4YEiwkxo6O8mUnTh1ZwgZ0b98Q0QPoW6o/nOmHdwQd+v1I8gWGSl2Fo3" \
    "fZvtawcA5uCCVBzJpDeug=="

#endif
