#include <stdlib.h>
#include <string.h>

#include "proto/gen/gen.h"

static const char *const access_names[] = {"QN_ACCESS_INTERNAL", "QN_ACCESS_ANYONE", "QN_ACCESS_SESSION"};

/* The options were proven sound by the lint, which runs first. */
static struct gen_options options_of(const gen_method *method)
{
    struct gen_options options;
    if (!gen_options_read(method, &options))
        abort();
    return options;
}

static char *full_name(const gen_file *file, const gen_service *service)
{
    return gen_text("%s.%s", file->package, service->name);
}

static void write_handlers_macro(const gen_service *service, const char *symbol, FILE *to)
{
    char *macro = gen_upper(symbol);

    fprintf(to, "/* Declares the handlers, for a header of the server. */\n");
    fprintf(to, "#define %s_DECLARE(prefix)", macro);
    for (size_t i = 0; i < service->n_method; i++) {
        const gen_method *method = service->method[i];
        fprintf(to, " \\\n    void prefix##%s(struct qn_call %s);", gen_snake(method->name),
                options_of(method).batchable ? "**calls, size_t n_calls" : "*call");
    }

    fprintf(to, "\n\n/* Declares them and defines their table, 'const struct qn_handlers table'. */\n");
    fprintf(to, "#define %s_HANDLERS(table, prefix) \\\n    %s_DECLARE(prefix) \\\n", macro, macro);
    fprintf(to, "    extern const struct qn_handlers table; \\\n");
    fprintf(to, "    static const struct qn_handler table##_each[] = {");
    for (size_t i = 0; i < service->n_method; i++) {
        const gen_method *method = service->method[i];
        fprintf(to, " \\\n        {.%s = prefix##%s},", options_of(method).batchable ? "batch" : "one",
                gen_snake(method->name));
    }
    fprintf(to, " \\\n    }; \\\n    const struct qn_handlers table = {&%s, table##_each};\n\n", symbol);
}

void gen_write_header(const gen_file *file, FILE *header)
{
    char *stem = gen_stem(file->name);
    char *guard = gen_upper(stem);
    fprintf(header, "/* Made by proto/gen from %s; not to be edited. */\n", file->name);
    fprintf(header, "#ifndef QN_PROTO_%s_QN_H\n#define QN_PROTO_%s_QN_H\n\n", guard, guard);
    fprintf(header, "#include \"common/rpc/method.h\"\n#include \"%s.pb-c.h\"\n\n", stem);
    for (size_t i = 0; i < file->n_service; i++) {
        const gen_service *service = file->service[i];
        char *symbol = gen_snake(full_name(file, service));
        fprintf(header, "extern const struct qn_service %s;\n", symbol);
        for (size_t k = 0; k < service->n_method; k++)
            fprintf(header, "extern const struct qn_method %s_%s;\n", symbol,
                    gen_snake(service->method[k]->name));
        fputc('\n', header);
        write_handlers_macro(service, symbol, header);
    }
    fprintf(header, "#endif\n");
}

/* ".quintet.auth.v1.User" → "quintet__auth__v1__user__descriptor". */
static char *descriptor_of(const char *type_name)
{
    return gen_text("%s__descriptor", gen_protobuf_c_name(type_name + 1));
}

static void write_service(const gen_service *service, const char *name, const char *symbol, FILE *source)
{
    struct gen_callers callers;
    if (!gen_callers_read(service, &callers))
        abort();
    if (callers.n_names > 0) {
        fprintf(source, "static const char *const %s_callers[] = {", symbol);
        for (size_t i = 0; i < callers.n_names; i++)
            fprintf(source, "\"%s\", ", callers.names[i]);
        fprintf(source, "};\n\n");
    }
    fprintf(source, "const struct qn_service %s = {\"%s\", %s_methods, %zu, %s%s, %zu};\n", symbol, name,
            symbol, service->n_method, callers.n_names > 0 ? symbol : "NULL",
            callers.n_names > 0 ? "_callers" : "", callers.n_names);
}

void gen_write_source(const gen_file *file, FILE *source)
{
    char *stem = gen_stem(file->name);
    fprintf(source, "/* Made by proto/gen from %s; not to be edited. */\n", file->name);
    fprintf(source, "#include \"%s.qn.h\"\n", stem);
    for (size_t i = 0; i < file->n_service; i++) {
        const gen_service *service = file->service[i];
        char *name = full_name(file, service);
        char *symbol = gen_snake(name);
        for (size_t k = 0; k < service->n_method; k++) {
            const gen_method *method = service->method[k];
            struct gen_options options = options_of(method);
            fprintf(source, "\nconst struct qn_method %s_%s = {\n", symbol, gen_snake(method->name));
            fprintf(source, "    .path = \"%s/%s\",\n    .name = \"%s\",\n", name, method->name,
                    method->name);
            fprintf(source, "    .request = &%s,\n", descriptor_of(method->input_type));
            fprintf(source, "    .response = &%s,\n", descriptor_of(method->output_type));
            fprintf(source, "    .idempotency = %s,\n    .access = %s,\n    .batchable = %s,\n};\n",
                    options.idempotency, access_names[options.access], options.batchable ? "true" : "false");
        }
        fprintf(source, "\nstatic const struct qn_method *const %s_methods[] = {\n", symbol);
        for (size_t k = 0; k < service->n_method; k++)
            fprintf(source, "    &%s_%s,\n", symbol, gen_snake(service->method[k]->name));
        fprintf(source, "};\n\n");
        write_service(service, name, symbol, source);
    }
}
