/* Options: two tables and a reader. */
#include "options.h"

#include "config/address.h"
#include "config/diagnostics.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HELP_HINT "see: tothread help"

struct command {
    enum options_command command;
    const char *word;
    const char *arguments; /* as in the help */
    const char *accepts;   /* letters of the options below */
    int words_min;
    int words_max;
    const char *help;
};

static const struct command commands[] = {
    {OPTIONS_SERVE, "serve", "[-c FILE] [--demo] [--set SECTION.KEY=VALUE]...", "cds", 0, 0, "Runs the service."},
    {OPTIONS_CHECK, "check", "[-c FILE] [--demo] [--set SECTION.KEY=VALUE]...", "cds", 0, 0,
     "Checks the configuration and opens its modules; shows every mistake. Exits with 0 or 78."},
    {OPTIONS_CONFIG, "config", "[-c FILE] [--demo] [--set SECTION.KEY=VALUE]...", "cds", 0, 0,
     "Shows the configuration that is in force, and where each value comes from."},
    {OPTIONS_CALL, "call", "NAME [JSON] [-c FILE] [--demo] [--set SECTION.KEY=VALUE]...", "cds", 1, 2,
     "Runs one call in this process, without a server, and prints its answer."},
    {OPTIONS_STATUS, "status", "[--admin ADDR] [--json]", "aj", 0, 0, "Shows how a running service is doing."},
    {OPTIONS_CALLS, "calls", "[--admin ADDR] [--json]", "aj", 0, 0, "Lists the calls that are in flight."},
    {OPTIONS_DRAIN, "drain", "[--admin ADDR] [--json]", "aj", 0, 0,
     "Finishes what was accepted, then ends the service."},
    {OPTIONS_RELOAD, "reload", "[--admin ADDR] [--json]", "aj", 0, 0,
     "Takes over a changed configuration, if it has no mistake."},
    {OPTIONS_VERSION, "version", "", "", 0, 0, "Prints the version."},
    {OPTIONS_HELP, "help", "[COMMAND]", "", 0, 1, "Prints this help, or a command's."},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

/* Commands that the fixed interface has and this version doesn't. */
static const char *const unavailable[] = {"inspect", "top"};

struct choice {
    char letter; /* in struct command's accepts; with has_short also the short form */
    bool has_short;
    const char *name;
    const char *value; /* its name in the help; NULL: takes none */
    const char *help;
};

static const struct choice choices[] = {
    {'c', true, "config", "FILE", "The configuration file; " OPTIONS_CONFIG_PATH " unless given."},
    {'d', false, "demo", NULL, "Reads the built-in demo's configuration first."},
    {'s', false, "set", "SECTION.KEY=VALUE",
     "Overrides one key: server.drain=10s, pool.NAME.workers=8. May be given several times."},
    {'a', false, "admin", "ADDR", "The admin plane of the running service; " OPTIONS_ADMIN_ADDRESS " unless given."},
    {'j', false, "json", NULL, "Prints JSON."},
    {'h', true, "help", NULL, "Prints the command's help."},
    {'V', true, "version", NULL, "Prints the version."},
};

#define CHOICE_COUNT (sizeof choices / sizeof choices[0])

struct reading {
    int argc;
    char **argv;
    int at; /* the next word */
    bool options_are_over;
    const struct command *command;
    struct options *options;
    bool has_config;
    bool has_admin;
    int word_count;
    const char *words[2];
    char *error;
    size_t error_size;
};

static bool fail(const struct reading *reading, const char *format, ...) TT_PRINTF(2, 3);

/* The message is one line, whatever was typed. */
static bool fail(const struct reading *reading, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reading->error, reading->error_size, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < reading->error_size && reading->error[i] != '\0'; i++)
        if ((unsigned char)reading->error[i] < ' ' || reading->error[i] == 0x7F)
            reading->error[i] = '?';
    return false;
}

static const struct command *command_find(const char *word) {
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].word, word) == 0)
            return &commands[i];
    return NULL;
}

static const struct command *command_of(enum options_command command) {
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].command == command)
            return &commands[i];
    return &commands[COMMAND_COUNT - 1];
}

static bool command_unknown(const struct reading *reading, const char *word) {
    for (size_t i = 0; i < sizeof unavailable / sizeof unavailable[0]; i++)
        if (strcmp(unavailable[i], word) == 0)
            return fail(reading, "the command \"%s\" is not available in this version; " HELP_HINT, word);
    const char *words[COMMAND_COUNT + 1];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        words[i] = commands[i].word;
    words[COMMAND_COUNT] = NULL;
    const char *nearest = diagnostics_nearest(word, words);
    if (nearest)
        return fail(reading, "there is no command \"%.80s\"; did you mean \"%s\"?", word, nearest);
    return fail(reading, "there is no command \"%.80s\"; " HELP_HINT, word);
}

/* Whether the option may be given now: before the command only help and version. */
static bool is_accepted(const struct reading *reading, const struct choice *choice) {
    if (choice->letter == 'h')
        return true;
    if (!reading->command)
        return choice->letter == 'V';
    return strchr(reading->command->accepts, choice->letter) != NULL;
}

static bool option_unknown(const struct reading *reading, const char *name, size_t size) {
    char word[64];
    (void)snprintf(word, sizeof word, "%.*s", (int)(size < sizeof word ? size : sizeof word - 1), name);
    const char *names[CHOICE_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < CHOICE_COUNT; i++)
        if (is_accepted(reading, &choices[i]))
            names[count++] = choices[i].name;
    names[count] = NULL;
    const char *nearest = diagnostics_nearest(word, names);
    if (nearest)
        return fail(reading, "there is no option --%s; did you mean --%s?", word, nearest);
    return fail(reading, "there is no option --%s; " HELP_HINT " %s", word,
                reading->command ? reading->command->word : "");
}

static bool admin_take(struct reading *reading, const char *value) {
    struct address_mistake mistake;
    if (reading->has_admin)
        return fail(reading, "--admin is given twice");
    if (strcmp(value, "none") == 0 || !address_check_admin(value, &mistake))
        return fail(reading, "--admin: \"%.80s\" is no address; it is like " OPTIONS_ADMIN_ADDRESS, value);
    reading->has_admin = true;
    reading->options->admin = value;
    return true;
}

static bool option_take(struct reading *reading, const struct choice *choice, const char *value) {
    struct options *options = reading->options;
    switch (choice->letter) {
    case 'c':
        if (reading->has_config)
            return fail(reading, "-c is given twice; more files go into conf.d beside the first");
        if (value[0] == '\0')
            return fail(reading, "-c needs the name of a file");
        reading->has_config = true;
        options->config_path = value;
        return true;
    case 'd':
        options->is_demo = true;
        return true;
    case 's':
        options->sets[options->set_count++] = value;
        return true;
    case 'a':
        return admin_take(reading, value);
    case 'j':
        options->is_json = true;
        return true;
    case 'h':
        options->topic = reading->command ? reading->command->command : OPTIONS_HELP;
        options->command = OPTIONS_HELP;
        return true;
    default: /* V */
        options->command = OPTIONS_VERSION;
        return true;
    }
}

/* One option with its value, which may be a part of the word or the next one. inside: NULL where there is none. */
static bool option_read(struct reading *reading, const struct choice *choice, const char *inside) {
    const char *command = reading->command ? reading->command->word : "tothread";
    if (!is_accepted(reading, choice)) {
        if (!reading->command)
            return fail(reading, "--%s comes after the command: tothread serve --%s", choice->name, choice->name);
        return fail(reading, "%s takes no --%s; see: tothread help %s", command, choice->name, command);
    }
    if (!choice->value) {
        if (inside)
            return fail(reading, "--%s takes no value", choice->name);
        return option_take(reading, choice, NULL);
    }
    if (!inside) {
        if (reading->at == reading->argc)
            return fail(reading, "--%s needs a value: --%s %s", choice->name, choice->name, choice->value);
        inside = reading->argv[reading->at++];
    }
    return option_take(reading, choice, inside);
}

static bool long_read(struct reading *reading, const char *text) {
    size_t size = strcspn(text, "=");
    for (size_t i = 0; i < CHOICE_COUNT; i++)
        if (strlen(choices[i].name) == size && strncmp(choices[i].name, text, size) == 0)
            return option_read(reading, &choices[i], text[size] == '=' ? text + size + 1 : NULL);
    return option_unknown(reading, text, size);
}

static bool short_read(struct reading *reading, const char *text) {
    for (size_t i = 0; i < CHOICE_COUNT; i++)
        if (choices[i].has_short && choices[i].letter == text[0])
            return option_read(reading, &choices[i], text[1] != '\0' ? text + 1 : NULL);
    return fail(reading, "there is no option -%.40s; " HELP_HINT, text);
}

static bool plain_read(struct reading *reading, const char *word) {
    if (!reading->command) {
        reading->command = command_find(word);
        if (!reading->command)
            return command_unknown(reading, word);
        if (reading->options->command != OPTIONS_HELP && reading->options->command != OPTIONS_VERSION)
            reading->options->command = reading->command->command;
        else if (reading->options->command == OPTIONS_HELP)
            reading->options->topic = reading->command->command;
        return true;
    }
    if (reading->word_count == reading->command->words_max)
        return fail(reading, "%s: \"%.80s\" is too much; usage: tothread %s %s", reading->command->word, word,
                    reading->command->word, reading->command->arguments);
    reading->words[reading->word_count++] = word;
    return true;
}

static bool word_read(struct reading *reading) {
    const char *word = reading->argv[reading->at++];
    if (reading->options_are_over || word[0] != '-' || word[1] == '\0')
        return plain_read(reading, word);
    if (strcmp(word, "--") == 0) {
        reading->options_are_over = true;
        return true;
    }
    return word[1] == '-' ? long_read(reading, word + 2) : short_read(reading, word + 1);
}

/* What the words mean, and whether there are enough of them. */
static bool words_take(struct reading *reading) {
    struct options *options = reading->options;
    if (options->command == OPTIONS_VERSION)
        return true;
    if (options->command == OPTIONS_HELP) {
        if (!reading->command || reading->command->command != OPTIONS_HELP || reading->word_count == 0)
            return true;
        const struct command *topic = command_find(reading->words[0]);
        if (!topic)
            return command_unknown(reading, reading->words[0]);
        options->topic = topic->command;
        return true;
    }
    if (!reading->command)
        return fail(reading, "there is no command; try: tothread serve --demo, or tothread help");
    if (reading->word_count < reading->command->words_min)
        return fail(reading, "%s needs the name of a call; usage: tothread %s %s", reading->command->word,
                    reading->command->word, reading->command->arguments);
    options->call_name = reading->words[0];
    options->call_arguments = reading->words[1];
    options->config_is_optional = options->is_demo && !reading->has_config;
    return true;
}

enum tt_status options_parse(int argc, char **argv, struct options *ret_options, char *error, size_t error_size) {
    struct options options = {.command = OPTIONS_SERVE,
                              .topic = OPTIONS_HELP,
                              .config_path = OPTIONS_CONFIG_PATH,
                              .admin = OPTIONS_ADMIN_ADDRESS};
    struct reading reading = {.argc = argc,
                              .argv = argv,
                              .at = argc > 0 ? 1 : 0,
                              .options = &options,
                              .error = error,
                              .error_size = error_size};
    /* No more --set's than words. */
    options.sets = calloc((size_t)argc + 1, sizeof *options.sets);
    if (!options.sets) {
        (void)fail(&reading, "no memory");
        return TT_NOMEM;
    }
    bool is_right = true;
    while (is_right && reading.at < argc)
        is_right = word_read(&reading);
    if (!is_right || !words_take(&reading)) {
        options_deinit(&options);
        return TT_INVALID;
    }
    *ret_options = options;
    return TT_OK;
}

void options_deinit(struct options *options) {
    free(options->sets);
    *options = (struct options){0};
}

static void choice_print(const struct choice *choice, FILE *out) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s--%s%s%s", choice->has_short ? "-c, " : "    ", choice->name,
                   choice->value ? " " : "", choice->value ? choice->value : "");
    name[1] = choice->has_short ? choice->letter : ' ';
    (void)fprintf(out, "  %-30s %s\n", name, choice->help);
}

static void help_print_program(FILE *out) {
    fputs("tothread puts blocking functions behind HTTP.\n\nUsage: tothread COMMAND\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        (void)fprintf(out, "  %-8s %s\n", commands[i].word, commands[i].help);
    fputs("\ntothread help COMMAND tells its options.\n"
          "Exit status: 0 done, 1 failed, 64 usage, 78 configuration.\n",
          out);
}

void options_print_help(enum options_command topic, FILE *out) {
    if (topic == OPTIONS_HELP) {
        help_print_program(out);
        return;
    }
    const struct command *command = command_of(topic);
    (void)fprintf(out, "Usage: tothread %s%s%s\n\n%s\n", command->word, command->arguments[0] ? " " : "",
                  command->arguments, command->help);
    if (command->accepts[0] != '\0')
        fputc('\n', out);
    for (size_t i = 0; i < CHOICE_COUNT; i++)
        if (strchr(command->accepts, choices[i].letter))
            choice_print(&choices[i], out);
}
