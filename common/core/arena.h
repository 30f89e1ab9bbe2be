#ifndef QN_CORE_ARENA_H
#define QN_CORE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "common/core/str.h"

/* Memory that lives and dies with one call. Allocation bumps a pointer in chunks that double from 1 KiB to
 * 64 KiB; nothing is freed by itself; qn_arena_fini() frees all at once. One thread.
 *
 * Every arena has a ceiling in bytes: what would pass it returns NULL, and the caller turns that into
 * QN_RESOURCE_EXHAUSTED. Returned memory is aligned for any type. Chunks are kept for
 * the thread's next arenas; under AddressSanitizer every allocation is a malloc of its own, so that overruns
 * are seen. */
struct qn_arena {
    struct qn_arena_chunk *chunks; /* newest first */
    size_t used_bytes;             /* handed out so far, rounding included */
    size_t ceiling_bytes;
};

/* Allocates nothing yet. Requires: ceiling_bytes > 0. */
void qn_arena_init(struct qn_arena *arena, size_t ceiling_bytes);

/* Frees everything; the arena may be used again with the same ceiling. Safe on a zeroed arena. */
void qn_arena_fini(struct qn_arena *arena);

void *qn_arena_alloc(struct qn_arena *arena, size_t bytes);  /* not cleared; NULL over the ceiling */
void *qn_arena_zalloc(struct qn_arena *arena, size_t bytes); /* cleared; NULL over the ceiling */

/* count * size, cleared; NULL over the ceiling or when the product overflows. */
void *qn_arena_array(struct qn_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of bytes that may hold any value; NULL over the ceiling. */
char *qn_arena_copy(struct qn_arena *arena, const void *data, size_t len);
char *qn_arena_strdup(struct qn_arena *arena, const char *text);

/* A view of a NUL-terminated copy; ptr is NULL over the ceiling. */
struct qn_str qn_arena_str(struct qn_arena *arena, struct qn_str text);

char *qn_arena_printf(struct qn_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *qn_arena_vprintf(struct qn_arena *arena, const char *format, va_list args);

#define qn_arena_new(arena, type) ((type *)qn_arena_zalloc((arena), sizeof(type)))

#endif
