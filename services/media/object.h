#ifndef MEDIA_OBJECT_H
#define MEDIA_OBJECT_H

#include "common/core/arena.h"
#include "common/core/buf.h"
#include "common/core/status.h"
#include "common/loop/loop.h"

/* The seam between photos and where their bytes lie: the embedded folder (folder/object_folder.h), R2 or any
 * S3 (s3/). Nothing on this side knows which: keys, no folders; a PUT by a browser that only its presigned
 * URL allows; HEAD, GET, PUT and DELETE of our own; a listing in order of keys.
 *
 * Keys: media_object_key_is_safe(). All on the loop's thread. Starting calls back later, exactly once. */

enum {
    MEDIA_OBJECT_KEY_MAX = 512,
    MEDIA_OBJECT_TYPE_MAX = 127,
    MEDIA_OBJECT_CACHE_MAX = 127, /* of a Cache-Control */
    MEDIA_OBJECT_ETAG_MAX = 127
};

/* Whether a key is one we would make: one to eight pieces between single slashes, each of 1 to 200 letters,
 * digits, hyphens, underscores and dots, none beginning with a dot; MEDIA_OBJECT_KEY_MAX bytes in all. S3
 * takes more; a file system takes these as they are, and none can name anything outside of its folder. */
bool media_object_key_is_safe(struct qn_str key);

struct media_object_store {
    const struct media_object_ops *ops;
};

struct media_object_info {
    uint64_t size_bytes;
    int64_t touched_ms; /* since 1970: when its bytes came */
    char content_type[MEDIA_OBJECT_TYPE_MAX + 1];
    char cache_control[MEDIA_OBJECT_CACHE_MAX + 1]; /* what was said when it was put; may be empty */
    char etag[MEDIA_OBJECT_ETAG_MAX + 1];           /* without quotes; changes when the bytes do */
};

/* One key of a listing. */
struct media_object_entry {
    char key[MEDIA_OBJECT_KEY_MAX + 1];
    int64_t touched_ms;
    uint64_t size_bytes; /* 0 where the store does not say it in a listing */
};

enum { MEDIA_OBJECT_READ_MAX = 4096, MEDIA_OBJECT_LIST_MAX = 64 };

/* The most that one object has, and that media_object_read_all() takes. */
enum { MEDIA_OBJECT_BYTES_MAX = 10485760 };

/* What is put under a key. The views must stay until 'done'. */
struct media_object_body {
    struct qn_str bytes;         /* 1 to MEDIA_OBJECT_BYTES_MAX */
    struct qn_str content_type;  /* at most MEDIA_OBJECT_TYPE_MAX bytes, no control characters */
    struct qn_str cache_control; /* what whoever reads it is told; MEDIA_OBJECT_CACHE_MAX; may be empty */
};

/* One operation: embed it, zero it first, set 'arena' and 'deadline_ms'. It belongs to the store from start
 * until 'done' has been entered; in 'done' it may be started again. */
struct media_object_request {
    struct qn_arena *arena; /* what the operation needs and answers lives here; must outlive 'done' */
    uint64_t deadline_ms;   /* of qn_clock_now_ms() */

    /* The answer, valid in 'done' when the status is QN_OK. */
    struct media_object_info info; /* of head and read */
    struct qn_str bytes; /* of read: what there was, at most as long as asked; of read_all: all of it */
    struct media_object_entry *entries; /* of list, in order of keys */
    size_t n_entries;

    /* Private from here. */
    enum {
        MEDIA_OBJECT_HEAD,
        MEDIA_OBJECT_READ,
        MEDIA_OBJECT_READ_ALL,
        MEDIA_OBJECT_WRITE,
        MEDIA_OBJECT_DELETE,
        MEDIA_OBJECT_LIST
    } verb;
    char key[MEDIA_OBJECT_KEY_MAX + 1];       /* of list: the prefix */
    char after_key[MEDIA_OBJECT_KEY_MAX + 1]; /* of list */
    uint64_t offset;
    size_t length;                 /* of read_all: the most that is taken */
    struct qn_buf *into;           /* of read_all */
    struct media_object_body body; /* of write */
    enum qn_status early;          /* known before any work was done */
    struct qn_later later;
    void (*done)(struct media_object_request *request, enum qn_status status);
};

/* An upload to be allowed. */
struct media_object_put {
    struct qn_str key;
    struct qn_str content_type;
    uint64_t size_bytes;
    struct qn_str sha256; /* 32 bytes that the object must hash to, or empty */
    uint32_t expires_s;
};

/* What the browser must send along, as it is, with its PUT: signed. Content-Length is too, and left out: a
 * browser sets that itself. */
struct media_object_put_headers {
    struct media_object_put_header {
        const char *name;
        char value[MEDIA_OBJECT_TYPE_MAX + 1];
    } headers[4];
    size_t n_headers;
};

/* From where pictures are read: what Next.js's images.remotePatterns wants to know. */
struct media_object_source {
    char scheme[6]; /* "https" or "http" */
    char hostname[256];
    char port[6]; /* empty: the scheme's own */
    char pathname[MEDIA_OBJECT_KEY_MAX +
                  1]; /* a pattern: "/photos/" and two asterisks, or behind a bucket's name */
};

struct media_object_ops {
    enum qn_status (*presign_put)(struct media_object_store *store, const struct media_object_put *put,
                                  int64_t now_ms, struct qn_buf *to,
                                  struct media_object_put_headers *ret_headers);
    enum qn_status (*read_url)(struct media_object_store *store, struct qn_str key, int64_t now_ms,
                               struct qn_buf *to);
    enum qn_status (*source)(struct media_object_store *store, struct media_object_source *ret_source);
    void (*start)(struct media_object_store *store, struct media_object_request *request);
    struct qn_loop *(*loop)(struct media_object_store *store);
};

/* For stores: ends a request with a status that was known before any work, later in this turn. */
void media_object_refuse(struct media_object_store *store, struct media_object_request *request,
                         enum qn_status status);

/* Appends a URL at which one PUT of exactly this type, size and (if given) hash, with these headers, makes
 * the object, once where the store can see to it, until it expires. QN_RESOURCE_EXHAUSTED: over the ceiling
 * of 'to'. QN_INVALID_ARGUMENT: an unsafe key. QN_UNAVAILABLE: the store is not open to browsers yet. */
QN_MUST_USE enum qn_status media_object_presign_put(struct media_object_store *store,
                                                    const struct media_object_put *put, int64_t now_ms,
                                                    struct qn_buf *to,
                                                    struct media_object_put_headers *ret_headers);

/* Appends where an object whose key begins with MEDIA_OBJECT_PUBLIC_PREFIX is read: with a public domain the
 * same URL for ever; without one a signed URL, the same for everyone who asks within the same
 * MEDIA_OBJECT_READ_WINDOW_MS, and good for at least as long again. Statuses as above. */
QN_MUST_USE enum qn_status media_object_read_url(struct media_object_store *store, struct qn_str key,
                                                 int64_t now_ms, struct qn_buf *to);
#define MEDIA_OBJECT_PUBLIC_PREFIX "photos/"
enum { MEDIA_OBJECT_READ_WINDOW_MS = 6 * 3600 * 1000 };

/* From where media_object_read_url()'s URLs are read. QN_UNAVAILABLE: the store is not open to browsers yet.
 */
QN_MUST_USE enum qn_status media_object_source(struct media_object_store *store,
                                               struct media_object_source *ret_source);

/* Statuses of all that follow, beside their own: QN_INVALID_ARGUMENT for an unsafe key; QN_DEADLINE_EXCEEDED
 * and QN_UNAVAILABLE (nothing was done, or for write and delete: it may have been, and may be done again);
 * QN_RESOURCE_EXHAUSTED (queue, arena or disk is full); QN_DATA_LOSS (what lies there is no object of ours);
 * QN_INTERNAL. */
typedef void media_object_cb(struct media_object_request *request, enum qn_status status);

/* QN_NOT_FOUND. */
void media_object_head(struct media_object_store *store, struct media_object_request *request,
                       struct qn_str key, media_object_cb *done);

/* At most MEDIA_OBJECT_READ_MAX bytes from 'offset'; fewer at the end of the object, none after it.
 * QN_NOT_FOUND. */
void media_object_read_range(struct media_object_store *store, struct media_object_request *request,
                             struct qn_str key, uint64_t offset, size_t length, media_object_cb *done);

/* All of an object, into 'into' (empty; its ceiling must allow for it; it must stay until 'done').
 * QN_NOT_FOUND; QN_OUT_OF_RANGE: it has more than 'max_bytes'. */
void media_object_read_all(struct media_object_store *store, struct media_object_request *request,
                           struct qn_str key, size_t max_bytes, struct qn_buf *into, media_object_cb *done);

/* Makes an object of these bytes, whatever was there before: whole or not at all, and there when QN_OK is
 * said. May be done again after any other status. */
void media_object_write(struct media_object_store *store, struct media_object_request *request,
                        struct qn_str key, const struct media_object_body *body, media_object_cb *done);

/* QN_OK also when there is nothing of this key. */
void media_object_delete(struct media_object_store *store, struct media_object_request *request,
                         struct qn_str key, media_object_cb *done);

/* The first MEDIA_OBJECT_LIST_MAX keys that begin with 'prefix' (it ends in '/') and come after 'after', byte
 * by byte. */
void media_object_list(struct media_object_store *store, struct media_object_request *request,
                       struct qn_str prefix, struct qn_str after, media_object_cb *done);

#endif
