/** What the epochs of a training look like: curves, weights, and how the user's drawing is read. */

import { barsElement, showBars } from "./bars.js";
import { lineChart } from "./charts.js";
import { diagnosis } from "./diagnosis.js";
import { byId } from "./dom.js";
import { historyLine, historyPicture } from "./history.js";
import { oncePerFrame } from "./latest.js";
import { percent, rounded, short } from "./numbers.js";
import { bytesOf, inkColours, pictureOf, signedColours, unit } from "./pixels.js";

const bars = barsElement("What the network in training makes of your drawing");

/** `checked` counts the validation digits, `planned` the epochs; `end` says why there are no more. */
const run = { epochs: [], planned: 20, checked: 0, end: null };

const showSoon = oncePerFrame(show);

/**
 * Show that nothing is learned yet.
 * @param {number} planned epochs
 */
export function clearEpochs(planned) {
  Object.assign(run, { epochs: [], planned, end: null });
  byId("drawing-bars").replaceChildren(bars);
  byId("weights").replaceChildren();
  show();
}

/** @param {{train: number, validation: number}} data how many digits a training learns from, and is checked with */
export function showData({ train, validation }) {
  run.checked = validation;
  const [learned, checked] = [train, validation].map((count) => count.toLocaleString("en"));
  byId("training-data").textContent = `${learned} to learn from, ${checked} to check with.`;
}

/**
 * Show the drawing that the network reads from the next epoch on; there is one only while a training runs.
 * @param {Uint8Array | null} pixels 784
 * @param {boolean} isRunning
 */
export function showDrawing(pixels, isRunning) {
  byId("drawing-seen").replaceChildren(pictureOf(unit(pixels ?? new Uint8Array(784)), 28, 28, inkColours));
  byId("drawing-hint").textContent = pixels
    ? "Start, and it is read after every epoch."
    : "Draw a digit, and it is read too.";
  if (!isRunning) run.epochs = run.epochs.map((epoch) => ({ ...epoch, drawing: null }));
  showReadings();
}

/**
 * Add an epoch to what is shown.
 * @param {any} news the server's `epoch` event
 */
export function showEpoch(news) {
  run.epochs.push(news);
  showSoon();
}

/**
 * Show why there are no more epochs.
 * @param {{reason: string, detail: string}} end
 */
export function showEnd(end) {
  run.end = end;
  show();
  byId("announcer").textContent = `Training ended: ${end.detail}. ${byId("diagnosis").textContent}`;
}

/** Show everything as it is after the newest epoch. */
function show() {
  const last = run.epochs.at(-1);
  byId("progress").value = run.epochs.length / run.planned;
  byId("progress-line").textContent = progressLine(last);
  byId("diagnosis").textContent = diagnosis(told(), run.checked);
  showCharts();
  showReadings();
  if (last) byId("weights").replaceChildren(...weightPictures(last.weights));
}

function progressLine(last) {
  if (run.end) return `${run.end.detail}.`;
  return last ? `Epoch ${last.epoch} of ${last.epochs}, ${short(last.seconds)} s each.` : "Not started.";
}

/** Return the epochs, and the one in which the loss was no number any more, of which no news comes. */
function told() {
  const isLost = run.end?.reason === "diverged";
  return isLost ? [...run.epochs, { train_loss: null, validation_loss: null }] : run.epochs;
}

function showReadings() {
  const readings = run.epochs.map((epoch) => epoch.drawing);
  const picture = historyPicture(readings, run.planned);
  const line = historyLine(readings);
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", line || "Its reading after each epoch");
  byId("history").replaceChildren(picture);
  byId("history-line").textContent = line;
  showBars(bars, readings.at(-1)?.probabilities ?? null);
}

function showCharts() {
  const { epochs, planned } = run;
  const seriesOf = (what) => [
    { name: "training", kind: "training", values: epochs.map((epoch) => epoch[`train_${what}`]) },
    { name: "validation", kind: "validation", values: epochs.map((epoch) => epoch[`validation_${what}`]) },
  ];
  const accuracies = epochs.flatMap((epoch) => [epoch.train_accuracy, epoch.validation_accuracy]);
  const lowest = epochs.length ? Math.floor(10 * Math.min(0.9, ...accuracies)) / 10 : 0;
  const loss = {
    title: "Loss",
    series: seriesOf("loss"),
    epochs: planned,
    range: [0, epochs.length ? 0.1 : 2],
    format: short,
    tick: rounded,
  };
  const accuracy = {
    title: "Accuracy",
    series: seriesOf("accuracy"),
    epochs: planned,
    range: [lowest, 1],
    format: percent,
    tick: (share) => `${rounded(100 * share)}\u00a0%`,
  };
  byId("loss-chart").replaceChildren(lineChart(loss));
  byId("accuracy-chart").replaceChildren(lineChart(accuracy));
}

function weightPictures({ units, width, height, values }) {
  const bytes = bytesOf(values);
  const size = width * height;
  return units.map((unitNumber, i) => {
    const own = Float32Array.from(bytes.subarray(i * size, (i + 1) * size), (byte) => (byte - 128) / 127);
    const picture = pictureOf(own, width, height, signedColours);
    picture.title = `unit ${unitNumber}`;
    return picture;
  });
}
