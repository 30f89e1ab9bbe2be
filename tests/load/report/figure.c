#include "tests/load/report/figure.h"

#include <math.h>

#include "common/json/writer.h"

static void write_legend(struct qn_buf *to, const struct load_figure *figure)
{
    qn_buf_write_c(to, "<p class=\"legend\">");
    for (size_t i = 0; i < figure->n_series; i++)
        qn_buf_printf(to, "<span><i class=\"key %s\"></i>%s</span>", figure->series[i].class,
                      figure->series[i].name);
    qn_buf_write_c(to, "</p>\n");
}

/* One digit behind the point is a tenth of a screen's dot. */
static void write_place(struct qn_json_writer *w, double place)
{
    qn_json_double(w, round(place * 10) / 10);
}

static void write_series(struct qn_json_writer *w, const struct load_figure *figure,
                         const struct load_plot *plot, const struct load_series *series)
{
    char words[LOAD_TEXT_MAX];
    qn_json_object_begin(w);
    qn_json_key(w, "name");
    qn_json_c(w, series->name);
    qn_json_key(w, "class");
    qn_json_c(w, series->class);
    qn_json_key(w, "y");
    qn_json_array_begin(w);
    for (size_t i = 0; i < figure->count; i++)
        if (isfinite(series->ys[i]))
            write_place(w, load_plot_y(plot, series->ys[i]));
        else
            qn_json_null(w);
    qn_json_array_end(w);
    qn_json_key(w, "text");
    qn_json_array_begin(w);
    for (size_t i = 0; i < figure->count; i++)
        qn_json_c(w, isfinite(series->ys[i]) ? series->words(words, series->ys[i]) : "-");
    qn_json_array_end(w);
    qn_json_object_end(w);
}

/* Only texts of ours and numbers: no "</script>" and no "]]>" can stand in it. */
static void write_data(struct qn_buf *to, const struct load_figure *figure, const struct load_plot *plot)
{
    struct qn_json_writer writer = {.to = to}, *w = &writer;
    char words[LOAD_TEXT_MAX];
    qn_buf_printf(to, "<script type=\"application/json\" id=\"%s-data\">", figure->id);
    qn_json_object_begin(w);
    qn_json_key(w, "group");
    qn_json_c(w, figure->group);
    qn_json_key(w, "top");
    qn_json_int(w, LOAD_PLOT_TOP);
    qn_json_key(w, "bottom");
    qn_json_double(w, plot->height - LOAD_PLOT_BOTTOM);
    qn_json_key(w, "x");
    qn_json_array_begin(w);
    for (size_t i = 0; i < figure->count; i++)
        write_place(w, load_plot_x(plot, figure->xs[i]));
    qn_json_array_end(w);
    qn_json_key(w, "text");
    qn_json_array_begin(w);
    for (size_t i = 0; i < figure->count; i++)
        qn_json_c(w, figure->x_words(words, figure->xs[i]));
    qn_json_array_end(w);
    qn_json_key(w, "series");
    qn_json_array_begin(w);
    for (size_t i = 0; i < figure->n_series; i++)
        write_series(w, figure, plot, &figure->series[i]);
    qn_json_array_end(w);
    qn_json_object_end(w);
    qn_buf_write_c(to, "</script>\n");
}

void load_figure_write(struct qn_buf *to, const struct load_figure *figure)
{
    struct load_plot plot = {.to = to,
                             .id = figure->id,
                             .label = figure->title,
                             .height = figure->height,
                             .x = figure->x,
                             .y = figure->y};
    qn_buf_printf(to, "<figure>\n<figcaption><h3>%s</h3>", figure->title);
    write_legend(to, figure);
    qn_buf_write_c(to, "</figcaption>\n<div class=\"frame\">\n");
    load_plot_begin(&plot);
    if (figure->below)
        figure->below(&plot, figure->context);
    else
        load_plot_ticks(&plot);
    for (size_t i = 0; i < figure->n_series; i++) {
        const struct load_series *series = &figure->series[i];
        if (series->is_area)
            load_plot_area(&plot, series->class, figure->xs, series->ys, figure->count);
        else
            load_plot_line(&plot, series->class, figure->xs, series->ys, figure->count);
    }
    if (figure->above)
        figure->above(&plot, figure->context);
    load_plot_end(&plot);
    qn_buf_write_c(to, "</div>\n");
    if (figure->caption)
        qn_buf_printf(to, "<p class=\"caption\">%s</p>\n", figure->caption);
    write_data(to, figure, &plot);
    qn_buf_write_c(to, "</figure>\n");
}
