#include "common/json/writer.h"

#include <inttypes.h>
#include <math.h>

#include "common/json/number.h"
#include "common/json/quote.h"

/* Before every value that no key announced, and before every key. */
static void separate(struct qn_json_writer *w)
{
    if (w->need_comma)
        qn_buf_write_byte(w->to, ',');
}

static void scalar(struct qn_json_writer *w, struct qn_str text)
{
    separate(w);
    qn_buf_write_str(w->to, text);
    w->need_comma = true;
}

static void begin(struct qn_json_writer *w, char bracket)
{
    separate(w);
    qn_buf_write_byte(w->to, bracket);
    w->need_comma = false;
}

static void end(struct qn_json_writer *w, char bracket)
{
    qn_buf_write_byte(w->to, bracket);
    w->need_comma = true;
}

void qn_json_object_begin(struct qn_json_writer *w)
{
    begin(w, '{');
}

void qn_json_object_end(struct qn_json_writer *w)
{
    end(w, '}');
}

void qn_json_array_begin(struct qn_json_writer *w)
{
    begin(w, '[');
}

void qn_json_array_end(struct qn_json_writer *w)
{
    end(w, ']');
}

void qn_json_key_str(struct qn_json_writer *w, struct qn_str key)
{
    separate(w);
    qn_quote_write(w->to, key);
    qn_buf_write_byte(w->to, ':');
    w->need_comma = false;
}

void qn_json_key(struct qn_json_writer *w, const char *key)
{
    qn_json_key_str(w, qn_str_c(key));
}

void qn_json_str(struct qn_json_writer *w, struct qn_str text)
{
    separate(w);
    qn_quote_write(w->to, text);
    w->need_comma = true;
}

void qn_json_c(struct qn_json_writer *w, const char *text)
{
    if (text)
        qn_json_str(w, qn_str_c(text));
    else
        qn_json_null(w);
}

void qn_json_int(struct qn_json_writer *w, int64_t number)
{
    separate(w);
    qn_buf_printf(w->to, "%" PRId64, number);
    w->need_comma = true;
}

void qn_json_double(struct qn_json_writer *w, double number)
{
    char text[QN_NUMBER_TEXT_MAX];
    if (isfinite(number))
        scalar(w, qn_str_n(text, qn_number_from_double(number, text)));
    else
        qn_json_null(w);
}

void qn_json_float(struct qn_json_writer *w, float number)
{
    char text[QN_NUMBER_TEXT_MAX];
    if (isfinite(number))
        scalar(w, qn_str_n(text, qn_number_from_float(number, text)));
    else
        qn_json_null(w);
}

void qn_json_bool(struct qn_json_writer *w, bool value)
{
    scalar(w, value ? QN_STR("true") : QN_STR("false"));
}

void qn_json_null(struct qn_json_writer *w)
{
    scalar(w, QN_STR("null"));
}

void qn_json_value(struct qn_json_writer *w, const struct qn_json *value)
{
    switch (value->kind) {
    case QN_JSON_NULL:
        qn_json_null(w);
        break;
    case QN_JSON_BOOL:
        qn_json_bool(w, value->boolean);
        break;
    case QN_JSON_NUMBER:
        qn_json_double(w, value->number == 0 ? 0 : value->number); /* JavaScript writes -0 as 0 */
        break;
    case QN_JSON_STRING:
        qn_json_str(w, value->text);
        break;
    case QN_JSON_ARRAY:
        qn_json_array_begin(w);
        for (size_t i = 0; i < value->n_items; i++)
            qn_json_value(w, &value->items[i]);
        qn_json_array_end(w);
        break;
    case QN_JSON_OBJECT:
        qn_json_object_begin(w);
        for (size_t i = 0; i < value->n_items; i++) {
            qn_json_key_str(w, value->keys[i]);
            qn_json_value(w, &value->items[i]);
        }
        qn_json_object_end(w);
        break;
    }
}
