#include <stdio.h>
#include <tothread/bind/poll.h>
#include <tothread/to_thread.h>

struct text {
    const char *path;
    long line_count;
    int is_over;
};

static void *count_lines(void *argument) { /* on a worker: may block */
    struct text *text = argument;
    FILE *file = fopen(text->path, "r");
    for (int c; file != NULL && (c = getc(file)) != EOF;)
        text->line_count += c == '\n';
    return file != NULL && fclose(file) == 0 ? text : NULL;
}

static void on_counted(void *result, enum tt_outcome outcome, void *context) { /* on the loop, once */
    struct text *text = context;
    printf("%s: %s, %ld lines\n", text->path, result != NULL ? tt_outcome_name(outcome) : "no", text->line_count);
    text->is_over = 1;
}

int main(void) {
    struct tt_error error;
    struct tt_wake *wake = tt_wake_create(&error);
    struct text text = {.path = "/etc/passwd"};
    if (wake == NULL || tt_to_thread(wake, count_lines, &text, on_counted, &text, NULL) != TT_OK)
        return 1;
    while (!text.is_over) /* your event loop, whichever it is */
        (void)tt_bind_poll_turn(wake, NULL, 0, -1);
    tt_wake_destroy(wake);
    return 0;
}
