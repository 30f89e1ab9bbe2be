#include "services/profile/profile.h"

#include "common/core/utf8.h"

static const char *const field_names[PROFILE_FIELD_COUNT] = {
    [PROFILE_DISPLAY_NAME] = "display_name",
    [PROFILE_BIRTH_DATE] = "birth_date",
    [PROFILE_GENDER] = "gender",
    [PROFILE_CITY] = "city",
    [PROFILE_BIO] = "bio",
    [PROFILE_PHOTOS] = "photos",
};

size_t profile_missing(unsigned given, const char *ret_names[PROFILE_FIELD_COUNT])
{
    size_t n = 0;
    for (unsigned field = 0; field < PROFILE_FIELD_COUNT; field++)
        if (!(given & PROFILE_BIT(field)))
            ret_names[n++] = field_names[field];
    return n;
}

unsigned profile_given(const struct profile *profile)
{
    const struct profile_fields *f = &profile->fields;
    unsigned given = 0;
    if (f->display_name.len > 0)
        given |= PROFILE_BIT(PROFILE_DISPLAY_NAME);
    if (f->birth_date.year != 0)
        given |= PROFILE_BIT(PROFILE_BIRTH_DATE);
    if (f->gender != PROFILE_GENDER_NONE)
        given |= PROFILE_BIT(PROFILE_GENDER);
    if (f->city.len > 0)
        given |= PROFILE_BIT(PROFILE_CITY);
    if (f->bio.len > 0)
        given |= PROFILE_BIT(PROFILE_BIO);
    if (profile->n_photos > 0)
        given |= PROFILE_BIT(PROFILE_PHOTOS);
    return given;
}

bool profile_complete(const struct profile *profile)
{
    return profile_given(profile) == PROFILE_ALL_FIELDS;
}

int profile_age(struct qn_date birth_date, struct qn_date today)
{
    if (birth_date.year == 0)
        return 0;
    int years = qn_date_years(birth_date, today);
    return years > 0 ? years : 0;
}

void profile_complain(struct profile_complaints *complaints, const char *field, const char *description)
{
    if (complaints->n < PROFILE_COMPLAINTS_MAX)
        complaints->list[complaints->n++] = (struct qn_violation){field, description};
}

/* Unicode 15, property White_Space. */
static bool is_white(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
           c == 0x3000;
}

/* General category Cc. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

static bool is_line_control(uint32_t c)
{
    return c == '\n' || c == '\r' || c == '\t';
}

struct text_rule {
    enum profile_field field;
    size_t max;
    const char *too_long;
    bool lines; /* line breaks and tabs are fine */
};

/* An empty text is not given, and nothing is wrong with it. */
static struct qn_str check_text(struct qn_str text, const struct text_rule *rule,
                                struct profile_complaints *complaints)
{
    const char *name = field_names[rule->field];
    bool blank = true, control = false;
    size_t count = 0;
    struct qn_str rest = text;
    while (rest.len > 0) {
        uint32_t c;
        size_t len = qn_utf8_get(rest, &c);
        if (len == 0) {
            profile_complain(complaints, name, "must be well-formed UTF-8");
            return text;
        }
        blank = blank && is_white(c);
        control = control || (is_control(c) && !(rule->lines && is_line_control(c)));
        count++;
        rest = qn_str_n(rest.ptr + len, rest.len - len);
    }
    if (count > rule->max)
        profile_complain(complaints, name, rule->too_long);
    if (control)
        profile_complain(complaints, name, "must hold no control characters");
    else if (count > 0 && blank)
        profile_complain(complaints, name, "must be more than white space");
    return text;
}

static struct qn_date check_birth_date(struct qn_str text, struct qn_date today,
                                       struct profile_complaints *complaints)
{
    const char *name = field_names[PROFILE_BIRTH_DATE];
    struct qn_date date = {0};
    if (text.len == 0)
        return date;
    if (!qn_date_parse(text, &date)) {
        profile_complain(complaints, name, "must be a date, YYYY-MM-DD");
        return date;
    }
    int years = qn_date_years(date, today);
    if (years < PROFILE_AGE_MIN)
        profile_complain(complaints, name, "must be at least 18 years old");
    else if (years > PROFILE_AGE_MAX)
        profile_complain(complaints, name, "must be at most 120 years old");
    return date;
}

static enum profile_gender check_gender(int gender, struct profile_complaints *complaints)
{
    if (gender < 0 || gender >= PROFILE_GENDER_COUNT) {
        profile_complain(complaints, field_names[PROFILE_GENDER],
                         "must be GENDER_FEMALE, GENDER_MALE or GENDER_NON_BINARY");
        return PROFILE_GENDER_NONE;
    }
    return (enum profile_gender)gender;
}

static const struct text_rule display_name_rule = {PROFILE_DISPLAY_NAME, PROFILE_DISPLAY_NAME_MAX,
                                                   "must have at most 50 characters", false};
static const struct text_rule city_rule = {PROFILE_CITY, PROFILE_CITY_MAX, "must have at most 100 characters",
                                           false};
static const struct text_rule bio_rule = {PROFILE_BIO, PROFILE_BIO_MAX, "must have at most 2,000 characters",
                                          true};

void profile_validate(const struct profile_input *input, unsigned which, struct qn_date today,
                      struct profile_fields *ret_fields, struct profile_complaints *complaints)
{
    struct profile_fields fields = {0};
    if (which & PROFILE_BIT(PROFILE_DISPLAY_NAME))
        fields.display_name = check_text(input->display_name, &display_name_rule, complaints);
    if (which & PROFILE_BIT(PROFILE_BIRTH_DATE))
        fields.birth_date = check_birth_date(input->birth_date, today, complaints);
    if (which & PROFILE_BIT(PROFILE_GENDER))
        fields.gender = check_gender(input->gender, complaints);
    if (which & PROFILE_BIT(PROFILE_CITY))
        fields.city = check_text(input->city, &city_rule, complaints);
    if (which & PROFILE_BIT(PROFILE_BIO))
        fields.bio = check_text(input->bio, &bio_rule, complaints);
    *ret_fields = fields;
}

static unsigned field_of(const char *name)
{
    for (unsigned field = 0; field < PROFILE_FIELD_COUNT; field++)
        if ((PROFILE_BIT(field) & PROFILE_OWN_FIELDS) && strcmp(name, field_names[field]) == 0)
            return PROFILE_BIT(field);
    return 0;
}

unsigned profile_mask(const char *const *names, size_t n_names, struct qn_arena *arena,
                      struct profile_complaints *complaints)
{
    unsigned mask = 0;
    for (size_t i = 0; i < n_names; i++) {
        unsigned field = field_of(names[i]);
        if (field == 0) {
            const char *text = qn_arena_printf(
                arena, "entry %zu must be display_name, birth_date, gender, city or bio", i + 1);
            profile_complain(complaints, "update_mask",
                             text ? text : "must name display_name, birth_date, gender, city or bio");
        }
        mask |= field;
    }
    if (n_names == 0)
        profile_complain(complaints, "update_mask", "must name at least one field");
    return mask;
}

void profile_filter_validate(const struct profile_filter *filter, struct profile_complaints *complaints)
{
    check_gender(filter->gender, complaints);
    bool min_fits =
        filter->min_age == 0 || (filter->min_age >= PROFILE_AGE_MIN && filter->min_age <= PROFILE_AGE_MAX);
    bool max_fits =
        filter->max_age == 0 || (filter->max_age >= PROFILE_AGE_MIN && filter->max_age <= PROFILE_AGE_MAX);
    if (!min_fits)
        profile_complain(complaints, "min_age", "must be 18 to 120");
    if (!max_fits)
        profile_complain(complaints, "max_age", "must be 18 to 120");
    if (min_fits && max_fits && filter->max_age != 0 && filter->max_age < filter->min_age)
        profile_complain(complaints, "max_age", "must not be below min_age");
    check_text(filter->city, &city_rule, complaints);
}

/* The last birth date of those who are 'years' old today. Who was born on 29 February comes of age on 1
 * March, so on 28 February the last such day of another year is the 28th; on 29 February, where that other
 * year has none, too. */
static struct qn_date last_birth(struct qn_date today, int years)
{
    struct qn_date date = {today.year - years, today.month, today.day};
    bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    if (date.month == 2 && date.day == 29 && !leap)
        date.day = 28;
    return date;
}

struct profile_births profile_births_of(const struct profile_filter *filter, struct qn_date today)
{
    int min_age = filter->min_age > PROFILE_AGE_MIN ? filter->min_age : PROFILE_AGE_MIN;
    struct profile_births births = {.born_until = last_birth(today, min_age)};
    if (filter->max_age != 0)
        births.born_after = last_birth(today, filter->max_age + 1);
    return births;
}
