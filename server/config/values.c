/* Values: reading. What is printed and compared is in fields.c. */
#include "values.h"

#include "address.h"
#include "endpoint.h"
#include "network.h"
#include "units.h"
#include "utf8.h"

#include <string.h>
#include <tothread/cpus.h>

/* With workers = auto: a few more than there are CPUs, for calls that wait; not so many that a big machine makes hundreds
   of threads unasked. As Python's ThreadPoolExecutor does it. */

struct reading {
    const struct key *key;
    const struct config_setting *setting;
    struct arena *arena;
    struct diagnostics *diagnostics;
};

static bool mistake(const struct reading *reading, const char *hint, const char *message) {
    diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, &reading->setting->value_at, hint, "%s: %s",
                    reading->setting->key, message);
    return false;
}

static const struct unit *key_units(const struct key *key) {
    return key->type == KEY_TIME ? units_time : key->type == KEY_SIZE ? units_size : units_none;
}

static bool number_mistake(const struct reading *reading, enum units_result result) {
    static const char *const kinds[] = {[KEY_TIME] = "time", [KEY_SIZE] = "size"};
    const struct key *key = reading->key;
    const struct origin *at = &reading->setting->value_at;
    const char *text = reading->setting->value;
    bool has_units = key->type == KEY_TIME || key->type == KEY_SIZE;
    const char *kind = has_units ? kinds[key->type] : "whole number";
    const char *units = key->type == KEY_TIME   ? "the units are us ms s min h, with whole numbers: 1500ms, not 1.5s"
                        : key->type == KEY_SIZE ? "the units are B KiB MiB GiB, with whole numbers; 1KiB is 1024 bytes"
                                                : NULL;
    char range[VALUE_RANGE_MAX];
    value_range(key, range);
    char hint[160];
    switch (result) {
    case UNITS_NO_UNIT:
        (void)snprintf(hint, sizeof hint, "did you mean %.40s%s? The units are %s", text,
                       key->type == KEY_TIME ? "s" : "MiB", key->type == KEY_TIME ? "us ms s min h" : "B KiB MiB GiB");
        diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, at, hint, "%s: %s \"%s\" has no unit (%s)", key->name,
                        kind, text, range);
        break;
    case UNITS_BAD_UNIT:
        diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, at, units,
                        has_units ? "%s: \"%s\" has no unit of %s (%s)" : "%s: \"%s\" is not a %s (%s)", key->name,
                        text, kind, range);
        break;
    case UNITS_TOO_SMALL:
    case UNITS_TOO_BIG:
        diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, at, NULL, "%s: %s is out of range (%s)", key->name,
                        text, range);
        break;
    default:
        diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, at, units, "%s: \"%s\" is not a %s (%s)", key->name,
                        text, kind, range);
        break;
    }
    return false;
}

static bool number_read(const struct reading *reading, uint64_t *ret_number) {
    const struct key *key = reading->key;
    const char *text = reading->setting->value;
    if (key->zero_word && strcmp(text, key->zero_word) == 0) {
        *ret_number = 0;
        return true;
    }
    if (key->type == KEY_WORKERS && strcmp(text, "auto") == 0) {
        *ret_number = tt_cpus_suggest_workers();
        return true;
    }
    uint64_t number = 0;
    enum units_result result = units_parse(text, key_units(key), &number);
    if (result == UNITS_OK && number < key->minimum)
        result = UNITS_TOO_SMALL;
    if (result == UNITS_OK && number > key->maximum)
        result = UNITS_TOO_BIG;
    if (result != UNITS_OK)
        return number_mistake(reading, result);
    *ret_number = number;
    return true;
}

static bool boolean_read(const struct reading *reading, uint64_t *ret_number) {
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", NULL};
    const char *text = reading->setting->value;
    for (size_t i = 0; words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *ret_number = i % 2;
            return true;
        }
    diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, &reading->setting->value_at, NULL,
                    "%s: \"%s\" is neither yes nor no (yes, true, on; no, false, off)", reading->key->name, text);
    return false;
}

static bool word_read(const struct reading *reading, uint64_t *ret_number) {
    const struct key *key = reading->key;
    const char *text = reading->setting->value;
    if (key->refused_word && strcmp(text, key->refused_word) == 0) {
        diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, &reading->setting->value_at, NULL,
                        "%s = %s is not available in this version", key->name, text);
        return false;
    }
    for (size_t i = 0; key->words[i]; i++)
        if (strcmp(text, key->words[i]) == 0) {
            *ret_number = i;
            return true;
        }
    const char *nearest = diagnostics_nearest(text, key->words);
    char hint[80];
    (void)snprintf(hint, sizeof hint, "did you mean \"%s\"?", nearest ? nearest : "");
    char range[VALUE_RANGE_MAX];
    value_range(key, range);
    diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, &reading->setting->value_at, nearest ? hint : NULL,
                    "%s: \"%s\" is unknown (%s)", key->name, text, range);
    return false;
}

static bool network_check(const struct reading *reading, const char *text, size_t offset) {
    struct network network;
    const char *message;
    if (network_parse(text, &network, &message))
        return true;
    struct origin place = origin_inside(&reading->setting->value_at, reading->setting->value, offset, strlen(text));
    diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, &place, NULL, "%s: %s", reading->key->name, message);
    return false;
}

static bool name_check(const struct reading *reading, const char *name, size_t offset) {
    const char *message;
    size_t at;
    size_t size;
    if (value_is_name(name, KEY_NAME_MAX, &message, &at, &size))
        return true;
    struct origin place = origin_inside(&reading->setting->value_at, reading->setting->value, offset + at, size);
    diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, &place, VALUE_NAME_HINT, "%s: %s", reading->key->name,
                    message);
    return false;
}

static size_t names_count(const char *text) {
    size_t count = 1;
    for (; *text; text++)
        count += *text == ',';
    return count;
}

static bool names_read(const struct reading *reading, struct value *ret_value) {
    const char *text = reading->setting->value;
    struct value value = {0};
    value.names = arena_take(reading->arena, names_count(text) * sizeof *value.names);
    if (!value.names)
        return false;
    bool is_right = true;
    for (size_t at = 0;; at++) {
        at += strspn(text + at, " \t");
        size_t size = strcspn(text + at, ",");
        size_t end = at + size;
        while (size > 0 && (text[at + size - 1] == ' ' || text[at + size - 1] == '\t'))
            size--;
        char *name = arena_copy(reading->arena, text + at, size);
        if (!name)
            return false;
        is_right &=
            reading->key->type == KEY_NETWORKS ? network_check(reading, name, at) : name_check(reading, name, at);
        value.names[value.name_count++] = name;
        at = end;
        if (text[at] == '\0')
            break;
    }
    if (is_right)
        *ret_value = value;
    return is_right;
}

bool value_read(const struct key *key, const struct config_setting *setting, struct arena *arena,
                struct diagnostics *diagnostics, struct value *ret_value) {
    struct reading reading = {key, setting, arena, diagnostics};
    struct address_mistake address;
    if (setting->value[0] == '\0') {
        bool has_default = key->default_text != NULL;
        return mistake(&reading, has_default ? "leave the line out for the default" : NULL, "there is no value");
    }
    *ret_value = (struct value){.text = setting->value};
    switch (key->type) {
    case KEY_TEXT:
        return true;
    case KEY_NAME:
        return name_check(&reading, setting->value, 0);
    case KEY_NAMES:
    case KEY_NETWORKS:
        return names_read(&reading, ret_value);
    case KEY_LISTENS:
        ret_value->endpoint = endpoint_read(setting, arena, diagnostics);
        return ret_value->endpoint != NULL;
    case KEY_ADMIN:
        return address_check_admin(setting->value, &address) || mistake(&reading, address.hint, address.message);
    case KEY_BOOLEAN:
        return boolean_read(&reading, &ret_value->number);
    case KEY_WORD:
        return word_read(&reading, &ret_value->number);
    case KEY_COUNT:
    case KEY_WORKERS:
    case KEY_TIME:
    case KEY_SIZE:
        return number_read(&reading, &ret_value->number);
    }
    return false;
}

bool value_is_name(const char *text, size_t max, const char **ret_message, size_t *ret_at, size_t *ret_size) {
    size_t size = strlen(text);
    *ret_at = 0;
    *ret_size = size > 0 ? size : 1;
    if (size == 0) {
        *ret_message = "a name is missing";
        return false;
    }
    size_t good = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    if (good < size) {
        *ret_message = "a character that names can't have";
        *ret_at = good;
        *ret_size = utf8_size(text + good, size - good);
        return false;
    }
    if (size > max) {
        *ret_message = max == KEY_POOL_NAME_MAX ? "the name is longer than 31 characters"
                                                : "the name is longer than 63 characters";
        return false;
    }
    return true;
}
