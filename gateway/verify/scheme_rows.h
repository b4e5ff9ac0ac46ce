/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_GATEWAY_VERIFY_SCHEME_ROWS_H
#define SLUICE_GATEWAY_VERIFY_SCHEME_ROWS_H

/* X(enumerator, name, members of struct scheme): the verification schemes, one row each. The order is that of
 * `enum verify_scheme` and of every list of names. gateway/verify/schemes.h describes the members. To add a
 * scheme, add a row; for a new value of an enum, the compiler reports the switches to extend. */
#define SCHEMES(X)                                                 \
    X(VERIFY_NONE, "none",                                         \
      .id = {{.kind = EVENT_ID_HEADER, .text = "webhook-id"},      \
             {.kind = EVENT_ID_HEADER, .text = "idempotency-key"}, \
             {.kind = EVENT_ID_FRESH}},                            \
      .keep = ENVELOPE_KEEP_NEWEST)                                \
    SCHEMES_WITH_SECRETS(X)

/* What the schemes with a public key accept: what hmac does, but for how a MAC and its key are made. */
#define SCHEME_PUBLIC                                                                                  \
    SCHEME_HEADER | SCHEME_ENCODING | SCHEME_PREFIX | SCHEME_SIGNED | SCHEME_TIME | SCHEME_TOLERANCE | \
        SCHEME_FIELD | SCHEME_URL

#define SCHEMES_WITH_SECRETS(X)                                                                            \
    X(VERIFY_STANDARD, "standard", .key = SCHEME_KEY_BASE64, .content = SCHEME_SIGNS_ID_TIME_BODY,         \
      .reads[SCHEME_READS_PROOF] = "webhook-signature", .mark = "v1,",                                     \
      .reads[SCHEME_READS_TIME] = "webhook-timestamp", .reads[SCHEME_READS_ID] = "webhook-id",             \
      .or_reads[SCHEME_READS_PROOF] = "svix-signature", .or_reads[SCHEME_READS_TIME] = "svix-timestamp",   \
      .or_reads[SCHEME_READS_ID] = "svix-id", .encoding = ENCODING_BASE64, .takes = SCHEME_TOLERANCE,      \
      .id =                                                                                                \
          {                                                                                                \
              {.kind = EVENT_ID_HEADER, .text = "webhook-id"},                                             \
              {.kind = EVENT_ID_HEADER, .text = "svix-id"},                                                \
          },                                                                                               \
      .keep = ENVELOPE_KEEP_NEWEST,                                                                        \
      .sent = {.id = "webhook-id", .body = "{\"type\": \"sluice.test\", \"data\": {}}"})                   \
                                                                                                           \
    X(VERIFY_GITHUB, "github", .key = SCHEME_KEY_HMAC, .content = SCHEME_SIGNS_BODY,                       \
      .reads[SCHEME_READS_PROOF] = "X-Hub-Signature-256",                                                  \
      .mark = "sha256=", .id = {{.kind = EVENT_ID_HEADER, .text = "x-github-delivery"}},                   \
      .keep = ENVELOPE_KEEP_FIRST,                                                                         \
      .sent = {.id = "X-GitHub-Delivery",                                                                  \
               .event = "X-GitHub-Event",                                                                  \
               .kind = "ping",                                                                             \
               .body = "{\"zen\": \"Keep it logically awesome.\", \"hook_id\": 1}"})                       \
                                                                                                           \
    X(VERIFY_STRIPE, "stripe", .key = SCHEME_KEY_HMAC, .content = SCHEME_SIGNS_T_BODY,                     \
      .reads[SCHEME_READS_PROOF] = "Stripe-Signature", .takes = SCHEME_TOLERANCE,                          \
      .id = {{.kind = EVENT_ID_POINTER, .text = "/id"}}, .keep = ENVELOPE_KEEP_NEWEST,                     \
      .sent = {.body = "{\"id\": \"@\", \"object\": \"event\", \"type\": \"charge.succeeded\"}"})          \
                                                                                                           \
    /* Slash commands and interactions have no event_id. */                                                \
    X(VERIFY_SLACK, "slack", .key = SCHEME_KEY_HMAC, .content = SCHEME_SIGNS_V0_TIME_BODY,                 \
      .reads[SCHEME_READS_PROOF] = "X-Slack-Signature",                                                    \
      .mark = "v0=", .reads[SCHEME_READS_TIME] = "X-Slack-Request-Timestamp", .takes = SCHEME_TOLERANCE,   \
      .id = {{.kind = EVENT_ID_POINTER, .text = "/event_id"}, {.kind = EVENT_ID_BODY}},                    \
      .keep = ENVELOPE_KEEP_NEWEST, .challenge = SCHEME_CHALLENGE_TEXT,                                    \
      .sent = {.body = "{\"type\": \"event_callback\", \"event_id\": \"@\", "                              \
                       "\"event\": {\"type\": \"app_mention\"}}"})                                         \
                                                                                                           \
    X(VERIFY_SHOPIFY, "shopify", .key = SCHEME_KEY_HMAC, .content = SCHEME_SIGNS_BODY,                     \
      .reads[SCHEME_READS_PROOF] = "X-Shopify-Hmac-SHA256", .encoding = ENCODING_BASE64,                   \
      .id = {{.kind = EVENT_ID_HEADER, .text = "x-shopify-webhook-id"}}, .keep = ENVELOPE_KEEP_FIRST,      \
      .sent = {.id = "X-Shopify-Webhook-Id",                                                               \
               .event = "X-Shopify-Topic",                                                                 \
               .kind = "orders/create",                                                                    \
               .body = "{\"id\": 1, \"name\": \"#1001\"}"})                                                \
                                                                                                           \
    /* The id is never MessageSid: queued, sent and delivered share it. */                                 \
    X(VERIFY_TWILIO, "twilio", .key = SCHEME_KEY_HMAC, .content = SCHEME_SIGNS_URL_FORM,                   \
      .reads[SCHEME_READS_PROOF] = "X-Twilio-Signature", .algorithm = SECRET_KEY_SHA1,                     \
      .encoding = ENCODING_BASE64, .takes = SCHEME_URL | SCHEME_ALGORITHM,                                 \
      .id = {{.kind = EVENT_ID_HEADER, .text = "i-twilio-idempotency-token"}, {.kind = EVENT_ID_BODY}},    \
      .keep = ENVELOPE_KEEP_FIRST,                                                                         \
      .sent = {.id = "I-Twilio-Idempotency-Token",                                                         \
               .event = "Content-Type",                                                                    \
               .kind = "application/x-www-form-urlencoded",                                                \
               .body = "MessageSid=@&MessageStatus=delivered&To=%2B15005550006"})                          \
                                                                                                           \
    X(VERIFY_GITLAB, "gitlab", .key = SCHEME_KEY_TOKEN, .content = SCHEME_SENDS_SECRET,                    \
      .reads[SCHEME_READS_PROOF] = "X-Gitlab-Token",                                                       \
      .id = {{.kind = EVENT_ID_HEADER, .text = "idempotency-key"}, {.kind = EVENT_ID_BODY}},               \
      .keep = ENVELOPE_KEEP_FIRST,                                                                         \
      .sent = {.id = "Idempotency-Key",                                                                    \
               .event = "X-Gitlab-Event",                                                                  \
               .kind = "Push Hook",                                                                        \
               .body = "{\"object_kind\": \"push\", \"ref\": \"refs/heads/main\"}"})                       \
                                                                                                           \
    X(VERIFY_META, "meta", .key = SCHEME_KEY_HMAC, .content = SCHEME_SIGNS_BODY,                           \
      .reads[SCHEME_READS_PROOF] = "X-Hub-Signature-256", .mark = "sha256=", .takes = SCHEME_VERIFY_TOKEN, \
      .id = {{.kind = EVENT_ID_BODY}}, .keep = ENVELOPE_KEEP_NEWEST,                                       \
      .challenge = SCHEME_CHALLENGE_SUBSCRIBE,                                                             \
      .sent = {.body = "{\"object\": \"page\", \"entry\": [{\"id\": \"@\"}]}"})                            \
                                                                                                           \
    X(VERIFY_ZOOM, "zoom", .key = SCHEME_KEY_HMAC, .content = SCHEME_SIGNS_V0_TIME_BODY,                   \
      .reads[SCHEME_READS_PROOF] = "x-zm-signature",                                                       \
      .mark = "v0=", .reads[SCHEME_READS_TIME] = "x-zm-request-timestamp", .takes = SCHEME_TOLERANCE,      \
      .id = {{.kind = EVENT_ID_BODY}}, .keep = ENVELOPE_KEEP_NEWEST, .challenge = SCHEME_CHALLENGE_MAC,    \
      .sent = {.body = "{\"event\":\"meeting.started\",\"payload\":{\"account_id\":\"A\","                 \
                       "\"object\":{\"uuid\":\"@\"}},\"event_ts\":1626230691572}"})                        \
                                                                                                           \
    X(VERIFY_HMAC, "hmac", .key = SCHEME_KEY_HMAC, .content = SCHEME_SIGNS_DECLARED,                       \
      .takes = SCHEME_HEADER | SCHEME_ALGORITHM | SCHEME_ENCODING | SCHEME_PREFIX | SCHEME_SIGNED |        \
               SCHEME_TIME | SCHEME_TOLERANCE | SCHEME_FIELD | SCHEME_URL | SCHEME_SECRET_ENCODING |       \
               SCHEME_SECRET_PREFIX | SCHEME_POINTER,                                                      \
      .needs_id_rule = true, .keep = ENVELOPE_KEEP_FIRST,                                                  \
      .sent = {.id = "webhook-id", .body = "{\"id\": \"@\", \"type\": \"sluice.test\"}"})                  \
                                                                                                           \
    X(VERIFY_ED25519, "ed25519", .key = SCHEME_KEY_ED25519, .content = SCHEME_SIGNS_DECLARED,              \
      .takes = SCHEME_PUBLIC, .needs = SCHEME_HEADER, .needs_id_rule = true, .keep = ENVELOPE_KEEP_FIRST,  \
      .challenge = SCHEME_CHALLENGE_PING,                                                                  \
      .sent = {.id = "webhook-id", .body = "{\"id\": \"@\", \"type\": \"sluice.test\"}"})                  \
                                                                                                           \
    X(VERIFY_ECDSA, "ecdsa", .key = SCHEME_KEY_P256, .content = SCHEME_SIGNS_DECLARED,                     \
      .encoding = ENCODING_BASE64, .takes = SCHEME_PUBLIC, .needs = SCHEME_HEADER, .needs_id_rule = true,  \
      .keep = ENVELOPE_KEEP_FIRST,                                                                         \
      .sent = {.id = "webhook-id", .body = "{\"id\": \"@\", \"type\": \"sluice.test\"}"})                  \
                                                                                                           \
    X(VERIFY_BEARER, "bearer", .key = SCHEME_KEY_TOKEN, .content = SCHEME_SENDS_SECRET,                    \
      .reads[SCHEME_READS_PROOF] = "Authorization", .mark = "Bearer ", .needs_id_rule = true,              \
      .keep = ENVELOPE_KEEP_FIRST,                                                                         \
      .sent = {.id = "webhook-id", .body = "{\"id\": \"@\", \"type\": \"sluice.test\"}"})                  \
                                                                                                           \
    X(VERIFY_BASIC, "basic", .key = SCHEME_KEY_PASSWORD, .content = SCHEME_SENDS_SECRET,                   \
      .reads[SCHEME_READS_PROOF] = "Authorization", .mark = "Basic ", .takes = SCHEME_USER,                \
      .needs = SCHEME_USER, .needs_id_rule = true, .keep = ENVELOPE_KEEP_FIRST,                            \
      .sent = {.id = "webhook-id", .body = "{\"id\": \"@\", \"type\": \"sluice.test\"}"})                  \
                                                                                                           \
    X(VERIFY_HEADER, "header", .key = SCHEME_KEY_TOKEN, .content = SCHEME_SENDS_SECRET,                    \
      .takes = SCHEME_HEADER, .needs = SCHEME_HEADER, .needs_id_rule = true, .keep = ENVELOPE_KEEP_FIRST,  \
      .sent = {.id = "webhook-id", .body = "{\"id\": \"@\", \"type\": \"sluice.test\"}"})

#endif
