/* Endpoint: see endpoint.h. */
#include "endpoint.h"

#include "address.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#define SPACES " \t"
/* An entry of /etc/group with many members is long; one that is longer counts as unknown. */
#define NAMES_BYTES 16384

/* Where a word makes sense. */
enum { OF_INET = 1, OF_UNIX = 2, OF_SYSTEMD = 4 };

struct reading {
    const struct config_setting *setting;
    struct diagnostics *diagnostics;
    struct endpoint *endpoint;
    char *word;      /* the current one, up to its "=", NUL-terminated */
    char *value;     /* behind it; NULL: none */
    size_t at, size; /* the whole word in the setting's value */
    size_t value_at; /* of value in the setting's value */
};

struct word {
    const char *name;
    const char *example; /* of its value; NULL: it has none */
    unsigned places;
    const char *hint; /* where it makes no sense */
    bool (*take)(struct reading *reading);
};

static bool mistake_at(const struct reading *reading, size_t at, size_t size, const char *hint, const char *message) {
    const struct config_setting *setting = reading->setting;
    struct origin place = origin_inside(&setting->value_at, setting->value, at, size);
    diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, &place, hint, "%s: %s", setting->key, message);
    return false;
}

static bool value_mistake(const struct reading *reading, const char *hint, const char *message) {
    return mistake_at(reading, reading->value_at, strlen(reading->value), hint, message);
}

/* -- the words -- */

static bool take_mode(struct reading *reading) {
    const char *text = reading->value;
    size_t size = strlen(text);
    uint32_t mode = 0;
    if (size < 3 || size > 4 || strspn(text, "01234567") != size || (size == 4 && text[0] != '0'))
        return value_mistake(reading, "mode=0660 lets the owner and the group connect",
                             "the mode is no octal number from 0000 to 0777");
    for (; *text; text++)
        mode = mode * 8 + (uint32_t)(*text - '0');
    reading->endpoint->has_mode = true;
    reading->endpoint->mode = mode;
    return true;
}

/* A number as it stands, or what a user or group of that name has. */
static bool id_find(const char *text, bool is_group, uint32_t *ret_id) {
    char memory[NAMES_BYTES];
    struct passwd user;
    struct passwd *found_user = NULL;
    struct group group;
    struct group *found_group = NULL;
    uint64_t number = 0;
    size_t size = strlen(text);
    if (size > 0 && size <= 10 && strspn(text, "0123456789") == size) {
        for (; *text; text++)
            number = number * 10 + (uint64_t)(*text - '0');
        *ret_id = (uint32_t)number;
        return number < UINT32_MAX; /* that one means "none" to the kernel */
    }
    if (is_group) {
        if (getgrnam_r(text, &group, memory, sizeof memory, &found_group) != 0 || !found_group)
            return false;
        *ret_id = group.gr_gid;
        return true;
    }
    if (getpwnam_r(text, &user, memory, sizeof memory, &found_user) != 0 || !found_user)
        return false;
    *ret_id = user.pw_uid;
    return true;
}

static bool take_id(struct reading *reading, bool is_group, bool *ret_has, uint32_t *ret_id) {
    *ret_has = id_find(reading->value, is_group, ret_id);
    return *ret_has || value_mistake(reading, NULL, is_group ? "there is no such group" : "there is no such user");
}

static bool take_user(struct reading *reading) {
    return take_id(reading, false, &reading->endpoint->has_user, &reading->endpoint->user);
}

static bool take_group(struct reading *reading) {
    return take_id(reading, true, &reading->endpoint->has_group, &reading->endpoint->group);
}

/* "www-data,1000". The value is cut at its commas. */
static bool take_ids(struct reading *reading, bool is_group, struct endpoint_ids *ret_ids) {
    char *next = reading->value;
    bool is_right = true;
    while (next) {
        char *text = next;
        size_t at = reading->value_at + (size_t)(text - reading->value);
        next = strchr(text, ',');
        if (next)
            *next++ = '\0';
        size_t size = strlen(text);
        if (ret_ids->count == ENDPOINT_IDS_MAX)
            return mistake_at(reading, at, size, NULL, "there are at most 16");
        if (id_find(text, is_group, &ret_ids->ids[ret_ids->count]))
            ret_ids->count++;
        else
            is_right =
                mistake_at(reading, at, size, NULL, is_group ? "there is no such group" : "there is no such user");
    }
    return is_right;
}

static bool take_allow_uid(struct reading *reading) {
    return take_ids(reading, false, &reading->endpoint->allow_uids);
}

static bool take_allow_gid(struct reading *reading) {
    return take_ids(reading, true, &reading->endpoint->allow_gids);
}

static bool take_proxy(struct reading *reading) {
    reading->endpoint->takes_proxy = true;
    return true;
}

static bool take_tls(struct reading *reading) {
    reading->endpoint->is_tls = true;
    return true;
}

#define PEER_HINT "only of a unix socket's client the kernel tells who it is"
#define FILE_HINT "it is about the file of a unix socket; of one that systemd opened the socket unit says it"

static const struct word words[] = {
    {"mode", "0660", OF_UNIX, FILE_HINT, take_mode},
    {"user", "www-data", OF_UNIX, FILE_HINT, take_user},
    {"group", "www-data", OF_UNIX, FILE_HINT, take_group},
    {"allow-uid", "www-data,1000", OF_UNIX | OF_SYSTEMD, PEER_HINT, take_allow_uid},
    {"allow-gid", "www-data", OF_UNIX | OF_SYSTEMD, PEER_HINT, take_allow_gid},
    {"proxy", NULL, OF_INET | OF_UNIX | OF_SYSTEMD, NULL, take_proxy},
    {"tls", NULL, OF_INET | OF_UNIX | OF_SYSTEMD, NULL, take_tls},
};

#define WORD_COUNT (sizeof words / sizeof words[0])

/* -- the line -- */

static unsigned place_of(const char *address) {
    if (strncmp(address, "unix:", 5) == 0)
        return OF_UNIX;
    return strncmp(address, "systemd:", 8) == 0 ? OF_SYSTEMD : OF_INET;
}

static bool unknown(const struct reading *reading) {
    const char *names[WORD_COUNT + 1];
    char hint[160];
    for (size_t i = 0; i < WORD_COUNT; i++)
        names[i] = words[i].name;
    names[WORD_COUNT] = NULL;
    const char *nearest = diagnostics_nearest(reading->word, names);
    int used = snprintf(hint, sizeof hint, nearest ? "did you mean \"%s\"?" : "there are", nearest);
    for (size_t i = 0; !nearest && i < WORD_COUNT && used > 0 && (size_t)used < sizeof hint; i++)
        used += snprintf(hint + used, sizeof hint - (size_t)used, "%s %s%s", i > 0 ? "," : "", words[i].name,
                         words[i].example ? "=" : "");
    return mistake_at(reading, reading->at, reading->size, hint, "an unknown word behind the address");
}

static bool word_take(struct reading *reading, bool was_seen[WORD_COUNT]) {
    size_t i = 0;
    while (i < WORD_COUNT && strcmp(words[i].name, reading->word) != 0)
        i++;
    if (i == WORD_COUNT)
        return unknown(reading);
    const struct word *word = &words[i];
    char example[64];
    (void)snprintf(example, sizeof example, word->example ? "for example: %s=%s" : "%s alone", word->name,
                   word->example); /* fits */
    if (was_seen[i])
        return mistake_at(reading, reading->at, reading->size, NULL, "the word stands twice");
    was_seen[i] = true;
    if (!word->example && reading->value)
        return mistake_at(reading, reading->at, reading->size, example, "the word takes no value");
    if (word->example && (!reading->value || reading->value[0] == '\0'))
        return mistake_at(reading, reading->at, reading->size, example, "the word needs a value");
    if ((word->places & place_of(reading->endpoint->address)) == 0)
        return mistake_at(reading, reading->at, reading->size, word->hint, "the word makes no sense for this address");
    return word->take(reading);
}

struct endpoint *endpoint_read(const struct config_setting *setting, struct arena *arena,
                               struct diagnostics *diagnostics) {
    struct endpoint *endpoint = arena_take_zeroed(arena, sizeof *endpoint);
    char *text = arena_copy(arena, setting->value, strlen(setting->value));
    if (!endpoint || !text)
        return NULL;
    struct reading reading = {.setting = setting, .diagnostics = diagnostics, .endpoint = endpoint};
    struct address_mistake mistake;
    bool was_seen[WORD_COUNT] = {false};
    size_t size = strcspn(text, SPACES);
    size_t at = size + strspn(text + size, SPACES);
    text[size] = '\0';
    endpoint->address = text;
    if (!address_check_listen(text, &mistake)) {
        (void)mistake_at(&reading, 0, size, mistake.hint, mistake.message); /* what fits a wrong address nobody knows */
        return NULL;
    }
    bool is_right = true;
    while (setting->value[at] != '\0') {
        size = strcspn(text + at, SPACES);
        size_t next = at + size + strspn(text + at + size, SPACES);
        text[at + size] = '\0';
        reading.word = text + at;
        reading.at = at;
        reading.size = size;
        reading.value = strchr(reading.word, '=');
        if (reading.value) {
            *reading.value++ = '\0';
            reading.value_at = (size_t)(reading.value - text);
        }
        is_right &= word_take(&reading, was_seen);
        at = next;
    }
    return is_right ? endpoint : NULL;
}
