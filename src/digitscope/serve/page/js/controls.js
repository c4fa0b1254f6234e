/** The controls of a training: sliders that stop at values worth trying. */

import { byId, element } from "./dom.js";

const STOPS = {
  hidden: [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
  learning_rate: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 2],
  batch_size: [1, 4, 16, 32, 64, 128, 256, 512, 1024],
  examples: [100, 200, 500, 1000, 2000, 4000, 10000, 60000],
  epochs: [1, 5, 10, 20, 30, 50, 100],
};

/** What shows in a minute what a setting is about; the rest is as the server has it. */
const PRESETS = {
  sensible: {},
  tiny: { hidden: 1, epochs: 20 },
  "by-heart": { hidden: 256, learning_rate: 0.3, examples: 200, epochs: 100 },
  hasty: { learning_rate: 2, batch_size: 16 },
};

const SELECTS = ["activation", "data"];

let stops = {};

/**
 * Fill the controls with what the server offers.
 * @param {any} options
 */
export function prepareControls({ activations, data, ranges, defaults }) {
  stops = Object.fromEntries(Object.entries(STOPS).map(([name, values]) => [name, within(values, ranges[name])]));
  byId("activation").replaceChildren(
    ...activations.map((name) => element("option", { value: name, textContent: name })),
  );
  byId("data").replaceChildren(
    ...data.map(({ name, title }) => element("option", { value: name, textContent: title })),
  );
  for (const [name, values] of Object.entries(stops)) {
    byId(name).max = values.length - 1;
    byId(name).addEventListener("input", () => showValue(name));
  }
  byId("presets").addEventListener("click", (event) => {
    const preset = event.target.closest("button")?.dataset.preset;
    if (preset) choose({ ...defaults, ...PRESETS[preset] });
  });
  choose(defaults);
}

/** Return the settings as the server takes them. */
export function chosenSettings() {
  const numbers = Object.entries(stops).map(([name, values]) => [name, values[byId(name).value]]);
  return Object.fromEntries([...numbers, ...SELECTS.map((name) => [name, byId(name).value])]);
}

function within(values, { least, most, default: usual }) {
  return [...new Set([...values, usual])].filter((value) => value >= least && value <= most).sort((a, b) => a - b);
}

function choose(settings) {
  for (const [name, values] of Object.entries(stops)) {
    byId(name).value = values.indexOf(settings[name]);
    showValue(name);
  }
  for (const name of SELECTS) byId(name).value = settings[name];
}

function showValue(name) {
  const value = stops[name][byId(name).value];
  const text =
    name === "hidden" && value === 0 ? "none" : value.toLocaleString("en", { maximumFractionDigits: 3 });
  byId(`${name}-value`).textContent = text;
  byId(name).setAttribute("aria-valuetext", text);
}
