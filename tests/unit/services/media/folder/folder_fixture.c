#include "tests/unit/services/media/folder/folder_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "common/core/metric.h"
#include "tests/harness/loop_fixture.h"
#include "tests/harness/service.h"
#include "tests/harness/test.h"

static struct media_settings settings;
struct media_object_folder folder_fixture;

int folder_fixture_setup(void **state)
{
    static int number;
    struct qn_error err;
    settings = (struct media_settings){
        .folder = (char *)harness_text("%s/%d", harness_folder(), number++),
        .access_key_id = (char *)"AKTEST",
        .secret = (char *)"secret",
    };
    folder_fixture = (struct media_object_folder)MEDIA_OBJECT_FOLDER(&settings);
    struct qn_loop *loop = loop_fixture_begin();
    *state = loop;
    if (folder_fixture.part.open(&folder_fixture.part, loop, &err) != QN_OK)
        fail_msg("%s", err.message);
    return 0;
}

static bool is_closed;

static void on_closed(struct qn_part *part)
{
    (void)part;
    is_closed = true;
}

size_t folder_fixture_temporaries(void)
{
    size_t n = 0;
    DIR *tmp = opendir(harness_text("%s/tmp", settings.folder));
    assert_non_null(tmp);
    for (struct dirent *entry = readdir(tmp); entry; entry = readdir(tmp))
        n += entry->d_name[0] != '.';
    closedir(tmp);
    return n;
}

int folder_fixture_teardown(void **state)
{
    (void)state;
    is_closed = false;
    folder_fixture.part.close(&folder_fixture.part, on_closed);
    assert_false(is_closed);
    loop_fixture_run_until(&is_closed, 20000);
    loop_fixture_end();
    qn_metric_reset();
    assert_int_equal(folder_fixture_temporaries(), 0);
    assert_int_equal(folder_fixture.buffered_bytes, 0);
    return 0;
}
