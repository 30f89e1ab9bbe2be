#include <stdio.h>

#include "common/core/check.h"
#include "services/profile/profile.h"
#include "tests/harness/test.h"

static const struct qn_date today = {2026, 11, 23};

static void assert_complaint(const struct profile_complaints *complaints, size_t i, const char *field,
                             const char *description)
{
    assert_true(i < complaints->n);
    assert_string_equal(complaints->list[i].field, field);
    assert_string_equal(complaints->list[i].description, description);
}

static struct profile_fields validate(const struct profile_input *input, unsigned which,
                                      struct profile_complaints *ret_complaints)
{
    struct profile_fields fields;
    *ret_complaints = (struct profile_complaints){0};
    profile_validate(input, which, today, &fields, ret_complaints);
    return fields;
}

/* n times a text of one code point. */
static struct qn_str times(const char *text, size_t n)
{
    static char room[20000];
    size_t len = strlen(text);
    assert_true(n * len < sizeof(room));
    for (size_t i = 0; i < n; i++)
        memcpy(room + i * len, text, len);
    return qn_str_n(room, n * len);
}

/* Every set of fields: what lacks is what is not there, in the order of the message; complete means all six.
 */
static void test_missing_is_the_rest(void **state)
{
    (void)state;
    static const char *const names[] = {"display_name", "birth_date", "gender", "city", "bio", "photos"};
    for (unsigned given = 0; given < 64; given++) {
        const char *missing[PROFILE_FIELD_COUNT];
        size_t n = profile_missing(given, missing), at = 0;
        for (unsigned field = 0; field < 6; field++)
            if (!(given & (1u << field)))
                assert_string_equal(missing[at++], names[field]);
        assert_int_equal(n, at);
        assert_int_equal(n == 0, given == PROFILE_ALL_FIELDS);
    }
}

static void test_a_profile_is_complete_with_its_last_field(void **state)
{
    (void)state;
    struct profile_photo photo = {QN_STR("p"), QN_STR("k")};
    struct profile profile = {0};
    assert_int_equal(profile_given(&profile), 0);
    profile.fields.display_name = QN_STR("Zoë");
    assert_int_equal(profile_given(&profile), PROFILE_BIT(PROFILE_DISPLAY_NAME));
    profile.fields.birth_date = (struct qn_date){1990, 1, 1};
    profile.fields.gender = PROFILE_GENDER_NON_BINARY;
    profile.fields.city = QN_STR("Wien");
    profile.fields.bio = QN_STR("…");
    assert_int_equal(profile_given(&profile), PROFILE_OWN_FIELDS);
    assert_false(profile_complete(&profile));
    profile.photos = &photo;
    profile.n_photos = 1;
    assert_true(profile_complete(&profile));
}

static void test_what_is_valid_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct profile_complaints complaints;
    struct profile_input input = {QN_STR(" Zoë O'Neil "), QN_STR("1990-02-28"), 3, QN_STR("São Paulo"),
                                  QN_STR("Two\nlines,\ta tab\r\nand \xf0\x9f\x98\x80")};
    struct profile_fields fields = validate(&input, PROFILE_OWN_FIELDS, &complaints);
    assert_int_equal(complaints.n, 0);
    assert_str(fields.display_name, " Zoë O'Neil ");
    assert_int_equal(fields.birth_date.year, 1990);
    assert_int_equal(fields.birth_date.month, 2);
    assert_int_equal(fields.birth_date.day, 28);
    assert_int_equal(fields.gender, PROFILE_GENDER_NON_BINARY);
    assert_str(fields.city, "São Paulo");
    assert_str(fields.bio, "Two\nlines,\ta tab\r\nand \xf0\x9f\x98\x80");
}

static void test_nothing_given_is_nothing_wrong(void **state)
{
    (void)state;
    struct profile_complaints complaints;
    struct profile_fields fields = validate(&(struct profile_input){0}, PROFILE_OWN_FIELDS, &complaints);
    assert_int_equal(complaints.n, 0);
    struct profile profile = {.fields = fields};
    assert_int_equal(profile_given(&profile), 0);
}

/* A form is told everything at once, in the order of its fields. */
static void test_all_that_is_wrong_is_told(void **state)
{
    (void)state;
    static char long_bio[2002];
    memset(long_bio, 'b', 2001);
    struct profile_complaints complaints;
    struct profile_input input = {times("n", 51), QN_STR("2026-02-30"), 4, QN_STR("a\x01\x62"),
                                  qn_str_c(long_bio)};
    validate(&input, PROFILE_OWN_FIELDS, &complaints);
    assert_int_equal(complaints.n, 5);
    assert_complaint(&complaints, 0, "display_name", "must have at most 50 characters");
    assert_complaint(&complaints, 1, "birth_date", "must be a date, YYYY-MM-DD");
    assert_complaint(&complaints, 2, "gender", "must be GENDER_FEMALE, GENDER_MALE or GENDER_NON_BINARY");
    assert_complaint(&complaints, 3, "city", "must hold no control characters");
    assert_complaint(&complaints, 4, "bio", "must have at most 2,000 characters");
}

/* Fields outside the set are neither judged nor taken. */
static void test_only_the_fields_asked_for(void **state)
{
    (void)state;
    struct profile_complaints complaints;
    struct profile_input input = {times("n", 51), QN_STR("nonsense"), -7, QN_STR("Graz"), QN_STR("\x01")};
    struct profile_fields fields = validate(&input, PROFILE_BIT(PROFILE_CITY), &complaints);
    assert_int_equal(complaints.n, 0);
    assert_str(fields.city, "Graz");
    assert_int_equal(fields.display_name.len, 0);
    assert_int_equal(fields.birth_date.year, 0);
    assert_int_equal(fields.gender, PROFILE_GENDER_NONE);
}

/* Limits count code points: neither bytes nor UTF-16 units. */
static void test_lengths_are_in_code_points(void **state)
{
    (void)state;
    static const char *const points[] = {"a", "\xc3\xa9", "\xe6\x9d\x8e", "\xf0\x9f\x98\x80"};
    static const struct {
        enum profile_field field;
        size_t max;
    } limits[] = {{PROFILE_DISPLAY_NAME, 50}, {PROFILE_CITY, 100}, {PROFILE_BIO, 2000}};
    for (size_t p = 0; p < QN_COUNT(points); p++) {
        for (size_t l = 0; l < QN_COUNT(limits); l++) {
            for (size_t over = 0; over < 2; over++) {
                struct qn_str text = times(points[p], limits[l].max + over);
                struct profile_input input = {.display_name = text, .city = text, .bio = text};
                struct profile_complaints complaints;
                validate(&input, PROFILE_BIT(limits[l].field), &complaints);
                assert_int_equal(complaints.n, over);
            }
        }
    }
}

static void test_white_space_alone_is_no_text(void **state)
{
    (void)state;
    static const char *const blanks[] = {" ", "   ", "\xc2\xa0", "\xe2\x80\x83 \xe3\x80\x80", "\xe1\x9a\x80"};
    for (size_t i = 0; i < QN_COUNT(blanks); i++) {
        struct profile_input input = {.display_name = qn_str_c(blanks[i]), .bio = qn_str_c(blanks[i])};
        struct profile_complaints complaints;
        validate(&input, PROFILE_OWN_FIELDS, &complaints);
        assert_int_equal(complaints.n, 2);
        assert_complaint(&complaints, 0, "display_name", "must be more than white space");
        assert_complaint(&complaints, 1, "bio", "must be more than white space");
    }
    struct profile_input lines = {.bio = QN_STR("\r\n\t\n")};
    struct profile_complaints complaints;
    validate(&lines, PROFILE_OWN_FIELDS, &complaints);
    assert_int_equal(complaints.n, 1);
    assert_complaint(&complaints, 0, "bio", "must be more than white space");
}

static void test_control_characters(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 0xa0; c++) {
        bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
        bool in_bio = control && c != '\n' && c != '\r' && c != '\t';
        char text[4] = {'a', (char)c, 0, 0};
        if (c >= 0x80) {
            text[1] = (char)(0xc0 | (c >> 6));
            text[2] = (char)(0x80 | (c & 0x3f));
        }
        struct profile_input input = {.city = qn_str_c(text), .bio = qn_str_c(text)};
        struct profile_complaints complaints;
        validate(&input, PROFILE_OWN_FIELDS, &complaints);
        assert_int_equal(complaints.n, (size_t)control + in_bio);
    }
}

/* The border of age, by the day, in both directions, and through 29 February. */
static void test_adults_only(void **state)
{
    (void)state;
    static const struct {
        const char *birth;
        struct qn_date today;
        const char *wrong;
    } cases[] = {
        {"2008-11-23", {2026, 11, 23}, NULL},
        {"2008-11-24", {2026, 11, 23}, "must be at least 18 years old"},
        {"2008-11-24", {2026, 11, 24}, NULL},
        {"2008-02-29", {2026, 2, 28}, "must be at least 18 years old"},
        {"2008-02-29", {2026, 3, 1}, NULL},
        {"2008-12-31", {2027, 1, 1}, NULL},
        {"2009-01-01", {2026, 12, 31}, "must be at least 18 years old"},
        {"2026-11-24", {2026, 11, 23}, "must be at least 18 years old"},
        {"9999-12-31", {2026, 11, 23}, "must be at least 18 years old"},
        {"1905-11-24", {2026, 11, 23}, NULL},
        {"1905-11-23", {2026, 11, 23}, "must be at most 120 years old"},
        {"0001-01-01", {2026, 11, 23}, "must be at most 120 years old"},
        {"1990-1-01", {2026, 11, 23}, "must be a date, YYYY-MM-DD"},
        {"1990-01-01T00:00:00Z", {2026, 11, 23}, "must be a date, YYYY-MM-DD"},
        {"2023-02-29", {2026, 11, 23}, "must be a date, YYYY-MM-DD"},
        {" 1990-01-01", {2026, 11, 23}, "must be a date, YYYY-MM-DD"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct profile_complaints complaints = {0};
        struct profile_fields fields;
        struct profile_input input = {.birth_date = qn_str_c(cases[i].birth)};
        profile_validate(&input, PROFILE_OWN_FIELDS, cases[i].today, &fields, &complaints);
        assert_int_equal(complaints.n, cases[i].wrong != NULL);
        if (cases[i].wrong)
            assert_complaint(&complaints, 0, "birth_date", cases[i].wrong);
    }
}

static void test_age_shown(void **state)
{
    (void)state;
    assert_int_equal(profile_age((struct qn_date){0}, today), 0);
    assert_int_equal(profile_age((struct qn_date){1990, 11, 24}, today), 35);
    assert_int_equal(profile_age((struct qn_date){1990, 11, 23}, today), 36);
    assert_int_equal(profile_age((struct qn_date){2090, 1, 1}, today), 0);
}

static void test_update_mask(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 4096);
    struct profile_complaints complaints = {0};
    const char *all[] = {"bio", "city", "gender", "birth_date", "display_name", "bio"};
    assert_int_equal(profile_mask(all, 6, &arena, &complaints), PROFILE_OWN_FIELDS);
    assert_int_equal(profile_mask(all, 2, &arena, &complaints),
                     PROFILE_BIT(PROFILE_BIO) | PROFILE_BIT(PROFILE_CITY));
    assert_int_equal(complaints.n, 0);

    /* Photos are not the owner's to write here, and names are the .proto's. */
    const char *wrong[] = {"photos", "city", "displayName", ""};
    assert_int_equal(profile_mask(wrong, 4, &arena, &complaints), PROFILE_BIT(PROFILE_CITY));
    assert_int_equal(complaints.n, 3);
    assert_complaint(&complaints, 0, "update_mask",
                     "entry 1 must be display_name, birth_date, gender, city or bio");
    assert_complaint(&complaints, 1, "update_mask",
                     "entry 3 must be display_name, birth_date, gender, city or bio");
    assert_complaint(&complaints, 2, "update_mask",
                     "entry 4 must be display_name, birth_date, gender, city or bio");

    complaints.n = 0;
    assert_int_equal(profile_mask(NULL, 0, &arena, &complaints), 0);
    assert_complaint(&complaints, 0, "update_mask", "must name at least one field");
    qn_arena_fini(&arena);
}

/* A mask of a million wrong names neither overruns the list nor fails for want of memory. */
static void test_complaints_have_a_ceiling(void **state)
{
    (void)state;
    struct qn_arena arena;
    qn_arena_init(&arena, 256);
    const char *names[100];
    for (size_t i = 0; i < QN_COUNT(names); i++)
        names[i] = "x";
    struct profile_complaints complaints = {0};
    profile_mask(names, QN_COUNT(names), &arena, &complaints);
    assert_int_equal(complaints.n, PROFILE_COMPLAINTS_MAX);
    assert_complaint(&complaints, PROFILE_COMPLAINTS_MAX - 1, "update_mask",
                     "must name display_name, birth_date, gender, city or bio");
    qn_arena_fini(&arena);
}

static void test_filters(void **state)
{
    (void)state;
    static const struct {
        struct profile_filter filter;
        const char *field, *wrong;
    } cases[] = {
        {{0}, NULL, NULL},
        {{.gender = 3, .city = {"Wien", 4}, .min_age = 18, .max_age = 120}, NULL, NULL},
        {{.min_age = 30, .max_age = 30}, NULL, NULL},
        {{.gender = 9}, "gender", "must be GENDER_FEMALE, GENDER_MALE or GENDER_NON_BINARY"},
        {{.gender = -1}, "gender", "must be GENDER_FEMALE, GENDER_MALE or GENDER_NON_BINARY"},
        {{.min_age = 17}, "min_age", "must be 18 to 120"},
        {{.min_age = -1}, "min_age", "must be 18 to 120"},
        {{.max_age = 121}, "max_age", "must be 18 to 120"},
        {{.min_age = 31, .max_age = 30}, "max_age", "must not be below min_age"},
        {{.city = {" ", 1}}, "city", "must be more than white space"},
    };
    for (size_t i = 0; i < QN_COUNT(cases); i++) {
        struct profile_complaints complaints = {0};
        profile_filter_validate(&cases[i].filter, &complaints);
        assert_int_equal(complaints.n, cases[i].wrong != NULL);
        if (cases[i].wrong)
            assert_complaint(&complaints, 0, cases[i].field, cases[i].wrong);
    }
}

static int compare(struct qn_date a, struct qn_date b)
{
    if (a.year != b.year)
        return a.year - b.year;
    return a.month != b.month ? a.month - b.month : a.day - b.day;
}

/* Birth dates against ages, the two ways of saying the same: every day of birth of two leap cycles, seen on
 * the days around every 28 February to 1 March and around the turn of the year. */
static void test_births_mean_ages(void **state)
{
    (void)state;
    static const int ages[][2] = {{0, 0}, {18, 18}, {19, 22}, {0, 25}, {24, 0}};
    for (int64_t now = 1740441600 /* 2025-02-25 */; now < 1740441600 + 1200 * 86400LL; now += 86400) {
        struct qn_date day = qn_date_of(now * 1000);
        if (!(day.month == 2 && day.day > 26) && !(day.month == 3 && day.day < 3) && day.day < 31)
            continue;
        for (size_t i = 0; i < QN_COUNT(ages); i++) {
            struct profile_filter filter = {.min_age = ages[i][0], .max_age = ages[i][1]};
            struct profile_births births = profile_births_of(&filter, day);
            for (int64_t born = 915148800 /* 1999-01-01 */; born < 1325376000 /* 2012 */; born += 86400) {
                struct qn_date birth = qn_date_of(born * 1000);
                int years = qn_date_years(birth, day);
                bool meant = years >= 18 && years >= ages[i][0] && (ages[i][1] == 0 || years <= ages[i][1]);
                bool within = compare(birth, births.born_until) <= 0 &&
                              (births.born_after.year == 0 || compare(birth, births.born_after) > 0);
                if (meant != within)
                    fail_msg("born %04d-%02d-%02d, on %04d-%02d-%02d, ages %d to %d", birth.year, birth.month,
                             birth.day, day.year, day.month, day.day, ages[i][0], ages[i][1]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_is_the_rest),
        cmocka_unit_test(test_a_profile_is_complete_with_its_last_field),
        cmocka_unit_test(test_what_is_valid_comes_out_as_it_went_in),
        cmocka_unit_test(test_nothing_given_is_nothing_wrong),
        cmocka_unit_test(test_all_that_is_wrong_is_told),
        cmocka_unit_test(test_only_the_fields_asked_for),
        cmocka_unit_test(test_lengths_are_in_code_points),
        cmocka_unit_test(test_white_space_alone_is_no_text),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_adults_only),
        cmocka_unit_test(test_age_shown),
        cmocka_unit_test(test_update_mask),
        cmocka_unit_test(test_complaints_have_a_ceiling),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_births_mean_ages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
