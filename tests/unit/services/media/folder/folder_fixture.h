#ifndef QN_TESTS_MEDIA_FOLDER_FIXTURE_H
#define QN_TESTS_MEDIA_FOLDER_FIXTURE_H

#include "services/media/folder/object_folder.h"

/* The embedded store on a loop and a folder of its own, as cmocka's set-up and tear-down; the tear-down
 * proves the loop empty and tmp/ as well. */
extern struct media_object_folder folder_fixture;

int folder_fixture_setup(void **state);
int folder_fixture_teardown(void **state);

size_t folder_fixture_temporaries(void);

#endif
