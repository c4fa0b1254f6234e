/** Watch it learn: one training at a time, shown epoch by epoch. */

import { Problem, changeDrawing, startTraining, stopTraining, trainingEvents, trainingOptions } from "./api.js";
import { chosenSettings, prepareControls } from "./controls.js";
import { byId } from "./dom.js";
import { clearEpochs, showData, showDrawing, showEnd, showEpoch } from "./epochs.js";
import { bytesOf } from "./pixels.js";

/** @type {{id?: string, isStopped?: boolean} | null} */
let running = null;
/** @type {string | null} */
let drawing = null;
let areControlsReady = false;

/** Make the button work; the controls are filled when they are first looked at. */
export function prepareLearning() {
  byId("start").addEventListener("click", () => (running ? stop() : start()));
  clearEpochs(chosenEpochs());
  showDrawing(null, false);
}

/** Ask the server for what the controls may be, once. */
export const openLearning = () =>
  guarded(async () => {
    if (areControlsReady) return;
    prepareControls(await trainingOptions());
    areControlsReady = true;
    byId("start").disabled = false;
    clearEpochs(chosenEpochs());
  });

/**
 * Let the networks read this drawing from now on.
 * @param {string | null} pixels 784 as base64, null for none
 */
export function useDrawing(pixels) {
  if (pixels === drawing) return;
  drawing = pixels;
  const bytes = pixels && bytesOf(pixels);
  showDrawing(bytes, running !== null);
  if (bytes && running?.id) guarded(() => changeDrawing(running.id, bytes));
}

async function start() {
  const settings = chosenSettings();
  running = {};
  clearEpochs(settings.epochs);
  showState("Stop", "Starting…");
  const isDone = await guarded(async () => {
    const { id, data } = await startTraining({ ...settings, drawing });
    running.id = id;
    showData(data);
    if (running.isStopped) {
      await stopTraining(id);
      showState("Stop", "Stopped before it began.");
      return;
    }
    for await (const { name, data: news } of trainingEvents(id)) {
      if (name === "epoch") showEpoch(news);
      if (name === "end") showEnd(news);
    }
  });
  running = null;
  showState("Start training", isDone ? "" : "Broken off.");
}

async function stop() {
  running.isStopped = true;
  showState("Stop", "Stopping…");
  if (running.id) await guarded(() => stopTraining(running.id));
}

function showState(label, progress) {
  byId("start").textContent = label;
  byId("start").classList.toggle("running", label === "Stop");
  if (progress) byId("progress-line").textContent = progress;
}

function chosenEpochs() {
  return areControlsReady ? chosenSettings().epochs : 20;
}

/** Do `work`, show a problem as a line, and return whether there was none. */
async function guarded(work) {
  byId("learning-complaint").textContent = "";
  try {
    await work();
    return true;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    byId("learning-complaint").textContent = problem.message;
    return false;
  }
}
