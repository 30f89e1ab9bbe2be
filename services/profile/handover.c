#include "services/profile/handover.h"

#include "common/core/check.h"

static struct profile_handover *handover_of(struct qn_part *part)
{
    return container_of(part, struct profile_handover, part);
}

static const char *given(const char *text)
{
    return text && text[0] ? text : NULL;
}

enum qn_status profile_handover_open(struct qn_part *part, struct qn_loop *loop, struct qn_error *err)
{
    struct profile_handover *handover = handover_of(part);
    const struct profile_settings *set = handover->settings;
    handover->loop = loop;
    if (!set->others.address)
        return QN_OK;
    const struct slots_options options = {
        .pool = handover->database->pool,
        .limit = (unsigned)set->database.connection_limit,
        .role = set->database.user,
        .peers =
            {
                .name = "profile",
                .address = set->others.address,
                .tls_certificate_file = given(set->tls.certificate_file),
                .tls_key_file = given(set->tls.key_file),
                .tls_ca_file = given(set->tls.ca_file),
            },
    };
    return slots_open(loop, &options, &handover->slots, err);
}

bool profile_handover_ready(struct qn_part *part, struct qn_buf *detail)
{
    const struct profile_handover *handover = handover_of(part);
    if (handover->slots)
        return slots_ready(handover->slots, detail);
    qn_buf_write_c(detail, "not shared");
    return true;
}

static void on_done(void *context)
{
    struct profile_handover *handover = context;
    handover->done(&handover->part);
}

static void on_nothing_done(struct qn_later *later)
{
    on_done(container_of(later, struct profile_handover, later));
}

void profile_handover_drain(struct qn_part *part, uint64_t limit_ms, void (*done)(struct qn_part *part))
{
    struct profile_handover *handover = handover_of(part);
    (void)limit_ms; /* it takes a third of a second at most */
    handover->done = done;
    if (handover->slots)
        slots_drain(handover->slots, on_done, handover);
    else
        qn_later_start(handover->loop, &handover->later, on_nothing_done);
}

static void on_closed(void *context)
{
    struct profile_handover *handover = context;
    handover->slots = NULL;
    on_done(context);
}

void profile_handover_close(struct qn_part *part, void (*done)(struct qn_part *part))
{
    struct profile_handover *handover = handover_of(part);
    handover->done = done;
    if (handover->slots)
        slots_close(handover->slots, on_closed, handover);
    else
        qn_later_start(handover->loop, &handover->later, on_nothing_done);
}
