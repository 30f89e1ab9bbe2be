#include "services/profile/connections_page.h"

#include <stdio.h>
#include <string.h>

#include "common/core/clock.h"

/* State is said by a word; the colour beside it only helps the eye, and is chosen to differ in lightness too.
 */
static const char head[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "<meta name=\"color-scheme\" content=\"light dark\">"
    "<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>"
    "<title>Quintet: the connections</title><style>"
    ":root{--page:#f6f7f9;--card:#fff;--text:#1b2430;--quiet:#5b6675;--line:#dfe3e9;"
    "--down:#c0392b;--idle:#8a96a5;--busy:#1f7a5c;--alone:#8a5a00;--opening:#2f6fb3;--warn:#fdf0ed}"
    "@media(prefers-color-scheme:dark){:root{--page:#12161c;--card:#1a2029;--text:#e6eaf0;--quiet:#9aa6b5;"
    "--line:#2c3542;--down:#ff7b6b;--idle:#7d8a9a;--busy:#4cc79a;--alone:#e0a840;--opening:#6fb0f0;"
    "--warn:#3a211d}}"
    "*{box-sizing:border-box}"
    "body{margin:0;padding:1.5rem;background:var(--page);color:var(--text);"
    "font:15px/1.45 system-ui,sans-serif}"
    "main{max-width:68rem;margin:auto}"
    "header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem;margin-bottom:1rem}"
    "h1{font-size:1.25rem;margin:0;flex:1}"
    "time,.quiet{color:var(--quiet)}"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:0 0 "
    "1rem}"
    ".figures div,.table,.trouble{background:var(--card);border:1px solid var(--line);border-radius:.5rem}"
    ".figures div{padding:.6rem .9rem}"
    "dt{color:var(--quiet);font-size:.85rem}"
    "dd{margin:0;font-size:1.35rem;font-variant-numeric:tabular-nums}"
    "dd small{display:inline-block;font-size:.85rem;color:var(--quiet)}"
    ".trouble{background:var(--warn);border-color:var(--down);padding:.6rem .9rem;margin:0 0 1rem}"
    ".table{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th{font-weight:500;font-size:.85rem;color:var(--quiet)}"
    "th,td{text-align:left;padding:.5rem .9rem;white-space:nowrap;border-bottom:1px solid var(--line)}"
    "tr:last-child td{border-bottom:0}"
    "td{height:3.6rem}"
    "td small{display:block;color:var(--quiet);white-space:normal;max-width:22rem}"
    "th.wide{min-width:12rem}" /* so that nothing moves when something begins */
    ".n{text-align:right}"
    ".state::before{content:\"\";display:inline-block;width:.7rem;height:.7rem;border-radius:50%;"
    "background:var(--dot);margin-right:.5rem}"
    ".down{--dot:var(--down)}.idle{--dot:var(--idle)}.shared{--dot:var(--busy)}"
    ".alone,.cancelling{--dot:var(--alone)}.resolving,.connecting,.ending{--dot:var(--opening)}"
    "footer{margin-top:1rem;font-size:.85rem;color:var(--quiet)}a{color:inherit}"
    "</style></head><body>";

/* What is shown is always what the server wrote: the script only puts the new <main> in place of the old. */
static const char foot[] =
    "<script>\"use strict\";const lost=document.getElementById(\"lost\");let since=0;"
    "setInterval(async()=>{if(document.hidden)return;try{"
    "const r=await fetch(\"?format=html\",{cache:\"no-store\",signal:AbortSignal.timeout(5000)});"
    "if(!r.ok)throw 0;"
    "const d=new DOMParser().parseFromString(await r.text(),\"text/html\");"
    "document.querySelector(\"main\").replaceWith(d.querySelector(\"main\"));since=0;lost.hidden=true"
    "}catch{since=since||Date.now();lost.hidden=false;"
    "lost.textContent=\"No answer for \"+Math.round((Date.now()-since)/1000)+"
    "\" s: what is below is old.\"}},1000)</script></body></html>\n";

static void write_text(struct qn_buf *to, const char *text)
{
    for (const char *c = text; *c; c++) {
        switch (*c) {
        case '&':
            qn_buf_write_c(to, "&amp;");
            break;
        case '<':
            qn_buf_write_c(to, "&lt;");
            break;
        case '>':
            qn_buf_write_c(to, "&gt;");
            break;
        case '"':
            qn_buf_write_c(to, "&quot;");
            break;
        default:
            qn_buf_write_byte(to, *c);
        }
    }
}

/* In the two largest units. */
static void write_duration(struct qn_buf *to, uint64_t ms)
{
    enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
    if (ms < SECOND)
        qn_buf_printf(to, "%u ms", (unsigned)ms);
    else if (ms < MINUTE)
        qn_buf_printf(to, "%u s", (unsigned)(ms / SECOND));
    else if (ms < HOUR)
        qn_buf_printf(to, "%u min %u s", (unsigned)(ms / MINUTE), (unsigned)(ms % MINUTE / SECOND));
    else if (ms < DAY)
        qn_buf_printf(to, "%u h %u min", (unsigned)(ms / HOUR), (unsigned)(ms % HOUR / MINUTE));
    else
        qn_buf_printf(to, "%llu d %u h", (unsigned long long)(ms / DAY), (unsigned)(ms % DAY / HOUR));
}

static void write_figures(struct qn_buf *to, const struct pg_look *look, const struct slots_look *sharing)
{
    size_t waiting = look->waiting_reads + look->waiting_writes;
    qn_buf_printf(to, "<dl class=\"figures\"><div><dt>Connections up</dt><dd>%zu <small>of %zu", look->up,
                  look->budget);
    if (look->ending > 0)
        qn_buf_printf(to, ", %zu ending", look->ending);
    qn_buf_write_c(to, "</small></dd></div>");
    if (sharing)
        qn_buf_printf(to,
                      "<div><dt>Allowed here</dt><dd>%zu <small>%u process%s</small></dd></div>"
                      "<div><dt>Handed over</dt><dd>%llu <small>given, %llu taken</small></dd></div>",
                      look->allowance, sharing->processes, sharing->processes == 1 ? "" : "es",
                      (unsigned long long)sharing->given, (unsigned long long)sharing->taken);
    qn_buf_printf(to, "<div><dt>Waiting</dt><dd>%zu <small>%zu reads, %zu writes</small></dd></div>", waiting,
                  look->waiting_reads, look->waiting_writes);
    qn_buf_write_c(to, "<div><dt>Longest wait</dt><dd>");
    write_duration(to, look->longest_wait_ms);
    qn_buf_write_c(to, "</dd></div><div><dt>Silence</dt><dd>");
    if (look->silent_ms >= 1000)
        write_duration(to, look->silent_ms);
    else
        qn_buf_write_c(to, "none");
    qn_buf_write_c(to, "</dd></div></dl>");
}

static void write_trouble(struct qn_buf *to, const struct pg_look *look)
{
    if (look->draining)
        qn_buf_write_c(to, "<p class=\"trouble\">Draining: connections close as they fall idle.</p>");
    if (look->silent_ms >= PG_SILENT_LIMIT_MS) {
        qn_buf_write_c(to, "<p class=\"trouble\">Not ready: PostgreSQL has answered nothing for ");
        write_duration(to, look->silent_ms);
        qn_buf_write_c(to, ".</p>");
    }
    if (!look->refusal)
        return;
    qn_buf_write_c(to, "<p class=\"trouble\">The last attempt to connect came to nothing: <b>");
    write_text(to, look->refusal);
    qn_buf_printf(to, "</b>, %u in a row.", look->failures);
    if (look->attempt_planned) {
        qn_buf_write_c(to, " Next in ");
        write_duration(to, look->attempt_in_ms);
        qn_buf_write_byte(to, '.');
    }
    qn_buf_write_c(to, "</p>");
}

static void write_doing(struct qn_buf *to, const struct pg_look_conn *conn)
{
    if (!conn->statement) {
        qn_buf_write_c(to, "<span class=\"quiet\">nothing</span>");
        return;
    }
    write_text(to, conn->statement);
    qn_buf_write_c(to, "<small>for ");
    write_duration(to, conn->statement_ms);
    if (conn->under_way > 1)
        qn_buf_printf(to, ", %zu behind it", conn->under_way - 1);
    qn_buf_write_c(to, "</small>");
}

static void write_end(struct qn_buf *to, const struct pg_look_conn *conn)
{
    if (!conn->end_cause) {
        qn_buf_write_c(to, "<span class=\"quiet\">never</span>");
        return;
    }
    write_text(to, conn->end_cause);
    qn_buf_write_c(to, ", ");
    write_duration(to, conn->end_ms);
    qn_buf_write_c(to, " ago");
    if (conn->end_said[0]) {
        qn_buf_write_c(to, "<small>");
        write_text(to, conn->end_said);
        qn_buf_write_c(to, "</small>");
    }
}

static void write_row(struct qn_buf *to, const struct pg_look_conn *conn)
{
    qn_buf_printf(to, "<tr><td>%u</td><td><span class=\"state %s\">%s</span></td><td class=\"n\">",
                  conn->number, conn->state, conn->state);
    write_duration(to, conn->state_ms);
    qn_buf_write_c(to, "</td><td class=\"n\">");
    if (conn->up)
        qn_buf_printf(to, "%d</td><td class=\"n\">", conn->pid);
    else
        qn_buf_write_c(to, "–</td><td class=\"n\">");
    if (conn->up)
        write_duration(to, conn->age_ms);
    else
        qn_buf_write_c(to, "–");
    qn_buf_printf(to, "</td><td class=\"n\">%llu</td><td>", (unsigned long long)conn->statements);
    write_doing(to, conn);
    qn_buf_write_c(to, "</td><td>");
    write_end(to, conn);
    qn_buf_write_c(to, "</td></tr>");
}

void profile_connections_page(struct qn_buf *to, const struct pg_look *look, const struct slots_look *sharing,
                              int64_t wall_ms)
{
    enum { DATE_LEN = 10, SECONDS_LEN = 19 }; /* of "2026-11-23T04:15:56.937Z" */
    char time[QN_TIME_TEXT_LEN + 1];
    qn_time_format(wall_ms, time);
    time[DATE_LEN] = ' ';
    time[SECONDS_LEN] = '\0';
    qn_buf_write_c(to, head);
    qn_buf_write_c(to, "<p id=\"lost\" class=\"trouble\" role=\"status\" hidden></p>");
    qn_buf_printf(to, "<main><header><h1>The connections to PostgreSQL</h1><time>%s UTC</time></header>",
                  time);
    write_trouble(to, look);
    write_figures(to, look, sharing);
    qn_buf_write_c(to,
                   "<div class=\"table\"><table><thead><tr><th>#</th><th>State</th><th class=\"n\">For</th>"
                   "<th class=\"n\">Backend</th><th class=\"n\">Age</th><th class=\"n\">Statements</th>"
                   "<th class=\"wide\">Works on</th><th class=\"wide\">Last end</th></tr></thead><tbody>");
    for (size_t i = 0; i < look->n_conns; i++)
        write_row(to, &look->conns[i]);
    qn_buf_write_c(to, "</tbody></table></div><footer>quintet-profile " QN_VERSION
                       " · <a href=\"?format=json\">JSON</a> · <a href=\"/metrics\">metrics</a> · "
                       "<a href=\"/readyz\">readiness</a></footer></main>");
    qn_buf_write_c(to, foot);
}
