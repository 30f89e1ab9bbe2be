/* quintet.slots.v1.SlotService: what the other processes tell and ask. */
#include "common/core/check.h"
#include "common/core/clock.h"
#include "services/profile/slots/private.h"
#include "slots.qn.h"

QUINTET_SLOTS_V1_SLOT_SERVICE_HANDLERS(slots_handlers, slots_serve_)

static struct slots *served;

void slots_serve(struct slots *slots)
{
    served = slots;
}

/* False, and answered, when it cannot be served. */
static bool accept(struct qn_call *call, const Quintet__Slots__V1__Share *message,
                   struct slots_report *ret_report)
{
    if (!served || served->closing) {
        qn_call_fail_with(call, .status = QN_FAILED_PRECONDITION,
                          .message = "this process shares no connections");
        return false;
    }
    if (!slots_talk_unpack(message, ret_report)) {
        qn_call_fail_with(call, .status = QN_INVALID_ARGUMENT, .message = "no share that can be meant");
        return false;
    }
    return true;
}

void slots_serve_report(struct qn_call *call)
{
    const Quintet__Slots__V1__ReportRequest *in = call->in;
    struct slots_report report;
    if (!accept(call, in->share, &report))
        return;
    slots_share_heard(&served->share, &report, qn_clock_now_ms());
    Quintet__Slots__V1__Share share = slots_talk_share(served);
    Quintet__Slots__V1__ReportResponse out = QUINTET__SLOTS__V1__REPORT_RESPONSE__INIT;
    out.share = &share;
    qn_call_reply(call, &out);
    slots_wake(served);
}

static void answer_ask(struct slots *slots, struct qn_call *call, bool given)
{
    Quintet__Slots__V1__Share share = slots_talk_share(slots);
    Quintet__Slots__V1__HandOverResponse out = QUINTET__SLOTS__V1__HAND_OVER_RESPONSE__INIT;
    out.share = &share;
    out.given = given;
    qn_call_reply(call, &out);
}

void slots_answer_asker(struct slots *slots, bool given)
{
    struct qn_call *asker = slots->asker;
    slots->asker = NULL;
    qn_timer_cancel(slots->loop, &slots->giving);
    if (given) {
        slots->n_given++;
        qn_metric_add(slots->given, 1);
    } else {
        slots_share_keep(&slots->share);
    }
    answer_ask(slots, asker, given);
    slots_apply(slots);
}

static void on_not_idle_in_time(struct qn_timer *timer)
{
    slots_answer_asker(container_of(timer, struct slots, giving), false);
}

void slots_serve_hand_over(struct qn_call *call)
{
    const Quintet__Slots__V1__HandOverRequest *in = call->in;
    struct slots_report asker;
    if (!accept(call, in->share, &asker))
        return;
    if (!slots_share_give(&served->share, &asker, qn_clock_now_ms())) {
        answer_ask(served, call, false);
        slots_wake(served);
        return;
    }
    QN_CHECK(!served->asker);
    served->asker = call;
    qn_timer_start(served->loop, &served->giving, SLOTS_GIVING_MAX_MS, on_not_idle_in_time);
    slots_apply(served);
    if (slots_share_given(&served->share)) /* one that was allowed, and is not there */
        slots_answer_asker(served, true);
}
