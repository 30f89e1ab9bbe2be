#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/arena.h"
#include "common/core/clock.h"
#include "common/core/str.h"
#include "common/rpc/call.h"

/* What a profile is: its fields, their limits, who is old enough, when it is complete. Knows neither SQL nor
 * protobuf. Plain functions; any thread. */

/* The times that can be written: 0001-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z, inside what
 * qn_time_format() takes. What comes from a peer is checked against them; what PostgreSQL holds beyond
 * ("infinity") is cut to them. */
#define PROFILE_TIME_MIN_MS INT64_C(-62135596800000)
#define PROFILE_TIME_MAX_MS INT64_C(253402300799999)

/* What makes a profile complete, in the order of the message quintet.profile.v1.Profile. */
enum profile_field {
    PROFILE_DISPLAY_NAME,
    PROFILE_BIRTH_DATE,
    PROFILE_GENDER,
    PROFILE_CITY,
    PROFILE_BIO,
    PROFILE_PHOTOS, /* given by quintet-media, one photo at least; all others by the owner */
    PROFILE_FIELD_COUNT
};

/* Fields as a set. */
#define PROFILE_BIT(field) (1u << (field))
enum {
    PROFILE_ALL_FIELDS = (1u << PROFILE_FIELD_COUNT) - 1,
    PROFILE_OWN_FIELDS = PROFILE_ALL_FIELDS & ~(1u << PROFILE_PHOTOS),
};

/* The one place that says what lacks: writes the names of the fields that are not in 'given' and returns how
 * many; 0: complete. It depends on the fields alone, never on the day. */
size_t profile_missing(unsigned given, const char *ret_names[PROFILE_FIELD_COUNT]);

/* Numbers as in the .proto. */
enum profile_gender {
    PROFILE_GENDER_NONE,
    PROFILE_GENDER_FEMALE,
    PROFILE_GENDER_MALE,
    PROFILE_GENDER_NON_BINARY,
    PROFILE_GENDER_COUNT
};

/* Limits in characters (code points), as the .proto and the table's constraints have them. */
enum {
    PROFILE_DISPLAY_NAME_MAX = 50,
    PROFILE_CITY_MAX = 100,
    PROFILE_BIO_MAX = 2000,
    PROFILE_AGE_MIN = 18,
    PROFILE_AGE_MAX = 120,
};

/* The owner's part of a profile. Empty text, year 0 and PROFILE_GENDER_NONE: not given. */
struct profile_fields {
    struct qn_str display_name;
    struct qn_date birth_date;
    enum profile_gender gender;
    struct qn_str city;
    struct qn_str bio;
};

struct profile_photo {
    struct qn_str id;
    struct qn_str object_key;
};

/* A profile as it is stored, with its owner's ready photos, main photo first. */
struct profile {
    struct qn_str user_id;
    struct profile_fields fields;
    const struct profile_photo *photos;
    size_t n_photos;
    int64_t created_at_ms, updated_at_ms;
};

/* Which fields it has, for profile_missing(). */
unsigned profile_given(const struct profile *profile);
bool profile_complete(const struct profile *profile);
/* Whole years; 0 without a birth date (and for one in the future, which only a hand in the table can write).
 */
int profile_age(struct qn_date birth_date, struct qn_date today);

/* Violations gathered for one answer, so that a form is told everything at once. What passes the ceiling is
 * left out: a request has no more than this many fields that can be wrong, only an update_mask can be longer.
 */
enum { PROFILE_COMPLAINTS_MAX = 16 };

struct profile_complaints {
    struct qn_violation list[PROFILE_COMPLAINTS_MAX];
    size_t n;
};

/* 'field' and 'description' are kept by pointer. */
void profile_complain(struct profile_complaints *complaints, const char *field, const char *description);

/* Fields as they came in: well-formed UTF-8 without NUL. */
struct profile_input {
    struct qn_str display_name;
    struct qn_str birth_date;
    int gender;
    struct qn_str city;
    struct qn_str bio;
};

/* Checks the fields of the set 'which' (the others are not looked at and come out as not given) against the
 * limits and, by birth date, against 18 and 120 years. Text must be more than white space and hold no control
 * characters, but for line breaks and tabs in the bio. Whatever is wrong goes to 'complaints'; then
 * 'ret_fields' is not to be used. */
void profile_validate(const struct profile_input *input, unsigned which, struct qn_date today,
                      struct profile_fields *ret_fields, struct profile_complaints *complaints);

/* The set that an update_mask names. Unknown names, and none at all, are complaints, whose texts are made in
 * 'arena'. */
unsigned profile_mask(const char *const *names, size_t n_names, struct qn_arena *arena,
                      struct profile_complaints *complaints);

/* What a list is asked for. Gender NONE, empty city: any. */
struct profile_filter {
    int gender; /* as it came in; an enum profile_gender once validated */
    struct qn_str city;
    int min_age, max_age; /* 0: no bound */
};

/* Complains of a filter that cannot be meant. */
void profile_filter_validate(const struct profile_filter *filter, struct profile_complaints *complaints);

/* Ages as birth dates: born_after < birth date <= born_until. */
struct profile_births {
    struct qn_date born_after; /* year 0: no bound */
    struct qn_date born_until;
};

/* The birth dates of those who are of the filter's age today. Nobody under 18 is ever meant, asked for or
 * not. */
struct profile_births profile_births_of(const struct profile_filter *filter, struct qn_date today);

#endif
