/* Source: see source.h. */
#include "source.h"

#include "systemd.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const char config_demo_text[];     /* config/demo.conf */
extern const char config_packages_text[]; /* config/packages.conf */

/** The folder that the program is in: its demo's data lies beside it. Returns: malloc'ed, or NULL with *reterr. */
static char *program_folder(struct tt_error *reterr) {
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size <= 0) {
        (void)tt_error_set(reterr, TT_SYSTEM, errno, "can't tell where the program is: %s", strerrordesc_np(errno));
        return NULL;
    }
    path[size] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL && slash != path)
        *slash = '\0';
    char *folder = strdup(path);
    if (folder == NULL)
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory");
    return folder;
}

static bool has_packages(const char *folder) {
    char *path = NULL;
    if (asprintf(&path, "%s/demo/packages.db", folder) < 0)
        return false;
    bool is_there = access(path, R_OK) == 0;
    free(path);
    return is_there;
}

enum tt_status source_init(struct source *ret_source, const struct options *options, struct tt_error *reterr) {
    *ret_source = (struct source){.config = {.path = options->config_path,
                                             .path_is_optional = options->config_is_optional,
                                             .sets = options->sets,
                                             .set_count = options->set_count,
                                             .credentials = systemd_credentials()}};
    if (!options->is_demo)
        return TT_OK;
    ret_source->folder = program_folder(reterr);
    if (ret_source->folder == NULL)
        return TT_SYSTEM;
    if (asprintf(&ret_source->text, "%s%s", config_demo_text,
                 has_packages(ret_source->folder) ? config_packages_text : "") < 0) {
        ret_source->text = NULL;
        source_deinit(ret_source);
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory");
    }
    ret_source->config.text = ret_source->text;
    ret_source->config.text_name = "built-in demo";
    ret_source->config.text_folder = ret_source->folder;
    return TT_OK;
}

void source_deinit(struct source *source) {
    free(source->text);
    free(source->folder);
    *source = (struct source){0};
}
