/** Digits as drawings, for whoever has no pen: each fits a box 0.7 wide and 1 high. */

import { SHEET_HEIGHT, SHEET_WIDTH, boundsOf } from "./strokes.js";

const STEP = 0.04;
const MOST_DIGITS_A_LINE = 6;
const HEIGHT = 300;
const HEIGHT_ALONE = 460;
/** From one digit to the next, the height being 1. */
const PITCH = 0.95;
/** Share of the sheet's width that a number takes at most. */
const LONGEST = 0.9;
const TILT = 0.08;

/** @type {Record<string, () => number[][][]>} the lines of each digit */
const DIGITS = {
  0: () => [arc(0.35, 0.5, 0.31, 0.5, -80, -445)],
  1: () => [line([0.16, 0.24], [0.4, 0], [0.38, 1])],
  2: () => [[...arc(0.33, 0.28, 0.3, 0.28, 190, 395), ...line([0.5, 0.52], [0.03, 0.98], [0.7, 0.96])]],
  3: () => [[...arc(0.31, 0.25, 0.27, 0.25, 200, 440), ...arc(0.31, 0.74, 0.33, 0.26, -80, 145)]],
  4: () => [line([0.42, 0], [0.02, 0.64], [0.7, 0.62]), line([0.52, 0.34], [0.5, 1])],
  5: () => [[...line([0.64, 0.02], [0.16, 0.03], [0.1, 0.46]), ...arc(0.32, 0.68, 0.32, 0.31, 225, 500)]],
  6: () => [[...arc(0.66, 0.7, 0.62, 0.7, 260, 185), ...arc(0.34, 0.72, 0.3, 0.28, 180, -200)]],
  7: () => [line([0.02, 0.05], [0.66, 0.03], [0.26, 1])],
  8: () => [
    [
      ...arc(0.35, 0.25, 0.26, 0.25, -50, -270),
      ...arc(0.35, 0.75, 0.31, 0.25, -90, 270),
      ...arc(0.35, 0.25, 0.26, 0.25, 90, -50),
    ],
  ],
  9: () => [[...arc(0.34, 0.28, 0.29, 0.28, -20, -375), ...line([0.62, 0.22], [0.6, 0.5], [0.5, 1])]],
};

/**
 * Return the strokes of a number in the middle of an empty sheet.
 * @param {string} number
 * @param {number} width of the pen
 */
export function exampleOf(number, width) {
  const length = PITCH * (number.length - 1) + 0.7;
  const height = number.length === 1 ? HEIGHT_ALONE : Math.min(HEIGHT, (LONGEST * SHEET_WIDTH) / length);
  const pitch = PITCH * height;
  const left = (SHEET_WIDTH - length * height) / 2;
  const top = (SHEET_HEIGHT - height) / 2;
  return [...number].flatMap((digit, place) => digitAt(digit, left + place * pitch, top, height, width));
}

/**
 * Return the strokes of a digit after what is on the sheet; on the next line when this one is full.
 * @param {string} digit
 * @param {import("./strokes.js").Stroke[]} strokes
 * @param {number} width of the pen
 */
export function exampleAfter(digit, strokes, width) {
  const pitch = SHEET_WIDTH / (MOST_DIGITS_A_LINE + 0.5);
  const height = pitch;
  const margin = (SHEET_WIDTH - MOST_DIGITS_A_LINE * pitch) / 2 + 0.15 * pitch;
  if (!strokes.length) return digitAt(digit, margin, 0.2 * SHEET_HEIGHT, height, width);
  const last = boundsOf(strokes.slice(-1));
  const ink = boundsOf(strokes);
  const isFull = last.right + 1.05 * pitch > SHEET_WIDTH;
  const left = isFull ? margin : last.right + 0.35 * pitch;
  const top = isFull ? ink.bottom + 0.5 * height : Math.max(last.bottom - height, 0);
  return top + height > SHEET_HEIGHT ? [] : digitAt(digit, left, top, height, width);
}

/** Return a number of two to four digits. */
export function randomNumber() {
  return String(Math.floor(10 + Math.random() * 9990));
}

function digitAt(digit, left, top, height, width) {
  const slant = (Math.random() - 0.3) * TILT;
  const place = ([x, y]) => [left + (x + slant * (0.5 - y)) * height, top + y * height];
  return DIGITS[digit]().map((points) => ({ width, points: points.map(place) }));
}

/** Return points along an ellipse; angles in degrees, clockwise from the right. */
function arc(x, y, radiusX, radiusY, from, to) {
  const steps = Math.ceil(((Math.abs(to - from) / 180) * Math.PI * Math.max(radiusX, radiusY)) / STEP);
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle)];
  });
}

/** Return points along a line with corners, so near to each other that the corners stay sharp. */
function line(...corners) {
  return corners.slice(1).reduce(
    (points, end) => {
      const start = points.at(-1);
      const steps = Math.ceil(Math.hypot(end[0] - start[0], end[1] - start[1]) / STEP);
      const between = Array.from({ length: steps }, (_, i) =>
        start.map((from, k) => from + ((end[k] - from) * (i + 1)) / steps),
      );
      return [...points, ...between];
    },
    [corners[0]],
  );
}
