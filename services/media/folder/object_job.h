#ifndef MEDIA_OBJECT_JOB_H
#define MEDIA_OBJECT_JOB_H

#include "services/media/folder/object_folder.h"

/* The operations of the seam (media_object_ops.start) on the folder: each is one job of its lane. On the
 * loop's thread. */
void media_object_job_start(struct media_object_folder *folder, struct media_object_request *request);

#endif
