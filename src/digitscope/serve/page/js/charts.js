/** Line charts as SVG: axes, a grid, lines that differ by dashes as well as colour, and labels at their ends. */

import { svg } from "./dom.js";

const WIDTH = 360;
const HEIGHT = 210;
const FRAME = { left: 50, top: 12, right: 66, bottom: 38 };
const LABEL_HEIGHT = 13;
const STEPS = [1, 2, 2.5, 5, 10];

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string} kind the class of its line, "training" or "validation"
 * @property {(number | null)[]} values one an epoch
 *
 * @typedef {object} Chart
 * @property {string} title
 * @property {Series[]} series
 * @property {number} epochs that the axis is long
 * @property {[number, number]} range of the values, at least
 * @property {(value: number) => string} format of the last values
 * @property {(value: number) => string} tick of the axis
 */

/**
 * Return a chart.
 * @param {Chart} chart
 * @returns {SVGElement}
 */
export function lineChart({ title, series, epochs, range, format, tick: tickLabel }) {
  const ticks = ticksOf(...extent(series, range), 4);
  const x = scale(1, Math.max(2, epochs), FRAME.left, WIDTH - FRAME.right);
  const y = scale(ticks[0], ticks.at(-1), HEIGHT - FRAME.bottom, FRAME.top);
  const ends = series.map(({ values }) => format(lastOf(values) ?? NaN));
  const summary = series.map(({ name }, i) => `${name} ${ends[i]}`).join(", ");
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": `${title}: ${summary}` },
    ...ticks.map((tick) => gridLine(y(tick), tickLabel(tick))),
    ...epochTicks(epochs).map((epoch) => text(x(epoch), HEIGHT - 20, String(epoch), "middle")),
    text((FRAME.left + WIDTH - FRAME.right) / 2, HEIGHT - 3, "epoch", "middle"),
    ...series.flatMap((each) => lineOf(each, x, y)),
    ...endLabels(series, ends, x, y),
  );
}

function extent(series, [low, high]) {
  const finite = series.flatMap(({ values }) => values).filter((value) => value !== null);
  return [Math.min(low, ...finite), Math.max(high, ...finite)];
}

/** Return round numbers that span `low` to `high`, about `count` steps. */
function ticksOf(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.find((each) => each * power >= rough * 0.999) * power;
  const first = Math.floor(low / step + 1e-9);
  const steps = Math.ceil(high / step - 1e-9) - first;
  return Array.from({ length: steps + 1 }, (_, i) => (first + i) * step);
}

function epochTicks(epochs) {
  const step = Math.max(1, ticksOf(0, Math.max(2, epochs), 5)[1]);
  const whole = Array.from({ length: Math.floor(epochs / step) }, (_, i) => Math.round((i + 1) * step));
  return [...new Set(step === 1 ? whole : [1, ...whole])];
}

const scale = (from, to, start, end) => (value) => start + ((value - from) / (to - from)) * (end - start);

const lastOf = (values) => values.findLast((value) => value !== null);

function gridLine(y, label) {
  return svg(
    "g",
    {},
    svg("line", { class: "grid", x1: FRAME.left, x2: WIDTH - FRAME.right, y1: y, y2: y }),
    text(FRAME.left - 7, y + 4, label, "end"),
  );
}

function lineOf({ kind, values }, x, y) {
  const points = values.flatMap((value, i) => (value === null ? [] : [[x(i + 1), y(value)]]));
  if (!points.length) return [];
  const path = points.map((point) => point.map((each) => each.toFixed(1)).join(",")).join(" ");
  const [endX, endY] = points.at(-1);
  return [
    svg("polyline", { class: `line ${kind}`, points: path }),
    svg("circle", { class: kind, cx: endX, cy: endY, r: 3.2 }),
  ];
}

/** Return the values at the ends of the lines, moved apart where they would overlap. */
function endLabels(series, ends, x, y) {
  const labels = series
    .map(({ kind, values }, i) => ({
      kind,
      label: ends[i],
      x: x(values.length) + 7,
      y: y(lastOf(values) ?? NaN) + 4,
    }))
    .filter((label) => Number.isFinite(label.y))
    .sort((a, b) => a.y - b.y);
  for (let i = 1; i < labels.length; i += 1) labels[i].y = Math.max(labels[i].y, labels[i - 1].y + LABEL_HEIGHT);
  return labels.map((each) => text(each.x, each.y, each.label, `value ${each.kind}`));
}

function text(x, y, content, kind) {
  return svg("text", { x: x.toFixed(1), y: y.toFixed(1), class: kind }, content);
}
