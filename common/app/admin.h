#ifndef QN_APP_ADMIN_H
#define QN_APP_ADMIN_H

#include "common/app/app.h"
#include "common/http/httpd.h"

/* The operator's port of every service, apart from what it serves to others:
 *   GET /healthz  200 "ok": the loop turns
 *   GET /readyz   200 or 503, a line a part: "pg: ready, 5 of 5 connections" …; "?format=json" or Accept:
 * application/json for JSON GET /metrics  Prometheus text plus pages that parts add. Answers while the
 * service drains. */

/* Adds a page before qn_app_run() opens the port: GET 'path' is answered by 'handle'. Static strings. */
void qn_admin_page(const char *path, void (*handle)(void *context, struct qn_exchange *exchange),
                   void *context);

/* Whether every part is ready and nothing drains; the text of /readyz goes to 'detail' (may be NULL). For
 * services that show their readiness on another port too. */
bool qn_admin_ready(struct qn_buf *detail);

#endif
