/** What the epochs of a training look like: curves, weights, and how the user's drawing is read. */

import { barsElement, showBars } from "./bars.js";
import { lineChart } from "./charts.js";
import { diagnosis } from "./diagnosis.js";
import { byId, element } from "./dom.js";
import { percent, rounded, short } from "./numbers.js";
import { bytesOf, inkColours, pictureOf, signedColours, unit } from "./pixels.js";

const bars = barsElement("What the network in training makes of your drawing");

let epochs = [];

/**
 * Show that nothing is learned yet.
 * @param {number} planned epochs
 */
export function clearEpochs(planned) {
  epochs = [];
  byId("drawing-bars").replaceChildren(bars);
  showBars(bars, null);
  byId("weights").replaceChildren();
  byId("strip").replaceChildren();
  byId("diagnosis").textContent = "";
  byId("progress").value = 0;
  byId("progress-line").textContent = "Not started.";
  showCharts(planned);
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
  if (isRunning) return;
  byId("strip").replaceChildren();
  showBars(bars, null);
}

/**
 * Add an epoch to what is shown.
 * @param {any} news the server's `epoch` event
 */
export function showEpoch(news) {
  epochs.push(news);
  byId("progress").value = news.epoch / news.epochs;
  byId("progress-line").textContent = `Epoch ${news.epoch} of ${news.epochs}, ${short(news.seconds)} s each.`;
  byId("diagnosis").textContent = diagnosis(epochs);
  showCharts(news.epochs);
  byId("weights").replaceChildren(...weightPictures(news.weights));
  if (!news.drawing) return;
  showBars(bars, news.drawing.probabilities);
  byId("strip").append(stripItem(news));
}

/**
 * Show why there are no more epochs.
 * @param {{reason: string, detail: string}} end
 */
export function showEnd({ reason, detail }) {
  byId("progress-line").textContent = detail;
  if (reason === "diverged")
    byId("diagnosis").textContent = diagnosis([...epochs, { train_loss: null, validation_loss: null }]);
  byId("announcer").textContent = `Training ended: ${detail} ${byId("diagnosis").textContent}`;
}

function showCharts(planned) {
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

function stripItem({ epoch, drawing: { label, probabilities } }) {
  const confidence = probabilities[label];
  const item = element("li", {
    textContent: String(label),
    title: `epoch ${epoch}: ${label}, ${percent(confidence)}`,
  });
  item.style.setProperty("--confidence", confidence.toFixed(2));
  if (byId("strip").lastChild?.textContent !== item.textContent) item.className = "changed";
  return item;
}
