/* SPDX-License-Identifier: MIT */
#include "access.h"

#include "broker_user.h"
#include "buf.h"
#include "ctl/cluster.h"
#include "ctl/http.h"
#include "ctl/report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

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

/* Reports each member of wanted that differs in existing. */
static void tell_members(const struct access *a, const char *what, const cJSON *wanted, const cJSON *existing)
{
    const cJSON *member;

    cJSON_ArrayForEach(member, wanted)
    {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(existing, member->string);
        char *is = other == NULL ? NULL : cJSON_PrintUnformatted(other);
        char *should = cJSON_PrintUnformatted(member);

        if (!cJSON_Compare(member, other, true)) {
            outcome_differs(a->outcome, is == NULL ? "none" : is, should == NULL ? "" : should, "%s, %s",
                            what, member->string);
        }
        cJSON_free(is);
        cJSON_free(should);
    }
}

/* Puts wanted at path unless the existing object (NULL: none) already has all its members. */
static enum error_code settle(const struct access *a, const char *path, const cJSON *wanted,
                              const cJSON *existing, const char *what, struct error *error)
{
    enum error_code code = ERROR_NONE;

    if (existing != NULL && access_same(wanted, existing)) {
        outcome_there(a->outcome, "%s", what);
        return ERROR_NONE;
    }
    if (!a->outcome->checking) {
        code = management_put(a->management, path, wanted, error);
    }
    if (code == ERROR_NONE && existing == NULL) {
        outcome_missing(a->outcome, "%s", what);
    } else if (code == ERROR_NONE) {
        tell_members(a, what, wanted, existing);
    }
    return code;
}

/* Gets the object at path. *existing: NULL when there is none; the caller frees it with cJSON_Delete. */
static enum error_code look(const struct access *a, const char *path, cJSON **existing, struct error *error)
{
    enum error_code code = management_get(a->management, path, existing, error);

    return code == ERROR_NOT_FOUND ? ERROR_NONE : code;
}

/* Gets the object at path and puts wanted if it differs. Takes ownership of wanted. */
static enum error_code ensure(const struct access *a, const char *path, cJSON *wanted, const char *what,
                              struct error *error)
{
    cJSON *existing = NULL;
    enum error_code code;

    if (wanted == NULL) {
        return error_set(error, ERROR_MEMORY, "%s: out of memory", what);
    }
    code = look(a, path, &existing, error);
    if (code == ERROR_NONE) {
        code = settle(a, path, wanted, existing, what, error);
    }
    cJSON_Delete(existing);
    cJSON_Delete(wanted);
    return code;
}

static enum error_code ensure_permissions(const struct access *a, const char *user, const char *configure,
                                          const char *write, const char *read, struct error *error)
{
    cJSON *wanted = cJSON_CreateObject();
    struct buf path = {0}, what = {0};
    enum error_code code;

    (void)cJSON_AddStringToObject(wanted, "configure", configure);
    (void)cJSON_AddStringToObject(wanted, "write", write);
    (void)cJSON_AddStringToObject(wanted, "read", read);
    buf_printf(&path, "/api/permissions/%s/", a->segment);
    http_append_escaped(&path, user);
    buf_printf(&what, "broker permissions of %s in vhost %s", user, a->vhost);
    code = ensure(a, buf_text(&path), wanted, buf_text(&what), error);
    buf_free(&path);
    buf_free(&what);
    return code;
}

/* --- users ---------------------------------------------------------------- */

static void tell_user(const struct access *a, const struct topology_user *user, const cJSON *existing,
                      bool same_password, bool same_tags)
{
    const char *name = user->name;

    if (existing == NULL) {
        outcome_missing(a->outcome, "broker user %s", name);
        return;
    }
    if (same_password && same_tags) {
        outcome_there(a->outcome, "broker user %s", name);
    }
    if (!same_password) {
        outcome_differs(a->outcome, "another", "the one given", "broker user %s, password", name);
    }
    if (!same_tags) {
        char *tags = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(existing, "tags"));

        outcome_differs(a->outcome, tags == NULL ? "" : tags, user->tag == NULL ? "none" : user->tag,
                        "broker user %s, tags", name);
        cJSON_free(tags);
    }
}

/* setting: NULL when the user is optional; without a password it is then not created. */
static enum error_code ensure_user(const struct access *a, const struct topology_user *user,
                                   const char *password, const char *setting, struct error *error)
{
    cJSON *existing = NULL;
    struct buf path = {0};
    bool same_password, same_tags;
    enum error_code code;

    buf_printf(&path, "/api/users/%s", user->name);
    code = look(a, buf_text(&path), &existing, error);
    same_password = existing != NULL && broker_user_has_password(existing, password);
    same_tags = existing != NULL && broker_user_has_tag(existing, user->tag);
    if (code == ERROR_NONE && existing == NULL && password[0] == '\0' && setting == NULL) {
        buf_free(&path);
        return ERROR_NONE;
    }
    if (code == ERROR_NONE && existing == NULL && password[0] == '\0' && !a->outcome->checking) {
        code =
            error_set(error, ERROR_SETTING,
                      "%s or %s_FILE must be set: the broker user %s does not exist yet, and setup needs a "
                      "password to create it",
                      setting, setting, user->name);
    }
    if (code == ERROR_NONE && !(same_password && same_tags) && !a->outcome->checking) {
        cJSON *wanted = broker_user_wanted(existing, password, user->tag);

        code = management_put(a->management, buf_text(&path), wanted, error);
        cJSON_Delete(wanted);
    }
    if (code == ERROR_NONE) {
        tell_user(a, user, existing, same_password, same_tags);
        code = ensure_permissions(a, user->name, user->configure, user->write, user->read, error);
    }
    cJSON_Delete(existing);
    buf_free(&path);
    return code;
}

/* --- policies ------------------------------------------------------------- */

/* The limit that was given, else the existing one, else the default. */
static int64_t bytes_of(const struct topology_policy *policy, const cJSON *existing)
{
    const cJSON *definition = cJSON_GetObjectItemCaseSensitive(existing, "definition");
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(definition, "max-length-bytes");

    if (policy->max_length_bytes != 0) {
        return policy->max_length_bytes;
    }
    return cJSON_IsNumber(bytes) ? (int64_t)bytes->valuedouble : TOPOLOGY_QUEUE_BYTES;
}

/* Balanced: new queues have their leaders on different nodes. The target makes the broker add members by
 * itself when nodes have joined, if its rabbitmq.conf enables that. */
static cJSON *definition_of(const struct topology_policy *policy, int64_t bytes, bool grows)
{
    cJSON *definition = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(definition, "max-length-bytes", (double)bytes);
    if (policy->delivery_limit != 0) {
        (void)cJSON_AddNumberToObject(definition, "delivery-limit", policy->delivery_limit);
    }
    if (policy->listening) {
        (void)cJSON_AddNumberToObject(definition, "max-length", TOPOLOGY_LISTEN_LENGTH);
        (void)cJSON_AddNumberToObject(definition, "expires", TOPOLOGY_LISTEN_EXPIRES_MS);
        (void)cJSON_AddStringToObject(definition, "overflow", "drop-head");
        return definition;
    }
    (void)cJSON_AddStringToObject(definition, "queue-leader-locator", "balanced");
    if (grows) {
        (void)cJSON_AddNumberToObject(definition, "target-group-size", TOPOLOGY_MEMBERS);
    }
    return definition;
}

static enum error_code ensure_policy(const struct access *a, const struct topology_policy *policy, bool grows,
                                     struct error *error)
{
    cJSON *wanted = cJSON_CreateObject(), *existing = NULL;
    struct buf path = {0}, what = {0};
    enum error_code code;

    buf_printf(&path, "/api/policies/%s/%s", a->segment, policy->name);
    code = look(a, buf_text(&path), &existing, error);
    if (code == ERROR_NONE) {
        int64_t bytes = bytes_of(policy, existing);

        (void)cJSON_AddStringToObject(wanted, "pattern", policy->pattern);
        (void)cJSON_AddStringToObject(wanted, "apply-to", "queues");
        (void)cJSON_AddNumberToObject(wanted, "priority", TOPOLOGY_POLICY_PRIORITY);
        (void)cJSON_AddItemToObject(wanted, "definition", definition_of(policy, bytes, grows));
        buf_printf(&what, "broker policy %s", policy->name);
        code = settle(a, buf_text(&path), wanted, existing, buf_text(&what), error);
    }
    cJSON_Delete(existing);
    cJSON_Delete(wanted);
    buf_free(&path);
    buf_free(&what);
    return code;
}

/* --- everything ----------------------------------------------------------- */

/* The vhost, and setup's own permissions in it: creating a vhost doesn't grant them. */
static enum error_code ensure_vhost(const struct access *a, struct error *error)
{
    struct buf path = {0}, what = {0};
    cJSON *me = NULL;
    const char *name;
    enum error_code code;

    buf_printf(&path, "/api/vhosts/%s", a->segment);
    buf_printf(&what, "broker vhost %s", a->vhost);
    code = ensure(a, buf_text(&path), cJSON_CreateObject(), buf_text(&what), error);
    if (code == ERROR_NONE) {
        code = management_get(a->management, "/api/whoami", &me, error);
    }
    if (code == ERROR_NONE) {
        name = management_text(me, "name");
        code = ensure_permissions(a, name == NULL ? "" : name, ".*", ".*", ".*", error);
    }
    cJSON_Delete(me);
    buf_free(&path);
    buf_free(&what);
    return code;
}

enum error_code access_setup(const struct access *a, struct error *error)
{
    const struct {
        const struct topology_user *user;
        const char *password, *setting;
    } users[] = {
        {&topology_gateway_user, a->gateway_password, "SETUP_GATEWAY_BROKER_PASSWORD"},
        {&topology_worker_user, a->worker_password, "SETUP_WORKER_BROKER_PASSWORD"},
        {&topology_listen_user, a->listen_password, NULL},
        {&topology_monitor_user, a->monitor_password, NULL},
    };
    bool grows = false;
    enum error_code code = ensure_vhost(a, error);

    for (size_t i = 0; code == ERROR_NONE && i < sizeof users / sizeof users[0]; i++) {
        code = ensure_user(a, users[i].user, users[i].password, users[i].setting, error);
    }
    if (code == ERROR_NONE) {
        code = cluster_grows(a->management, &grows, error);
    }
    for (size_t i = 0; code == ERROR_NONE && i < a->topology->policy_count; i++) {
        code = ensure_policy(a, &a->topology->policies[i], grows, error);
    }
    return code;
}

/* Appends text as one word of a shell's command. */
static void append_word(struct buf *out, const char *text)
{
    buf_append_char(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            buf_append_text(out, "'\\'");
        }
        buf_append_char(out, *text);
    }
    buf_append_char(out, '\'');
}

void access_print_hint(const struct outcome *outcome, const struct topology *topology, const char *vhost)
{
    const struct topology_user *const users[] = {&topology_gateway_user, &topology_worker_user,
                                                 &topology_listen_user, &topology_monitor_user};
    struct buf word = {0};

    append_word(&word, vhost);
    outcome_tell(
        outcome, "left",
        "vhost, users, permissions and policies of the broker; they must be as after these commands, "
        "with the limit on bytes that you want; only `sluice listen` needs %s, only an autoscaler %s",
        topology_listen_user.name, topology_monitor_user.name);
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        outcome_command(outcome, "rabbitmqctl add_user %s", users[i]->name);
        if (users[i]->tag != NULL) {
            outcome_command(outcome, "rabbitmqctl set_user_tags %s %s", users[i]->name, users[i]->tag);
        }
        outcome_command(outcome, "rabbitmqctl set_permissions -p %s %s '%s' '%s' '%s'", buf_text(&word),
                        users[i]->name, users[i]->configure, users[i]->write, users[i]->read);
    }
    for (size_t i = 0; i < topology->policy_count; i++) {
        const struct topology_policy *policy = &topology->policies[i];
        cJSON *definition = definition_of(policy, bytes_of(policy, NULL), false);
        char *text = cJSON_PrintUnformatted(definition);

        outcome_command(outcome, "rabbitmqctl set_policy -p %s --apply-to queues --priority %d %s '%s' '%s'",
                        buf_text(&word), TOPOLOGY_POLICY_PRIORITY, policy->name, policy->pattern,
                        text == NULL ? "" : text);
        cJSON_free(text);
        cJSON_Delete(definition);
    }
    buf_free(&word);
}
