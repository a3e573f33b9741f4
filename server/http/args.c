/**
 * Args: what a request says, as typed values for its call.
 * Step 4 of 11
 * Before: route (http/route.c)
 * After: offload (offload.c)
 */
#include "args.h"
#include "../calls/value.h"
#include "../config/diagnostics.h"
#include "../json.h"
#include <inttypes.h>
#include <string.h>

/* Longer names are of no parameter; they are not repeated to the client, nor compared for a hint. */
#define NAME_BYTES_MAX 128

enum source { SOURCE_NONE, SOURCE_PATH, SOURCE_QUERY, SOURCE_BODY };

/** What became of a parameter so far. */
struct seen {
    uint8_t source; /* enum source */
    bool is_mistaken;
};

struct decoder {
    const struct tt_param *params;
    size_t param_count;
    struct arena *arena;
    struct args *args;
    struct seen *seen; /* one a parameter */
    bool has_no_memory;
};

/* -- mistakes -- */

/** "/" and the name, escaped as RFC 6901 wants it. */
static char *pointer_make(struct arena *arena, const char *name, size_t size) {
    char *pointer = arena_take(arena, 2 * size + 2);
    if (pointer == NULL)
        return NULL;
    char *out = pointer;
    *out++ = '/';
    for (size_t i = 0; i < size; i++) {
        if (name[i] == '~' || name[i] == '/') {
            *out++ = '~';
            *out++ = name[i] == '~' ? '0' : '1';
        } else {
            *out++ = name[i];
        }
    }
    *out = '\0';
    return pointer;
}

/** Takes detail from the arena, or NULL where it found no memory. */
static void mistake_add(struct decoder *decoder, const char *pointer, const char *detail) {
    struct args *args = decoder->args;
    if (pointer == NULL || detail == NULL) {
        decoder->has_no_memory = true;
        return;
    }
    if (args->mistake_count == ARGS_MISTAKES_MAX)
        return;
    args->mistakes[args->mistake_count++] = (struct args_mistake){.pointer = pointer, .detail = detail};
}

static bool mistakes_are_full(const struct decoder *decoder) {
    return decoder->args->mistake_count == ARGS_MISTAKES_MAX;
}

static void mistake_of_param(struct decoder *decoder, size_t index, const char *detail) {
    const char *name = decoder->params[index].name;
    decoder->seen[index].is_mistaken = true;
    mistake_add(decoder, pointer_make(decoder->arena, name, strlen(name)), detail);
}

static void mistake_of_unknown(struct decoder *decoder, const char *name, size_t size) {
    if (size > NAME_BYTES_MAX) {
        mistake_add(decoder, "", "an argument's name is longer than any parameter's");
        return;
    }
    if (!json_is_text(name, size)) {
        mistake_add(decoder, "", "an argument's name must be a text in UTF-8 without NUL");
        return;
    }
    char *word = arena_copy(decoder->arena, name, size);
    const char **names = arena_take(decoder->arena, (decoder->param_count + 1) * sizeof *names);
    if (word == NULL || names == NULL) {
        decoder->has_no_memory = true;
        return;
    }
    for (size_t i = 0; i < decoder->param_count; i++)
        names[i] = decoder->params[i].name;
    names[decoder->param_count] = NULL;
    const char *near = diagnostics_nearest(word, names);
    const char *detail = near == NULL ? "no such parameter"
                                      : arena_format(decoder->arena, "no such parameter; did you mean \"%s\"?", near);
    mistake_add(decoder, pointer_make(decoder->arena, name, size), detail);
}

static void mistake_of_twice(struct decoder *decoder, size_t index, enum source second) {
    static const char *const words[] = {
        [SOURCE_NONE] = "", [SOURCE_PATH] = "path", [SOURCE_QUERY] = "query", [SOURCE_BODY] = "body"};
    enum source first = (enum source)decoder->seen[index].source;
    const char *detail = first == second ? arena_format(decoder->arena, "given twice in the %s", words[first])
                                         : arena_format(decoder->arena, "given twice: in the %s and in the %s",
                                                        words[first], words[second]);
    mistake_of_param(decoder, index, detail);
}

static void mistake_of_range(struct decoder *decoder, size_t index, enum tt_type type) {
    const struct tt_param *param = &decoder->params[index];
    bool is_text = type == TT_TYPE_TEXT;
    mistake_of_param(decoder, index,
                     arena_format(decoder->arena, "must %s %" PRId64 " to %" PRId64 "%s", is_text ? "have" : "be from",
                                  param->minimum, param->maximum, is_text ? " bytes" : ""));
}

/* -- one argument -- */

/** The parameter by that name, marked as given; or param_count after a mistake. */
static size_t param_claim(struct decoder *decoder, const char *name, size_t size, enum source source) {
    size_t count = decoder->param_count;
    for (size_t i = 0; i < count; i++) {
        const char *known = decoder->params[i].name;
        if (strlen(known) != size || memcmp(known, name, size) != 0)
            continue;
        if (decoder->seen[i].source != SOURCE_NONE) {
            mistake_of_twice(decoder, i, source);
            return count;
        }
        decoder->seen[i].source = (uint8_t)source;
        return i;
    }
    mistake_of_unknown(decoder, name, size);
    return count;
}

static void value_keep(struct decoder *decoder, size_t index, const struct tt_value *value) {
    if (value_is_in_range(&decoder->params[index], value))
        decoder->args->values[index] = *value;
    else
        mistake_of_range(decoder, index, value->type);
}

/** text belongs to the arena. */
static void take_text(struct decoder *decoder, size_t index, const char *text, size_t size) {
    enum tt_type type = decoder->params[index].type;
    struct tt_value value;
    if (value_from_text(type, text, size, &value) == TT_OK) {
        value_keep(decoder, index, &value);
        return;
    }
    const char *expected = type == TT_TYPE_ANY ? value_expected(TT_TYPE_TEXT) : value_expected(type);
    mistake_of_param(decoder, index, arena_format(decoder->arena, "must be %s", expected));
}

/** name and data as they stand in the request. */
static void take_encoded(struct decoder *decoder, size_t index, const char *data, size_t size, bool plus_is_space) {
    size_t text_size;
    char *text = args_percent_decode(decoder->arena, data, size, plus_is_space, &text_size);
    if (text != NULL)
        take_text(decoder, index, text, text_size);
    else if (text_size == 1)
        mistake_of_param(decoder, index, "a percent sign must be followed by two hexadecimal digits");
    else
        decoder->has_no_memory = true;
}

/* -- path and query -- */

static void take_captures(struct decoder *decoder, const struct args_input *input) {
    for (size_t i = 0; i < input->capture_count; i++) {
        const struct route_capture *capture = &input->captures[i];
        size_t index = param_claim(decoder, capture->name, strlen(capture->name), SOURCE_PATH);
        if (index < decoder->param_count)
            take_encoded(decoder, index, capture->data, capture->size, false);
    }
}

static void take_pair(struct decoder *decoder, const char *piece, size_t size) {
    const char *equals = memchr(piece, '=', size);
    size_t name_size = equals != NULL ? (size_t)(equals - piece) : size;
    const char *value = equals != NULL ? equals + 1 : piece + size;
    const char *name = piece;
    if (memchr(piece, '%', name_size) != NULL || memchr(piece, '+', name_size) != NULL) {
        size_t decoded_size;
        name = args_percent_decode(decoder->arena, piece, name_size, true, &decoded_size);
        if (name == NULL && decoded_size == 1) {
            mistake_add(decoder, "",
                        "a percent sign in a name of the query must be followed by two hexadecimal digits");
            return;
        }
        if (name == NULL) {
            decoder->has_no_memory = true;
            return;
        }
        name_size = decoded_size;
    }
    size_t index = param_claim(decoder, name, name_size, SOURCE_QUERY);
    if (index < decoder->param_count)
        take_encoded(decoder, index, value, (size_t)(piece + size - value), true);
}

static void take_query(struct decoder *decoder, const char *query, size_t size) {
    const char *end = query + size;
    while (query < end && !mistakes_are_full(decoder)) {
        const char *ampersand = memchr(query, '&', (size_t)(end - query));
        const char *piece_end = ampersand != NULL ? ampersand : end;
        if (piece_end > query)
            take_pair(decoder, query, (size_t)(piece_end - query));
        query = piece_end + 1;
    }
}

/* -- body -- */

/** Whether a JSON value of that type may stand for the parameter; whole numbers are decimal ones too. */
static bool type_fits(enum tt_type wanted, struct tt_value *value) {
    if (wanted == TT_TYPE_REAL && value->type == TT_TYPE_INTEGER)
        *value = (struct tt_value){.type = TT_TYPE_REAL, .as.real = (double)value->as.integer};
    return wanted == TT_TYPE_ANY || wanted == value->type;
}

static void take_member(void *context, const char *name, const struct json *member) {
    struct decoder *decoder = context;
    if (mistakes_are_full(decoder))
        return;
    size_t index = param_claim(decoder, name, strlen(name), SOURCE_BODY);
    if (index == decoder->param_count)
        return;
    enum json_kind kind = json_kind(member);
    if (kind == JSON_NULL)
        return; /* the same as absent */
    struct tt_value value = json_value(member);
    if (value.type == TT_TYPE_NONE || !type_fits(decoder->params[index].type, &value)) {
        mistake_of_param(decoder, index,
                         arena_format(decoder->arena, "must be %s, not %s", value_expected(decoder->params[index].type),
                                      json_kind_name(kind)));
        return;
    }
    if (value.type == TT_TYPE_TEXT) {
        value.as.text.data = arena_copy(decoder->arena, value.as.text.data, value.as.text.size);
        if (value.as.text.data == NULL) {
            decoder->has_no_memory = true;
            return;
        }
    }
    value_keep(decoder, index, &value);
}

static void take_object(struct decoder *decoder, const struct json *json) {
    enum json_kind kind = json_kind(json);
    if (kind == JSON_OBJECT)
        json_each(json, take_member, decoder);
    else
        mistake_add(decoder, "",
                    arena_format(decoder->arena, "the arguments must be a JSON object, not %s", json_kind_name(kind)));
}

static void take_body(struct decoder *decoder, const char *body, size_t size) {
    struct json_error error;
    struct json *json = json_parse(body, size, &error);
    if (json == NULL && error.has_no_memory) {
        decoder->has_no_memory = true;
        return;
    }
    if (json == NULL) {
        /* nothing else counts then: mistakes[0] says where */
        decoder->args->body_is_malformed = true;
        decoder->args->mistake_count = 0;
        mistake_add(decoder, "",
                    arena_format(decoder->arena, "the body is no valid JSON: line %u, column %u: %s", error.line,
                                 error.column, error.text));
        return;
    }
    take_object(decoder, json);
    json_free(json);
}

/* -- what wasn't given -- */

static void take_absent(struct decoder *decoder, size_t index) {
    const struct tt_param *param = &decoder->params[index];
    if (param->default_text != NULL)
        take_text(decoder, index, param->default_text, strlen(param->default_text));
    else if (param->is_required)
        mistake_of_param(decoder, index,
                         decoder->seen[index].source == SOURCE_NONE ? "is required" : "must not be null");
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum tt_status args_decode(const struct tt_param *params, size_t param_count, const struct args_input *input,
                           struct arena *arena, struct args *ret_args) {
    ret_args->values = NULL;
    ret_args->count = param_count;
    ret_args->mistake_count = 0;
    ret_args->body_is_malformed = false;
    struct decoder decoder = {.params = params, .param_count = param_count, .arena = arena, .args = ret_args};
    if (param_count > 0) {
        size_t bytes = param_count * (sizeof *ret_args->values + sizeof *decoder.seen);
        ret_args->values = arena_take(arena, bytes);
        if (ret_args->values == NULL)
            return TT_NOMEM;
        memset(ret_args->values, 0, bytes);
        decoder.seen = (struct seen *)(ret_args->values + param_count);
    }
    take_captures(&decoder, input);
    if (input->query_size > 0)
        take_query(&decoder, input->query, input->query_size);
    if (input->object != NULL)
        take_object(&decoder, input->object);
    else if (input->body_size > 0)
        take_body(&decoder, input->body, input->body_size);
    if (!ret_args->body_is_malformed) {
        for (size_t i = 0; i < param_count; i++) {
            if (ret_args->values[i].type == TT_TYPE_NONE && !decoder.seen[i].is_mistaken)
                take_absent(&decoder, i);
        }
    }
    if (decoder.has_no_memory)
        return TT_NOMEM;
    return ret_args->mistake_count > 0 ? TT_INVALID : TT_OK;
}

char *args_percent_decode(struct arena *arena, const char *data, size_t size, bool plus_is_space, size_t *ret_size) {
    *ret_size = 0;
    char *text = arena_take(arena, size + 1);
    if (text == NULL)
        return NULL;
    char *out = text;
    for (size_t i = 0; i < size; i++) {
        char c = data[i];
        if (c == '%') {
            int high = i + 2 < size ? hex_value(data[i + 1]) : -1;
            int low = i + 2 < size ? hex_value(data[i + 2]) : -1;
            if (high < 0 || low < 0) {
                *ret_size = 1;
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *out++ = c;
    }
    *out = '\0';
    *ret_size = (size_t)(out - text);
    return text;
}
