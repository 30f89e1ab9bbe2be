#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/gen/gen.h"

/* quintet-proto-gen --lint SET             checks the rules of proto/README.md
 * quintet-proto-gen --out=FOLDER SET NAME… checks them, then writes FOLDER/NAME.qn.h and .qn.c
 *
 * SET is what protoc writes with --include_imports --descriptor_set_out. The NAMEs must be just the files of
 * the set that have services, so that a new service cannot be forgotten in CMakeLists.txt.
 * Exit code: 0; 1 for a breach or an error, told on stderr; 2 for wrong arguments. */

/* A descriptor set of all our files has 20 KB. */
enum { SET_MAX_BYTES = 16 << 20 };

static Google__Protobuf__FileDescriptorSet *read_set(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return NULL;
    }
    uint8_t *bytes = malloc(SET_MAX_BYTES);
    if (bytes == NULL)
        abort();
    size_t len = fread(bytes, 1, SET_MAX_BYTES, file);
    bool whole = !ferror(file) && len < SET_MAX_BYTES;
    fclose(file);
    Google__Protobuf__FileDescriptorSet *set =
        whole ? google__protobuf__file_descriptor_set__unpack(NULL, len, bytes) : NULL;
    free(bytes);
    if (set == NULL)
        fprintf(stderr, "%s: not a descriptor set\n", path);
    return set;
}

static bool named(const char *stem, char **names, int n_names)
{
    for (int i = 0; i < n_names; i++)
        if (strcmp(names[i], stem) == 0)
            return true;
    return false;
}

static FILE *open_output(const char *folder, const char *stem, const char *suffix)
{
    char *path = gen_text("%s/%s%s", folder, stem, suffix);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    free(path);
    return file;
}

static bool write_file(const gen_file *file, const char *stem, const char *folder)
{
    FILE *header = open_output(folder, stem, ".qn.h");
    FILE *source = open_output(folder, stem, ".qn.c");
    if (header == NULL || source == NULL)
        return false;
    gen_write_header(file, header);
    gen_write_source(file, source);
    bool failed = ferror(header) || ferror(source);
    failed |= fclose(header) != 0;
    failed |= fclose(source) != 0;
    if (failed)
        fprintf(stderr, "%s: cannot write %s.qn.*\n", folder, stem);
    return !failed;
}

static bool write_all(const struct gen_set *set, const char *folder, char **names, int n_names)
{
    int n_written = 0;
    for (size_t i = 0; i < set->files->n_file; i++) {
        const gen_file *file = set->files->file[i];
        char *stem = gen_stem(file->name);
        if (gen_is_foreign(file) || file->n_service == 0)
            continue;
        if (!named(stem, names, n_names)) {
            fprintf(stderr, "%s: has services, but proto/CMakeLists.txt does not name it among those\n",
                    file->name);
            return false;
        }
        if (!write_file(file, stem, folder))
            return false;
        n_written++;
    }
    if (n_written != n_names) {
        fprintf(stderr, "proto/CMakeLists.txt names a file that has no service\n");
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const char out[] = "--out=";
    bool lint_only = argc == 3 && strcmp(argv[1], "--lint") == 0;
    if (!lint_only && (argc < 4 || strncmp(argv[1], out, strlen(out)) != 0)) {
        fputs("usage: quintet-proto-gen --lint SET | --out=FOLDER SET NAME...\n", stderr);
        return 2;
    }
    struct gen_set set = {read_set(argv[2])};
    if (set.files == NULL)
        return 1;
    bool good = gen_lint(&set, stderr) == 0;
    if (good && !lint_only)
        good = write_all(&set, argv[1] + strlen(out), argv + 3, argc - 3);
    google__protobuf__file_descriptor_set__free_unpacked((Google__Protobuf__FileDescriptorSet *)set.files,
                                                         NULL);
    return good ? 0 : 1;
}
