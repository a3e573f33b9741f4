/* Fields: the values of keys in their structs, stored, compared and printed. Part of values.h. */
#include "values.h"

#include "units.h"

#include <string.h>

/* Fields of enums are read and written as unsigned. */
_Static_assert(sizeof(enum config_isolation) == sizeof(unsigned), "an enum is as wide as unsigned");
_Static_assert(sizeof(enum config_auth) == sizeof(unsigned), "an enum is as wide as unsigned");
_Static_assert(sizeof(enum config_log_format) == sizeof(unsigned), "an enum is as wide as unsigned");
_Static_assert(sizeof(enum config_tls_client) == sizeof(unsigned), "an enum is as wide as unsigned");

static const void *field(const struct key *key, const void *object) {
    return (const char *)object + key->offset;
}

static const char *text_get(const struct key *key, const void *object) {
    const char *text;
    memcpy(&text, field(key, object), sizeof text);
    return text;
}

static const char *const *names_get(const struct key *key, const void *object, size_t *ret_count) {
    const char *const *names;
    memcpy(&names, field(key, object), sizeof names);
    memcpy(ret_count, (const char *)object + key->count_offset, sizeof *ret_count);
    return names;
}

/* Counts, times, sizes, booleans and words. */
static uint64_t number_get(const struct key *key, const void *object) {
    uint64_t number;
    unsigned word;
    bool boolean;
    if (key->type == KEY_WORD) {
        memcpy(&word, field(key, object), sizeof word);
        return word;
    }
    if (key->type == KEY_BOOLEAN) {
        memcpy(&boolean, field(key, object), sizeof boolean);
        return boolean;
    }
    memcpy(&number, field(key, object), sizeof number);
    return number;
}

static bool is_text(const struct key *key) {
    return key->type == KEY_TEXT || key->type == KEY_NAME || key->type == KEY_ADMIN;
}

static bool is_names(const struct key *key) {
    return key->type == KEY_NAMES || key->type == KEY_NETWORKS;
}

static bool names_are_same(const struct key *key, const void *left, const void *right) {
    size_t left_count;
    size_t right_count;
    const char *const *left_names = names_get(key, left, &left_count);
    const char *const *right_names = names_get(key, right, &right_count);
    if (left_count != right_count)
        return false;
    for (size_t i = 0; i < left_count; i++)
        if (strcmp(left_names[i], right_names[i]) != 0)
            return false;
    return true;
}

static bool listens_are_same(const struct config_server *left, const struct config_server *right) {
    if (left->listen_count != right->listen_count)
        return false;
    for (size_t i = 0; i < left->listen_count; i++)
        if (strcmp(left->listens[i].value, right->listens[i].value) != 0)
            return false;
    return true;
}

static const struct unit *units_of(const struct key *key) {
    return key->type == KEY_TIME ? units_time : key->type == KEY_SIZE ? units_size : units_none;
}

static void number_print(const struct key *key, uint64_t number, FILE *out) {
    char text[UNITS_TEXT_MAX];
    units_format(number, units_of(key), text);
    fputs(number == 0 && key->zero_word ? key->zero_word : text, out);
}

static void names_print(const struct key *key, const void *object, FILE *out) {
    size_t count;
    const char *const *names = names_get(key, object, &count);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, "%s%s", i > 0 ? ", " : "", names[i]);
}

static void words_list(const struct key *key, char ret_text[VALUE_RANGE_MAX]) {
    size_t used = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; key->words[i]; i++) {
        if (key->refused_word && strcmp(key->words[i], key->refused_word) == 0)
            continue;
        int size = snprintf(ret_text + used, VALUE_RANGE_MAX - used, "%s%s", used > 0 ? ", " : "", key->words[i]);
        if (size < 0 || (size_t)size >= VALUE_RANGE_MAX - used)
            return;
        used += (size_t)size;
    }
}

void value_store(const struct key *key, const struct value *value, void *object) {
    void *target = (char *)object + key->offset;
    unsigned word = (unsigned)value->number;
    bool boolean = value->number != 0;
    switch (key->type) {
    case KEY_LISTENS: /* build.c does it */
        break;
    case KEY_TEXT:
    case KEY_NAME:
    case KEY_ADMIN:
        memcpy(target, &value->text, sizeof value->text);
        break;
    case KEY_NAMES:
    case KEY_NETWORKS:
        memcpy(target, &value->names, sizeof value->names);
        memcpy((char *)object + key->count_offset, &value->name_count, sizeof value->name_count);
        break;
    case KEY_WORD:
        memcpy(target, &word, sizeof word);
        break;
    case KEY_BOOLEAN:
        memcpy(target, &boolean, sizeof boolean);
        break;
    case KEY_COUNT:
    case KEY_WORKERS:
    case KEY_TIME:
    case KEY_SIZE:
        memcpy(target, &value->number, sizeof value->number);
        break;
    }
}

bool value_is_same(const struct key *key, const void *left, const void *right) {
    if (key->type == KEY_LISTENS)
        return listens_are_same(left, right);
    if (is_names(key))
        return names_are_same(key, left, right);
    if (!is_text(key))
        return number_get(key, left) == number_get(key, right);
    const char *left_text = text_get(key, left);
    const char *right_text = text_get(key, right);
    if (!left_text || !right_text)
        return left_text == right_text;
    return strcmp(left_text, right_text) == 0;
}

bool value_is_set(const struct key *key, const void *object) {
    size_t count;
    if (is_names(key))
        return names_get(key, object, &count) != NULL;
    return !is_text(key) || text_get(key, object) != NULL;
}

void value_print(const struct key *key, const void *object, FILE *out) {
    if (is_text(key))
        value_print_text(text_get(key, object), out);
    else if (is_names(key))
        names_print(key, object, out);
    else if (key->type == KEY_BOOLEAN)
        fputs(number_get(key, object) ? "yes" : "no", out);
    else if (key->type == KEY_WORD)
        fputs(key->words[number_get(key, object)], out);
    else
        number_print(key, number_get(key, object), out);
}

void value_print_text(const char *text, FILE *out) {
    size_t size = strlen(text);
    bool is_plain =
        size == 0 || (text[0] != '"' && text[0] != '#' && text[0] != ' ' && text[0] != '\t' && text[size - 1] != ' ' &&
                      text[size - 1] != '\t' && text[size - 1] != '\\' && !strstr(text, " #") && !strstr(text, "\t#"));
    if (is_plain) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void value_range(const struct key *key, char ret_text[VALUE_RANGE_MAX]) {
    ret_text[0] = '\0';
    if (key->type == KEY_WORD) {
        words_list(key, ret_text);
        return;
    }
    if (key->type == KEY_BOOLEAN) {
        (void)snprintf(ret_text, VALUE_RANGE_MAX, "yes or no");
        return;
    }
    if (is_text(key) || is_names(key) || key->type == KEY_LISTENS)
        return;
    char least[UNITS_TEXT_MAX];
    char most[UNITS_TEXT_MAX];
    units_format(key->minimum, units_of(key), least);
    units_format(key->maximum, units_of(key), most);
    const char *word = key->type == KEY_WORKERS ? "auto" : key->zero_word;
    (void)snprintf(ret_text, VALUE_RANGE_MAX, "%s to %s%s%s", least, most, word ? ", or " : "", word ? word : "");
}
