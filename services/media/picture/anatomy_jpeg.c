#include "services/media/picture/anatomy_private.h"

/* A progressive picture refines itself scan by scan, and each costs a walk over all of its coefficients: a
 * file of a few hundred kilobytes can ask for thousands over 50 million pixels. Encoders write ten or so; the
 * format, with each of 64 coefficients and 14 bits of three colours sent alone, gives a purpose to few more
 * than this. */
enum { SCANS_MAX = 100 };

/* What is looked at behind a picture; a phone writes three pieces at most, and a dozen of Samsung's blocks.
 */
enum { PIECES_MAX = 32, BLOCKS_MAX = 256 };

/* ITU T.81, B.1.1.2: from within the entropy-coded bytes of a scan to the next marker, which is no stuffed
 * zero, no restart and no fill byte. bytes.len when there is none. */
static size_t next_marker(struct qn_str bytes, size_t at)
{
    while (at < bytes.len) {
        const char *found = memchr(bytes.ptr + at, 0xFF, bytes.len - at);
        if (!found)
            break;
        at = (size_t)(found - bytes.ptr);
        if (bytes.len - at < 2)
            break;
        uint8_t code = (uint8_t)bytes.ptr[at + 1];
        if (code != 0 && code != 0xFF && !(code >= 0xD0 && code <= 0xD7))
            return at;
        at += code == 0xFF ? 1 : 2;
    }
    return bytes.len;
}

/* ITU T.81, table B.1: the frame headers, SOF0 to SOF15; DHT, JPG and DAC lie between them. */
static bool is_frame(uint8_t code)
{
    return code >= 0xC0 && code <= 0xCF && code != 0xC4 && code != 0xC8 && code != 0xCC;
}

/* ITU T.81, B.1.1.4 and B.2: the picture that begins at 'at', from SOI to behind its EOI. False: there is
 * none that is whole. 'ret_pixels' is raised to what its frame declares. */
static bool walk(struct qn_str bytes, size_t at, size_t *ret_end, uint64_t *ret_pixels)
{
    enum { SOI = 0xD8, EOI = 0xD9, SOS = 0xDA, FRAME_LEN = 8 };
    size_t n_scans = 0;
    if (bytes.len - at < 2 || media_anatomy_u16be(bytes.ptr + at) != (0xFF00 | SOI))
        return false;
    at += 2;
    while (bytes.len - at >= 2) {
        if ((uint8_t)bytes.ptr[at] != 0xFF)
            return false;
        uint8_t code = (uint8_t)bytes.ptr[at + 1];
        if (code == 0xFF) { /* a fill byte */
            at++;
            continue;
        }
        at += 2;
        if (code == EOI) {
            *ret_end = at;
            return n_scans > 0;
        }
        if (code == 0 || code == SOI)
            return false;
        if (code == 0x01 || (code >= 0xD0 && code <= 0xD7)) /* alone, without a length */
            continue;
        if (bytes.len - at < 2)
            return false;
        size_t length = media_anatomy_u16be(bytes.ptr + at);
        if (length < 2 || length > bytes.len - at || (is_frame(code) && length < FRAME_LEN))
            return false;
        if (is_frame(code)) { /* length, precision, height, width */
            uint64_t pixels =
                (uint64_t)media_anatomy_u16be(bytes.ptr + at + 3) * media_anatomy_u16be(bytes.ptr + at + 5);
            *ret_pixels = pixels > *ret_pixels ? pixels : *ret_pixels;
        }
        at += length;
        if (code == SOS) {
            if (++n_scans > SCANS_MAX)
                return false;
            at = next_marker(bytes, at);
        }
    }
    return false;
}

/* Samsung's trailer, as ExifTool's tables describe it: blocks that begin with two zeros and their type, then
 * the directory "SEFH", version, count, for each block {0, type, how far in front of "SEFH", length}, then
 * the directory's length and "SEFT". The first block begins where the picture ends. */
static bool is_samsung(struct qn_str tail)
{
    enum { FOOT = 8, DIRECTORY = 12, ENTRY = 12 };
    while (tail.len > 0 && tail.ptr[tail.len - 1] == 0) /* padding */
        tail.len--;
    if (tail.len < FOOT + DIRECTORY || !qn_str_ends(tail, QN_STR("SEFT")))
        return false;
    size_t length = media_anatomy_u32le(tail.ptr + tail.len - FOOT);
    if (length < DIRECTORY || length > tail.len - FOOT)
        return false;
    size_t blocks = tail.len - FOOT - length; /* bytes of them, in front of the directory */
    const char *directory = tail.ptr + blocks;
    size_t count = media_anatomy_u32le(directory + 8);
    if (memcmp(directory, "SEFH", 4) != 0 || count != (length - DIRECTORY) / ENTRY ||
        (length - DIRECTORY) % ENTRY != 0)
        return false;
    if (count == 0 || count > BLOCKS_MAX)
        return false;
    size_t covered = 0;
    for (size_t i = 0; i < count; i++) {
        const char *entry = directory + DIRECTORY + i * ENTRY;
        size_t before = media_anatomy_u32le(entry + 4), size = media_anatomy_u32le(entry + 8);
        if (before > blocks || size > before || size < 4)
            return false;
        if (memcmp(directory - before, entry, 4) != 0) /* zeros and type, in both places */
            return false;
        covered = before > covered ? before : covered;
    }
    return covered == blocks;
}

/* The video of a motion photo: 'ftyp', then boxes as long as there are. */
static size_t skip_video(struct qn_str bytes, size_t at)
{
    struct qn_str type;
    size_t end;
    if (!media_anatomy_box(bytes, at, &type, &end) || !qn_str_eq(type, QN_STR("ftyp")))
        return at;
    while (media_anatomy_box(bytes, at, &type, &end))
        at = end;
    return at;
}

enum media_anatomy media_anatomy_of_jpeg(struct qn_str bytes, uint64_t *ret_pixels)
{
    size_t at;
    uint64_t others = 0;
    if (!walk(bytes, 0, &at, ret_pixels))
        return MEDIA_ANATOMY_BROKEN;
    for (int pieces = 0; pieces < PIECES_MAX; pieces++) {
        struct qn_str tail = qn_str_n(bytes.ptr + at, bytes.len - at);
        if (media_anatomy_is_padding(tail) || is_samsung(tail))
            return MEDIA_ANATOMY_WHOLE;
        size_t end = skip_video(bytes, at);
        if (end == at && !walk(bytes, at, &end, &others)) {
            /* Cameras begin the next picture of several at a round address. */
            const char *zero_free = tail.ptr;
            while (*zero_free == 0)
                zero_free++; /* ends: the tail is no padding */
            if (zero_free == tail.ptr)
                return MEDIA_ANATOMY_TRAILING;
            end = (size_t)(zero_free - bytes.ptr);
        }
        at = end;
    }
    return MEDIA_ANATOMY_TRAILING;
}
