/** Look inside: which ink decided, what would change the reading, whom it resembles, and what the layers see. */

import { Problem, inside } from "./api.js";
import { byId, element, svg } from "./dom.js";
import { latestOnly } from "./latest.js";
import { likelihood, short } from "./numbers.js";
import {
  activityColours,
  bytesOf,
  changePicture,
  inkColours,
  outlineOf,
  pictureOf,
  signedRootColours,
  unit,
} from "./pixels.js";

const SIDE = 28;
const LEAST_SCALE = 0.05;
/** Nats of difference up to which two likelihoods count as the same: 5 %. */
const ALIKE = Math.log(1.05);

let shown = "";

/**
 * Show what the network makes of a digit of a reading, or that there is none.
 * @param {any} digit or null
 * @returns {Promise<void>}
 */
export const lookInside = latestOnly(async (digit) => {
  if (!digit || digit.seen.height !== SIDE) return showNone(digit);
  if (digit.seen.pixels === shown) return;
  if (!shown) showNone(null, "Looking inside …");
  try {
    const pixels = bytesOf(digit.seen.pixels);
    show(await inside(pixels), pixels);
    shown = digit.seen.pixels;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    showNone(null, problem.message);
  }
});

function showNone(
  digit,
  line = digit ? "Two digits over each other cannot be looked into." : "Draw a digit first.",
) {
  shown = "";
  byId("inside-line").textContent = line;
  byId("inside-views").hidden = true;
}

function show(answer, pixels) {
  byId("inside-line").replaceChildren(...summary(answer));
  byId("inside-views").hidden = false;
  showOcclusion(answer, pixels);
  for (const kind of ["erase", "add"]) showChange(kind, answer.changes[kind], pixels);
  byId("neighbours").replaceChildren(...answer.neighbours.map((each) => neighbour(each, answer.label)));
  byId("layers").replaceChildren(...answer.layers.map(layer));
}

function summary({ label, confidence, second, margin_nats: margin }) {
  const strong = (text) => element("strong", { textContent: text });
  return [
    "Read as ",
    strong(label),
    ` with ${likelihood(confidence)}. Next comes `,
    strong(second.label),
    `, ${timesLess(margin)}.`,
  ];
}

/**
 * Return what the ink that speaks most for a label comes to.
 * @param {number} label
 * @param {number} nats by which its log-probability falls without that ink
 */
export function occlusionCaption(label, nats) {
  if (nats < ALIKE) return `No spot decides alone: without any one of them ${label} is as likely.`;
  return `Without its brightest blue, ${label} is ${timesLess(nats)}.`;
}

/** @param {number} nats by which a log-probability is smaller */
function timesLess(nats) {
  if (nats < ALIKE) return "as likely";
  if (nats > Math.log(1e6)) return "more than a million times less likely";
  return `${Number(Math.exp(nats).toPrecision(2)).toLocaleString("en")} times less likely`;
}

function showOcclusion({ label, occlusion: { values, width, height } }, pixels) {
  const most = Math.max(LEAST_SCALE, ...values.map(Math.abs));
  const picture = pictureOf(values, width, height, (value) => signedRootColours(value / most));
  const outline = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "outline", "aria-hidden": "true" },
    svg("path", { d: outlineOf(pixels, width, height) }),
  );
  describe(picture, `Heat map: how much each part of the ink speaks for ${label}`);
  byId("occlusion").replaceChildren(picture, outline);
  const ramp = Float32Array.from({ length: 64 }, (_, i) => i / 31.5 - 1);
  byId("legend").replaceChildren(pictureOf(ramp, 64, 1, signedRootColours));
  byId("legend-low").textContent = "against";
  byId("legend-high").textContent = `for ${label}`;
  byId("occlusion-caption").textContent = occlusionCaption(label, Math.max(0, ...values));
}

function showChange(kind, change, pixels) {
  const mask = change ? bytesOf(change.mask) : new Uint8Array(pixels.length);
  const picture = changePicture(pixels, mask, kind);
  const verb = { erase: "Without", add: "With" }[kind];
  const text = change
    ? [
        `${verb} `,
        element("b", { className: kind, textContent: kind === "erase" ? "this" : "this more" }),
        " it reads ",
        element("strong", { textContent: change.label }),
        `, ${likelihood(change.confidence)}`,
      ]
    : [
        kind === "erase"
          ? "With a third of the ink erased it reads the same."
          : "Two more strokes do not change the reading.",
      ];
  describe(picture, text.map((part) => part.textContent ?? part).join(""));
  byId(`${kind}-picture`).replaceChildren(picture);
  byId(`${kind}-caption`).replaceChildren(...text);
}

function neighbour({ label, distance, pixels }, expected) {
  const picture = pictureOf(unit(bytesOf(pixels)), SIDE, SIDE, inkColours);
  describe(picture, `a ${label} of the training digits, distance ${short(distance)}`);
  return element(
    "li",
    { title: `distance ${short(distance)}` },
    picture,
    element("span", { className: label === expected ? "" : "other", textContent: String(label) }),
  );
}

function layer({ name, channels, height, width, pixels }) {
  const values = unit(bytesOf(pixels));
  const size = height * width;
  const maps = Array.from({ length: channels }, (_, i) =>
    pictureOf(values.subarray(i * size, (i + 1) * size), width, height, activityColours),
  );
  const what = size === 1 ? `${channels} units` : `${channels} maps of ${width}×${height}`;
  const grid = element("div", { className: size === 1 ? "maps units" : "maps" }, ...maps);
  grid.setAttribute("role", "img");
  grid.setAttribute("aria-label", `${name}: ${what}`);
  const title = element("h4", {}, name, element("span", { textContent: what }));
  return element("div", { className: "layer" }, title, grid);
}

function describe(picture, label) {
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", label);
}
