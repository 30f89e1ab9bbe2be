#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/gen/gen.h"

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("quintet-proto-gen: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* Each '.' becomes 'dot'; a capital letter begins a word unless it stands inside a run of capitals. This is
 * protobuf-c's own rule (protoc-gen-c, CamelToLower) save for runs of capitals, which our names do not have.
 */
static char *lower(const char *name, const char *dot)
{
    char *to = must(malloc(strlen(name) * (strlen(dot) + 2) + 1));
    char *end = to;
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '.') {
            end = stpcpy(end, dot);
            continue;
        }
        bool begins_word = isupper((unsigned char)*c) && c != name && c[-1] != '.' && c[-1] != '_' &&
                           (!isupper((unsigned char)c[-1]) || islower((unsigned char)c[1]));
        if (begins_word)
            *end++ = '_';
        *end++ = (char)tolower((unsigned char)*c);
    }
    *end = '\0';
    return to;
}

char *gen_snake(const char *name)
{
    return lower(name, "_");
}

char *gen_protobuf_c_name(const char *full_name)
{
    return lower(full_name, "__");
}

char *gen_upper(const char *name)
{
    char *to = must(strdup(name));
    for (char *c = to; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return to;
}

char *gen_stem(const char *file_name)
{
    const char *slash = strrchr(file_name, '/');
    char *to = must(strdup(slash ? slash + 1 : file_name));
    char *dot = strrchr(to, '.');
    if (dot != NULL)
        *dot = '\0';
    return to;
}

char *gen_text(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *to = NULL;
    int len = vasprintf(&to, format, args);
    va_end(args);
    return must(len < 0 ? NULL : to);
}

bool gen_is_foreign(const gen_file *file)
{
    return strncmp(file->name, "google/", strlen("google/")) == 0;
}
