/* SPDX-License-Identifier: MIT */
#include "access.h"

#include "buf.h"
#include "report.h"
#include "secret.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define SALT_LEN 4
#define HASH_LEN (SALT_LEN + SHA256_DIGEST_LENGTH)
#define HASH_BASE64_LEN 48 /* of HASH_LEN bytes, which need no padding */

bool access_hash_matches(const char *hash, const char *password)
{
    unsigned char stored[HASH_LEN], digest[SHA256_DIGEST_LENGTH];
    struct buf salted = {0};
    bool matches = false;

    if (strlen(hash) != HASH_BASE64_LEN ||
        EVP_DecodeBlock(stored, (const unsigned char *)hash, HASH_BASE64_LEN) != HASH_LEN) {
        return false;
    }
    buf_append(&salted, stored, SALT_LEN);
    buf_append_text(&salted, password);
    if (!salted.failed) {
        (void)SHA256((const unsigned char *)salted.data, salted.len, digest);
        matches = CRYPTO_memcmp(digest, stored + SALT_LEN, sizeof digest) == 0;
        secret_wipe(salted.data, salted.len);
    }
    buf_free(&salted);
    return matches;
}

bool access_same(const cJSON *wanted, const cJSON *existing)
{
    const cJSON *member;

    cJSON_ArrayForEach(member, wanted)
    {
        if (!cJSON_Compare(member, cJSON_GetObjectItemCaseSensitive(existing, member->string), true)) {
            return false;
        }
    }
    return true;
}

/* Puts wanted at path unless what is there has it all already. Owns wanted. */
static enum error_code ensure(struct management *m, const char *path, cJSON *wanted, const char *what,
                              struct error *error)
{
    cJSON *existing = NULL;
    enum error_code code;

    if (wanted == NULL) {
        return error_set(error, ERROR_MEMORY, "%s: out of memory", what);
    }
    code = management_get(m, path, &existing, error);
    if (code == ERROR_NONE && access_same(wanted, existing)) {
        report_line("there  %s", what);
    } else if (code == ERROR_NONE || code == ERROR_NOT_FOUND) {
        code = management_put(m, path, wanted, error);
        if (code == ERROR_NONE) {
            report_line("done   %s", what);
        }
    }
    cJSON_Delete(existing);
    cJSON_Delete(wanted);
    return code;
}

static enum error_code ensure_permissions(struct management *m, const char *user, const char *configure,
                                          const char *write, const char *read, struct error *error)
{
    char *escaped = curl_easy_escape(NULL, user, 0);
    cJSON *wanted = cJSON_CreateObject();
    struct buf path = {0}, what = {0};
    enum error_code code;

    (void)cJSON_AddStringToObject(wanted, "configure", configure);
    (void)cJSON_AddStringToObject(wanted, "write", write);
    (void)cJSON_AddStringToObject(wanted, "read", read);
    buf_printf(&path, "/api/permissions/" TOPOLOGY_VHOST "/%s", escaped == NULL ? "" : escaped);
    buf_printf(&what, "broker permissions of %s in vhost " TOPOLOGY_VHOST, user);
    code = ensure(m, buf_text(&path), wanted, buf_text(&what), error);
    curl_free(escaped);
    buf_free(&path);
    buf_free(&what);
    return code;
}

static bool user_is_so(const cJSON *user, const char *password)
{
    const char *hash = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(user, "password_hash"));
    const char *how = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(user, "hashing_algorithm"));

    return hash != NULL && how != NULL && strcmp(how, "rabbit_password_hashing_sha256") == 0 &&
           cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(user, "tags")) == 0 &&
           access_hash_matches(hash, password);
}

static enum error_code ensure_user(struct management *m, const struct topology_user *user,
                                   const char *password, struct error *error)
{
    cJSON *existing = NULL, *wanted = NULL;
    struct buf path = {0};
    enum error_code code;

    buf_printf(&path, "/api/users/%s", user->name);
    code = management_get(m, buf_text(&path), &existing, error);
    if (code == ERROR_NONE && user_is_so(existing, password)) {
        report_line("there  broker user %s", user->name);
    } else if (code == ERROR_NONE || code == ERROR_NOT_FOUND) {
        wanted = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(wanted, "password", password);
        (void)cJSON_AddStringToObject(wanted, "tags", "");
        code = management_put(m, buf_text(&path), wanted, error);
        if (code == ERROR_NONE) {
            report_line("done   broker user %s", user->name);
        }
    }
    cJSON_Delete(existing);
    cJSON_Delete(wanted);
    buf_free(&path);
    if (code != ERROR_NONE) {
        return code;
    }
    return ensure_permissions(m, user->name, user->configure, user->write, user->read, error);
}

static enum error_code ensure_policy(struct management *m, const struct topology_policy *policy,
                                     struct error *error)
{
    cJSON *wanted = cJSON_CreateObject();
    cJSON *definition = cJSON_Parse(policy->definition);
    struct buf path = {0}, what = {0};
    enum error_code code;

    (void)cJSON_AddStringToObject(wanted, "pattern", policy->pattern);
    (void)cJSON_AddStringToObject(wanted, "apply-to", "queues");
    (void)cJSON_AddItemToObject(wanted, "definition", definition);
    buf_printf(&path, "/api/policies/" TOPOLOGY_VHOST "/%s", policy->name);
    buf_printf(&what, "broker policy %s", policy->name);
    code = ensure(m, buf_text(&path), wanted, buf_text(&what), error);
    buf_free(&path);
    buf_free(&what);
    return code;
}

/* The vhost, and setup's own rights in it: who makes a vhost may not use it yet. */
static enum error_code ensure_vhost(struct management *m, struct error *error)
{
    cJSON *me = NULL;
    const char *name;
    enum error_code code =
        ensure(m, "/api/vhosts/" TOPOLOGY_VHOST, cJSON_CreateObject(), "broker vhost " TOPOLOGY_VHOST, error);

    if (code == ERROR_NONE) {
        code = management_get(m, "/api/whoami", &me, error);
    }
    if (code == ERROR_NONE) {
        name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(me, "name"));
        code = ensure_permissions(m, name == NULL ? "" : name, ".*", ".*", ".*", error);
    }
    cJSON_Delete(me);
    return code;
}

enum error_code access_setup(struct management *management, const struct topology *topology,
                             const char *gateway_password, const char *worker_password, struct error *error)
{
    enum error_code code = ensure_vhost(management, error);

    if (code == ERROR_NONE) {
        code = ensure_user(management, &topology_gateway_user, gateway_password, error);
    }
    if (code == ERROR_NONE) {
        code = ensure_user(management, &topology_worker_user, worker_password, error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < topology->policy_count; i++) {
        code = ensure_policy(management, &topology->policies[i], error);
    }
    return code;
}

void access_print_hint(const struct topology *topology)
{
    const struct topology_user *const users[] = {&topology_gateway_user, &topology_worker_user};

    report_line("left   vhost, users, permissions and policies of the broker; they need to be as by");
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        report_line("         rabbitmqctl add_user %s", users[i]->name);
        report_line("         rabbitmqctl set_permissions -p " TOPOLOGY_VHOST " %s '%s' '%s' '%s'",
                    users[i]->name, users[i]->configure, users[i]->write, users[i]->read);
    }
    for (size_t i = 0; i < topology->policy_count; i++) {
        report_line("         rabbitmqctl set_policy -p " TOPOLOGY_VHOST " --apply-to queues %s '%s' '%s'",
                    topology->policies[i].name, topology->policies[i].pattern,
                    topology->policies[i].definition);
    }
}
