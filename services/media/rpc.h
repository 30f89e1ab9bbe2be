#ifndef MEDIA_RPC_H
#define MEDIA_RPC_H

#include "media.qn.h"
#include "services/media/service.h"

/* quintet.media.v1.MediaService, for the rpc server. */
extern const struct qn_handlers media_rpc_handlers;

/* Whom the handlers work for. Before the server opens. */
void media_rpc_bind(struct media_service *to);

#endif
