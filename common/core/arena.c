#include "common/core/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_EACH_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_EACH_ALONE 1
#endif
#endif
#ifndef ARENA_EACH_ALONE
#define ARENA_EACH_ALONE 0
#endif

/* Small enough that a call with a few strings costs little; large enough that one with a page of rows needs
 * few chunks. The chunk's head is counted, so that malloc is asked for round sizes. */
enum { CHUNK_MIN_BYTES = 1024, CHUNK_MAX_BYTES = 64 * 1024 };

struct qn_arena_chunk {
    struct qn_arena_chunk *next;
    size_t used;
    size_t room;
    alignas(max_align_t) char data[];
};

/* Chunks that were given back, for the thread's next arenas: a request's arenas begin, grow and go within
 * milliseconds, and above a kilobyte malloc is slow. One list for each size; a thread keeps at most this much
 * of each, which with seven sizes is 1.8 MiB, and never more than its arenas once held at a time. What a
 * thread keeps goes with the process, as ours do. None under AddressSanitizer. */
enum { KEPT_SIZES = 7, KEPT_BYTES_A_SIZE = 256 * 1024 };
_Static_assert(CHUNK_MIN_BYTES << (KEPT_SIZES - 1) == CHUNK_MAX_BYTES, "a list for each size of chunk");

static _Thread_local struct {
    struct qn_arena_chunk *first;
    size_t bytes;
} kept[KEPT_SIZES];

/* The list for chunks of this room; -1: those that hold a single thing are of any size. */
static int kept_list_of(size_t room)
{
    size_t size = room + sizeof(struct qn_arena_chunk);
    if (ARENA_EACH_ALONE || size < CHUNK_MIN_BYTES || size > CHUNK_MAX_BYTES || (size & (size - 1)) != 0)
        return -1;
    return __builtin_ctzll(size / CHUNK_MIN_BYTES);
}

static void chunk_free(struct qn_arena_chunk *chunk)
{
    int list = kept_list_of(chunk->room);
    size_t size = chunk->room + sizeof *chunk;
    if (list < 0 || kept[list].bytes + size > KEPT_BYTES_A_SIZE) {
        free(chunk);
        return;
    }
    chunk->next = kept[list].first;
    kept[list].first = chunk;
    kept[list].bytes += size;
}

static struct qn_arena_chunk *chunk_new(size_t room)
{
    int list = kept_list_of(room);
    struct qn_arena_chunk *chunk = list < 0 ? NULL : kept[list].first;
    if (chunk) {
        kept[list].first = chunk->next;
        kept[list].bytes -= room + sizeof *chunk;
    } else {
        chunk = malloc(sizeof *chunk + room);
    }
    if (chunk)
        *chunk = (struct qn_arena_chunk){.room = room};
    return chunk;
}

void qn_arena_init(struct qn_arena *arena, size_t ceiling_bytes)
{
    *arena = (struct qn_arena){.ceiling_bytes = ceiling_bytes};
}

void qn_arena_fini(struct qn_arena *arena)
{
    struct qn_arena_chunk *chunk = arena->chunks;
    while (chunk) {
        struct qn_arena_chunk *next = chunk->next;
        chunk_free(chunk);
        chunk = next;
    }
    arena->chunks = NULL;
    arena->used_bytes = 0;
}

/* The room of a chunk that follows 'newest' and holds at least 'bytes'. */
static size_t next_room(const struct qn_arena_chunk *newest, size_t bytes)
{
    size_t size = newest ? 2 * (newest->room + sizeof *newest) : CHUNK_MIN_BYTES;
    while (size < CHUNK_MAX_BYTES && size - sizeof *newest < bytes)
        size *= 2;
    if (size > CHUNK_MAX_BYTES)
        size = CHUNK_MAX_BYTES;
    return size - sizeof *newest;
}

static void *alloc_alone(struct qn_arena *arena, size_t bytes)
{
    struct qn_arena_chunk *chunk = chunk_new(bytes);
    if (!chunk)
        return NULL;
    chunk->used = bytes;
    /* Behind the newest, which may still have room. */
    struct qn_arena_chunk **at = arena->chunks ? &arena->chunks->next : &arena->chunks;
    chunk->next = *at;
    *at = chunk;
    return chunk->data;
}

static void *alloc_shared(struct qn_arena *arena, size_t bytes)
{
    struct qn_arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->room - chunk->used < bytes) {
        size_t room = next_room(chunk, bytes);
        if (bytes > room)
            return alloc_alone(arena, bytes);
        chunk = chunk_new(room);
        if (!chunk)
            return NULL;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *at = chunk->data + chunk->used;
    chunk->used += bytes;
    return at;
}

void *qn_arena_alloc(struct qn_arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    if (bytes > SIZE_MAX - align)
        return NULL;
    /* Nothing asked for still gets an address of its own. */
    size_t rounded = bytes ? (bytes + align - 1) / align * align : align;
    if (arena->used_bytes > arena->ceiling_bytes || rounded > arena->ceiling_bytes - arena->used_bytes)
        return NULL;
    void *at = ARENA_EACH_ALONE ? alloc_alone(arena, bytes) : alloc_shared(arena, rounded);
    if (at)
        arena->used_bytes += rounded;
    return at;
}

void *qn_arena_zalloc(struct qn_arena *arena, size_t bytes)
{
    void *at = qn_arena_alloc(arena, bytes);
    return at ? memset(at, 0, bytes) : NULL;
}

void *qn_arena_array(struct qn_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return qn_arena_zalloc(arena, bytes);
}

char *qn_arena_copy(struct qn_arena *arena, const void *data, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = qn_arena_alloc(arena, len + 1);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

char *qn_arena_strdup(struct qn_arena *arena, const char *text)
{
    return qn_arena_copy(arena, text, strlen(text));
}

struct qn_str qn_arena_str(struct qn_arena *arena, struct qn_str text)
{
    char *copy = qn_arena_copy(arena, text.ptr, text.len);
    return qn_str_n(copy, copy ? text.len : 0);
}

char *qn_arena_vprintf(struct qn_arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        return NULL;
    char *text = qn_arena_alloc(arena, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, args);
    return text;
}

char *qn_arena_printf(struct qn_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = qn_arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}
