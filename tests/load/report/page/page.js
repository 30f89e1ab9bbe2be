// Reads out the values below the pointer, or of the point that the arrow keys have chosen. All plots of a group
// show the same point. Without this script the page lacks nothing else.
(() => {
    'use strict';
    const SVG = 'http://www.w3.org/2000/svg';
    const plots = [];

    const draw = (name, attributes, parent) => {
        const node = document.createElementNS(SVG, name);
        for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
        parent.append(node);
        return node;
    };

    const hide = (plot) => {
        plot.layer.replaceChildren();
        plot.box.hidden = true;
    };

    const show = (plot, index, withBox) => {
        const { data, layer, box } = plot;
        const x = data.x[index];
        layer.replaceChildren();
        draw('line', { class: 'cross', x1: x, x2: x, y1: data.top, y2: data.bottom }, layer);
        box.replaceChildren();
        const head = document.createElement('b');
        head.textContent = data.text[index];
        box.append(head);
        for (const series of data.series) {
            if (series.y[index] !== null)
                draw('circle', { class: `dot ${series.class}`, cx: x, cy: series.y[index], r: 4.5 }, layer);
            const row = document.createElement('div');
            const key = document.createElement('i');
            key.className = `key ${series.class}`;
            row.append(key, `${series.name} ${series.text[index]}`);
            box.append(row);
        }
        box.hidden = !withBox;
        const width = plot.svg.viewBox.baseVal.width;
        const place = (x / width) * 100;
        box.style.left = place > 60 ? 'auto' : `calc(${place}% + 12px)`;
        box.style.right = place > 60 ? `calc(${100 - place}% + 12px)` : 'auto';
    };

    const inGroup = (plot) => plots.filter((p) => p === plot || (plot.data.group && p.data.group === plot.data.group));

    const choose = (plot, index) => {
        plot.index = index;
        for (const p of inGroup(plot)) show(p, index, true);
    };

    const nearest = (xs, x) => {
        let best = 0;
        for (let i = 1; i < xs.length; i++) if (Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
        return best;
    };

    for (const svg of document.querySelectorAll('svg.plot')) {
        const data = JSON.parse(document.getElementById(`${svg.id}-data`).textContent);
        if (data.x.length === 0) continue;
        const box = document.createElement('div');
        box.className = 'readout';
        box.hidden = true;
        svg.parentElement.append(box);
        const plot = { svg, data, box, layer: draw('g', {}, svg), index: -1 };
        plots.push(plot);
        svg.tabIndex = 0;
        svg.addEventListener('pointermove', (event) => {
            const at = svg.getBoundingClientRect();
            const x = ((event.clientX - at.left) / at.width) * svg.viewBox.baseVal.width;
            choose(plot, nearest(data.x, x));
        });
        const leave = () => inGroup(plot).forEach(hide);
        svg.addEventListener('pointerleave', leave);
        svg.addEventListener('blur', leave);
        svg.addEventListener('keydown', (event) => {
            const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
            if (!step) return;
            event.preventDefault();
            choose(plot, Math.min(Math.max(plot.index + step, 0), data.x.length - 1));
        });
    }
})();
