/** What is drawn, as vectors: lines on a sheet of 1000 x 750 that every size of canvas shows. */

export const SHEET_WIDTH = 1000;
export const SHEET_HEIGHT = 750;

/**
 * @typedef {[number, number]} Point on the sheet
 * @typedef {{width: number, points: Point[]}} Stroke
 */

/** Strokes in the order they were drawn, with every state before: clearing can be undone too. */
export class Strokes {
  /** @type {Stroke[]} */
  list = [];
  /** @type {Stroke[][]} */
  #before = [];

  /** @param {...Stroke} strokes that are undone together */
  add(...strokes) {
    this.#become([...this.list, ...strokes]);
  }

  clear() {
    if (this.list.length) this.#become([]);
  }

  undo() {
    this.list = this.#before.pop() ?? [];
  }

  get canUndo() {
    return this.#before.length > 0;
  }

  #become(list) {
    this.#before.push(this.list);
    this.list = list;
  }
}

/**
 * Draw a stroke as a smooth line: quadratic curves from middle to middle of the points, which steer them.
 * @param {CanvasRenderingContext2D} context scaled to the sheet
 * @param {Stroke} stroke
 */
export function trace(context, { width, points }) {
  Object.assign(context, { lineWidth: width, lineCap: "round", lineJoin: "round" });
  context.beginPath();
  context.moveTo(...points[0]);
  for (let i = 1; i < points.length - 1; i += 1) {
    context.quadraticCurveTo(...points[i], ...middle(points[i], points[i + 1]));
  }
  context.lineTo(...points.at(-1)); // of one point, this makes a dot
  context.stroke();
}

/**
 * Return the length of a stroke from point to point.
 * @param {Point[]} points
 */
export function lengthOf(points) {
  const steps = points.slice(1).map(([x, y], i) => Math.hypot(x - points[i][0], y - points[i][1]));
  return steps.reduce((sum, step) => sum + step, 0);
}

/**
 * Return left, top, right and bottom of the middles of strokes.
 * @param {Stroke[]} strokes at least one
 */
export function boundsOf(strokes) {
  const points = strokes.flatMap((stroke) => stroke.points);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

const middle = ([x1, y1], [x2, y2]) => [(x1 + x2) / 2, (y1 + y2) / 2];
