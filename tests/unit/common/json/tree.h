#ifndef QN_TESTS_JSON_TREE_H
#define QN_TESTS_JSON_TREE_H

#include "common/json/reader.h"
#include "common/json/writer.h"

/* Trees of common/json/reader.h, for its tests and fuzz targets. */

/* As JSON.stringify(JSON.parse(text)) would, but for the order that JavaScript gives to keys that are array
 * indices. */
static inline void json_tree_write(struct qn_json_writer *w, const struct qn_json *value)
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
            json_tree_write(w, &value->items[i]);
        qn_json_array_end(w);
        break;
    case QN_JSON_OBJECT:
        qn_json_object_begin(w);
        for (size_t i = 0; i < value->n_items; i++) {
            qn_json_key_str(w, value->keys[i]);
            json_tree_write(w, &value->items[i]);
        }
        qn_json_object_end(w);
        break;
    }
}

#endif
