/** Bytes and numbers as small pictures. What a network sees or computes is shown on black, in either theme. */

import { element } from "./dom.js";

/** @typedef {(value: number, index: number) => number[]} Colours red, green and blue of 0 to 255 */

const BLACK = [13, 17, 23];
const BLUE = [86, 180, 233];
const ORANGE = [230, 159, 0];
const GRAY = [150, 156, 164];
const WHITE = [255, 255, 255];

/**
 * @param {string} base64
 * @returns {Uint8Array}
 */
export const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/**
 * Ink, 0 to 1: white on black.
 * @type {Colours}
 */
export const inkColours = (value) => mixed(BLACK, WHITE, value);

/**
 * How active, 0 to 1: from black by blue to white.
 * @type {Colours}
 */
export const activityColours = (value) =>
  value < 0.5 ? mixed(BLACK, BLUE, 2 * value) : mixed(BLUE, WHITE, 2 * value - 1);

/**
 * For and against, -1 to 1: orange below 0, blue above, which the colour-blind tell apart.
 * @type {Colours}
 */
export const signedColours = (value) => mixed(BLACK, value < 0 ? ORANGE : BLUE, Math.min(1, Math.abs(value)));

/**
 * The same, brighter near 0, so that little is seen too.
 * @type {Colours}
 */
export const signedRootColours = (value) => signedColours(Math.sign(value) * Math.sqrt(Math.abs(value)));

/**
 * Return a canvas with one pixel a value; the style sheet makes it larger.
 * @param {ArrayLike<number>} values row by row
 * @param {number} width
 * @param {number} height
 * @param {Colours} colours
 * @returns {HTMLCanvasElement}
 */
export function pictureOf(values, width, height, colours) {
  const canvas = element("canvas", { width, height, className: "pixels" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i += 1) image.data.set([...colours(values[i], i), 255], 4 * i);
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Return bytes of 0 to 255 as numbers of 0 to 1.
 * @param {Uint8Array} bytes
 * @returns {Float32Array}
 */
export const unit = (bytes) => Float32Array.from(bytes, (byte) => byte / 255);

/**
 * Return the outline of ink above one half as the path of an SVG, in pixels.
 * @param {Uint8Array} ink
 * @param {number} width
 * @param {number} height
 */
export function outlineOf(ink, width, height) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && ink[y * width + x] > 127;
  const edges = [];
  for (let y = 0; y <= height; y += 1) {
    for (let x = 0; x <= width; x += 1) {
      if (inside(x, y) !== inside(x, y - 1)) edges.push(`M${x} ${y}h1`);
      if (inside(x, y) !== inside(x - 1, y)) edges.push(`M${x} ${y}v1`);
    }
  }
  return edges.join("");
}

/**
 * Return ink with what is changed of it in colour, as a picture: orange where it goes, blue where it comes.
 * @param {Uint8Array} ink 784
 * @param {Uint8Array} mask 784
 * @param {"erase" | "add"} change
 */
export function changePicture(ink, mask, change) {
  const colour = change === "erase" ? ORANGE : BLUE;
  return pictureOf(mask, 28, 28, (share, i) => mixed(mixed(BLACK, GRAY, ink[i] / 255), colour, share / 255));
}

function mixed(from, to, share) {
  return from.map((start, channel) => Math.round(start + (to[channel] - start) * share));
}
