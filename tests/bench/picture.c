/* Writes a picture to standard output, for measurements of uploads: bench-picture WIDTH HEIGHT [noise]
 *
 * A JPEG with EXIF, as phones write them; four plain quarters, or noise, which costs a decoder most. */
#include "tests/harness/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 10485760, QUALITY = 80 };

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "use: bench-picture WIDTH HEIGHT [noise]\n");
        return 2;
    }
    const struct picture_plan plan = {.kind = MEDIA_IMAGE_JPEG,
                                      .width = atoi(argv[1]),
                                      .height = atoi(argv[2]),
                                      .orientation = 6,
                                      .noise = argc > 3 && strcmp(argv[3], "noise") == 0,
                                      .quality = QUALITY};
    struct qn_buf file;
    qn_buf_init(&file, BYTES_MAX);
    picture_begin();
    picture_make(&plan, &file);
    bool ok = fwrite(file.data, 1, file.len, stdout) == file.len && fflush(stdout) == 0;
    qn_buf_fini(&file);
    return ok ? 0 : 1;
}
