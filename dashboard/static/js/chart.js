/** Plots, made with Chart.js (a global of its own script), in the colours of the style sheet. */

import { h, hidden, svg } from "./dom.js";

const Chart = window.Chart;
const COLOURS = [
  "text",
  "muted",
  "border",
  "surface",
  "tokens",
  "tokens-soft",
  "cost",
  "cost-soft",
  "previous",
  "previous-soft",
  "limit",
];

/** The colours of the theme as it is now, by the names of tokens.css. */
export function palette() {
  const probe = document.body.appendChild(h("span", { hidden: true }));
  const colours = Object.fromEntries(
    COLOURS.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return colours;
}

/** Draws when it is on the page and tidies up when it leaves it. Plots of one `group` element point together. */
class Plot extends HTMLElement {
  connectedCallback() {
    const canvas = this.appendChild(h("canvas", { role: "img", "aria-label": this.label }));
    this.chart = new Chart(canvas, this.config(palette()));
    this.group = this.closest("[data-plots]");
    this.chart.options.onHover = (event, found) => this.tellOthers(found[0]?.index);
    canvas.addEventListener("pointerleave", () => this.tellOthers());
  }

  disconnectedCallback() {
    this.chart?.destroy();
    this.replaceChildren();
  }

  tellOthers(index) {
    for (const other of this.group?.querySelectorAll("usage-plot") ?? [])
      if (other !== this) other.point(index);
  }

  point(index) {
    const active =
      index == null ? [] : this.chart.data.datasets.map((set, datasetIndex) => ({ datasetIndex, index }));
    this.chart.setActiveElements(active);
    this.chart.tooltip.setActiveElements(active, { x: 0, y: 0 });
    this.chart.render();
  }
}
customElements.define("usage-plot", Plot);

/** A plot; `config(palette)` gives the configuration of Chart.js, `label` says in words what is to be seen. */
export function plot(label, config) {
  return Object.assign(document.createElement("usage-plot"), { label, config });
}

/**
 * A plot of values over days, months or the like.
 *
 * @param {object} of
 * @param {string} of.label     what is to be seen, in words
 * @param {string[]} of.labels  of the points
 * @param {Series[]} of.series
 * @param {(value: number) => string} of.tick    how the axis writes a value
 * @param {(value: number) => string} of.format  how the tooltip does
 * @param {((index: number) => string)=} of.title  of the tooltip
 * @param {((index: number) => void)=} of.onPick   a point was clicked
 * @param {Mark=} of.mark  something happens at a point
 * @param {boolean=} of.fromZero  whether the axis begins there, as it must for bars and areas
 * @typedef {{index: number, value: number, text: string}} Mark
 * @typedef {{label: string, values: (number|null)[], colour: string, kind?: "bar"|"line"|"area", dashed?: boolean, behind?: boolean, faint?: (index: number) => boolean}} Series
 */
export function series({ label, labels, series: sets, tick, format, title, onPick, mark, fromZero = true }) {
  return plot(label, (colours) => ({
    data: {
      labels,
      datasets: sets.map((one) =>
        dataset(
          one,
          colours,
          sets.some(({ behind }) => behind),
        ),
      ),
    },
    options: options({ colours, tick, format, title: title ?? ((index) => labels[index]), onPick, fromZero }),
    plugins: mark ? [marked(mark, colours)] : [],
  }));
}

/** A line down from a point, with words above it. */
function marked({ index, value, text }, colours) {
  return {
    id: "mark",
    afterDatasetsDraw({ ctx, chartArea: { top, bottom, left }, scales: { x, y } }) {
      const [across, down] = [x.getPixelForValue(index), y.getPixelForValue(value)];
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colours.limit;
      ctx.setLineDash([2, 3]);
      ctx.beginPath();
      ctx.moveTo(across, down);
      ctx.lineTo(across, bottom);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.beginPath();
      ctx.arc(across, down, 4.5, 0, 2 * Math.PI);
      ctx.fill();
      ctx.strokeStyle = colours.surface;
      ctx.lineWidth = 2;
      ctx.stroke();
      ctx.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
      const start = Math.max(left, across - ctx.measureText(text).width + 4);
      const line = Math.max(down - 12, top + 10);
      ctx.lineWidth = 4;
      ctx.strokeText(text, start, line);
      ctx.fillText(text, start, line);
      ctx.restore();
    },
  };
}

/** Bars `behind` others are wider than these, and seen around them. */
function dataset({ label, values, colour, kind = "bar", dashed, behind, faint }, colours, isLayered) {
  const common = { label, data: values, order: kind === "bar" ? (behind ? 3 : 2) : 1 };
  if (kind === "bar") {
    const fill = (context) => (faint?.(context.dataIndex) ? colours[`${colour}-soft`] : colours[colour]);
    return {
      ...common,
      type: "bar",
      backgroundColor: fill,
      hoverBackgroundColor: colours[colour],
      borderRadius: 3,
      grouped: false,
      maxBarThickness: isLayered && !behind ? 18 : 28,
      categoryPercentage: 0.8,
      barPercentage: isLayered && !behind ? 0.58 : 1,
    };
  }
  return {
    ...common,
    type: "line",
    borderColor: colours[colour],
    backgroundColor: colours[colour].replace(")", ", 0.14)"),
    fill: kind === "area",
    borderWidth: dashed ? 1.5 : 2,
    borderDash: dashed ? [4, 4] : [],
    tension: 0.25,
    cubicInterpolationMode: "monotone",
    pointRadius: 0,
    pointHoverRadius: 4,
    pointBackgroundColor: colours[colour],
    pointBorderColor: colours.surface,
    pointBorderWidth: 2,
    spanGaps: false,
  };
}

function options({ colours, tick, format, title, onPick, fromZero }) {
  const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false, // numbers are there at once, and a refresh does not flicker
    interaction: { mode: "index", intersect: false },
    onClick: onPick && ((event, found) => found[0] && onPick(found[0].index)),
    scales: {
      x: {
        grid: { display: false },
        border: { color: colours.border },
        ticks: { color: colours.muted, font, maxRotation: 0, autoSkipPadding: 24 },
      },
      y: {
        beginAtZero: fromZero,
        border: { display: false },
        grid: { color: colours.border, tickLength: 0 },
        ticks: { color: colours.muted, font, padding: 8, maxTicksLimit: 5, callback: (value) => tick(value) },
      },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        backgroundColor: colours.surface,
        borderColor: colours.border,
        borderWidth: 1,
        cornerRadius: 8,
        padding: 10,
        boxPadding: 4,
        titleColor: colours.text,
        bodyColor: colours.muted,
        titleFont: { ...font, size: 12, weight: 600 },
        bodyFont: { ...font, size: 12 },
        usePointStyle: true,
        boxWidth: 7,
        boxHeight: 7,
        callbacks: {
          title: ([item]) => title(item.dataIndex),
          label: (item) => ` ${item.dataset.label}: ${item.raw == null ? "unknown" : format(item.raw)}`,
          labelColor: (item) => ({
            backgroundColor: colourOf(item.dataset, colours),
            borderColor: "transparent",
          }),
          labelPointStyle: () => ({ pointStyle: "circle", rotation: 0 }),
        },
      },
    },
  };
}

const colourOf = (set, colours) =>
  (set.type === "bar" ? set.hoverBackgroundColor : set.borderColor) ?? colours.text;

/**
 * A half-circle that fills up to a limit. `percent` may pass 100, and null is unknown; `kind` is a class:
 * "tokens", "cost". The text inside is for the eyes; say the same in words beside it.
 */
export function gauge({ percent, text, kind = "tokens" }) {
  const arc = (name, length) =>
    svg("path", {
      class: name,
      d: "M10 60 A50 50 0 0 1 110 60",
      pathLength: 100,
      "stroke-dasharray": `${length} 200`,
    });
  const filled = Math.max(0, Math.min(100, percent ?? 0));
  const state = percent >= 100 ? "over" : percent >= 80 ? "near" : "fine";
  return h(
    `div.gauge.gauge-${kind}.gauge-${state}`,
    { "aria-hidden": "true" },
    svg(
      "svg",
      { viewBox: "0 0 120 66" },
      arc("gauge-track", 100),
      ...(filled ? [arc("gauge-fill", filled)] : []),
    ),
    h("span.gauge-text", {}, text),
  );
}

/** A thin bar that fills up to a limit, with the words for those who do not see it. */
export function meter({ percent, label, kind = "tokens" }) {
  return h(
    `div.meter.meter-${kind}`,
    {
      class: `meter meter-${kind}${percent >= 100 ? " meter-over" : percent >= 80 ? " meter-near" : ""}`,
      vars: { part: Math.max(0, Math.min(1, (percent ?? 0) / 100)) },
    },
    h("span.meter-fill"),
    hidden(label),
  );
}
