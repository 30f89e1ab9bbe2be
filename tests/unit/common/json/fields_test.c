#include <pthread.h>
#include <stdio.h>

#include "common/core/check.h"
#include "common/json/fields.h"
#include "kinds.pb-c.h"
#include "tests/harness/test.h"

/* protoc's own json_name of each field of Names, as its descriptor set has them. */
static const struct {
    const char *name, *json;
} names[] = {
    {"fieldname1", "fieldname1"},      {"field_name2", "fieldName2"},     {"_field_name3", "FieldName3"},
    {"field__name4_", "fieldName4"},   {"field0name5", "field0name5"},    {"field_0_name6", "field0Name6"},
    {"fieldName7", "fieldName7"},      {"FieldName8", "FieldName8"},      {"field_Name9", "fieldName9"},
    {"Field_Name10", "FieldName10"},   {"FIELD_NAME11", "FIELDNAME11"},   {"FIELD_name12", "FIELDName12"},
    {"__field_name13", "FieldName13"}, {"__Field_name14", "FieldName14"}, {"field__name15", "fieldName15"},
    {"field__Name16", "fieldName16"},  {"field_name17__", "fieldName17"}, {"Field_name18__", "FieldName18"},
};

static void assert_finds_all(const ProtobufCMessageDescriptor *descriptor)
{
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        assert_ptr_equal(qn_fields_find(descriptor, qn_str_c(names[i].name)), &descriptor->fields[i]);
        assert_ptr_equal(qn_fields_find(descriptor, qn_str_c(names[i].json)), &descriptor->fields[i]);
    }
    static const struct qn_str strangers[] = {
        QN_STR(""),           QN_STR("fieldname"),   QN_STR("fieldname11"), QN_STR("fieldName2_"),
        QN_STR("FieldName2"), QN_STR("field_name3"), QN_STR("_"),           QN_STR("fieldname1\0"),
    };
    for (size_t i = 0; i < QN_COUNT(strangers); i++)
        assert_null(qn_fields_find(descriptor, strangers[i]));
}

static void json_names_are_protocs(void **state)
{
    (void)state;
    assert_int_equal(quintet__test__v1__names__descriptor.n_fields, QN_COUNT(names));
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        assert_string_equal(quintet__test__v1__names__descriptor.fields[i].name, names[i].name);
        char json[32];
        assert_str(qn_str_n(json, qn_fields_camel(names[i].name, json)), names[i].json);
    }
    char json[8];
    assert_int_equal(qn_fields_camel("___", json), 0);
}

static void keys_stand_ready_in_the_order_of_the_fields(void **state)
{
    (void)state;
    const struct qn_str *keys = qn_fields_keys(&quintet__test__v1__names__descriptor);
    assert_non_null(keys);
    for (size_t i = 0; i < QN_COUNT(names); i++) {
        char wanted[40];
        snprintf(wanted, sizeof wanted, "\"%s\":", names[i].json);
        assert_str(keys[i], wanted);
    }
    assert_ptr_equal(qn_fields_keys(&quintet__test__v1__names__descriptor), keys);
}

static void both_names_of_a_field_find_it(void **state)
{
    (void)state;
    assert_finds_all(&quintet__test__v1__names__descriptor);
    assert_finds_all(&quintet__test__v1__names__descriptor); /* from the remembered table */
    assert_null(qn_fields_find(&google__protobuf__timestamp__descriptor, QN_STR("fieldname1")));
    assert_string_equal(qn_fields_find(&google__protobuf__timestamp__descriptor, QN_STR("nanos"))->name,
                        "nanos");
}

/* Copies stand in for a program with too many messages; static, because tables are kept by address. */
static ProtobufCMessageDescriptor crowd[2 * QN_FIELDS_TABLES_MAX + 50];

static void *ask_everywhere(void *arg)
{
    size_t first = *(const size_t *)arg;
    for (size_t i = 0; i < QN_COUNT(crowd); i++)
        assert_finds_all(&crowd[(first + i) % QN_COUNT(crowd)]);
    return NULL;
}

/* All threads meet the same new descriptors, some of them at once, and the last descriptors find the memory
 * full. */
static void more_messages_than_are_remembered_are_found_by_all_threads(void **state)
{
    (void)state;
    for (size_t i = 0; i < QN_COUNT(crowd); i++)
        crowd[i] = quintet__test__v1__names__descriptor;
    pthread_t threads[4];
    size_t firsts[] = {0, 0, QN_COUNT(crowd) / 2, QN_COUNT(crowd) - 600};
    for (size_t i = 0; i < QN_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_everywhere, &firsts[i]), 0);
    for (size_t i = 0; i < QN_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_finds_all(&quintet__test__v1__names__descriptor);
}

static void sizes_are_those_of_the_structs(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *kinds = &quintet__test__v1__kinds__descriptor;
    Quintet__Test__V1__Kinds message;
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_INT32), sizeof message.an_int32);
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_FIXED64), sizeof message.a_fixed64);
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_FLOAT), sizeof message.a_float);
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_DOUBLE), sizeof message.a_double);
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_BOOL), sizeof message.a_bool);
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_ENUM), sizeof message.a_colour);
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_STRING), sizeof message.a_string);
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_BYTES), sizeof message.some_bytes);
    assert_int_equal(qn_fields_size(PROTOBUF_C_TYPE_MESSAGE), sizeof message.a_leaf);
    assert_true(qn_fields_is_timestamp(&google__protobuf__timestamp__descriptor));
    assert_false(qn_fields_is_timestamp(kinds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_names_are_protocs),
        cmocka_unit_test(keys_stand_ready_in_the_order_of_the_fields),
        cmocka_unit_test(both_names_of_a_field_find_it),
        cmocka_unit_test(more_messages_than_are_remembered_are_found_by_all_threads),
        cmocka_unit_test(sizes_are_those_of_the_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
