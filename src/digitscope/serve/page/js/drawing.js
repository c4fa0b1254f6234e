/** The sheet to draw on: pointers become strokes, strokes become pixels. */

import { element } from "./dom.js";
import { bytesOf } from "./pixels.js";
import { SHEET_HEIGHT, SHEET_WIDTH, Strokes, lengthOf, trace } from "./strokes.js";

const PNG_WIDTH = 400;
const TAP = 8;
const POINTS_A_FRAME = 2;

/** A canvas that is drawn on. Calls `onChange()` as a line grows and after every other change, `onTap(x, y)` for a
 * touch without a line. */
export class Drawing {
  strokes = new Strokes();
  /** Whether what was to be written last found no room. */
  isFull = false;
  penWidth = 26;
  onChange = () => {};
  /** Return whether the tap, in shares of the sheet, meant something else than a dot. */
  onTap = (_x, _y) => false;

  #pointer = null;
  /** @type {import("./strokes.js").Stroke | null} */
  #current = null;
  /** @type {import("./strokes.js").Stroke[]} */
  #performed = [];
  #written = Promise.resolve();
  /** What is to be written yet belongs to an earlier one, and is not, after an undo or a clear. */
  #generation = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#extend(event));
    canvas.addEventListener("pointerup", (event) => this.#end(event));
    canvas.addEventListener("pointercancel", (event) => this.#end(event));
    new ResizeObserver(() => this.#fit()).observe(canvas);
  }

  get isEmpty() {
    return this.#drawn().length === 0;
  }

  undo() {
    this.#generation += 1;
    this.strokes.undo();
    this.#changed();
  }

  clear() {
    this.#generation += 1;
    this.#performed = [];
    this.strokes.clear();
    this.#changed();
  }

  /**
   * Draw strokes as if by hand, after what is being written; at once if motion is not wanted.
   * @param {(before: import("./strokes.js").Stroke[]) => import("./strokes.js").Stroke[]} make the strokes, or
   * none where there is no room for them
   */
  async write(make) {
    const generation = this.#generation;
    this.#written = this.#written.then(async () => {
      if (generation !== this.#generation) return;
      const strokes = make(this.strokes.list);
      const isWanted = await this.#perform(strokes);
      if (isWanted && strokes.length) this.strokes.add(...strokes);
      if (isWanted) this.#changed(strokes.length === 0);
    });
    return this.#written;
  }

  /** Show the strokes again, as after a change of the theme. */
  redraw() {
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.strokeStyle = getComputedStyle(this.canvas).color;
    this.#paint(context, [...this.#drawn(), ...this.#performed]);
  }

  /** Return the strokes as a PNG, black on white, of one size on every screen. */
  png() {
    const picture = element("canvas", { width: PNG_WIDTH, height: (PNG_WIDTH * SHEET_HEIGHT) / SHEET_WIDTH });
    const context = picture.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, picture.width, picture.height);
    context.strokeStyle = "#000";
    this.#paint(context, this.#drawn());
    const base64 = picture.toDataURL("image/png").split(",")[1]; // toBlob waits for an idle moment, up to a second
    return new Blob([bytesOf(base64)], { type: "image/png" });
  }

  /** The strokes by hand, that under the pen among them once it is a line. */
  #drawn() {
    const isLine = this.#current && lengthOf(this.#current.points) >= TAP;
    return isLine ? [...this.strokes.list, this.#current] : this.strokes.list;
  }

  #paint(context, strokes) {
    const scale = context.canvas.width / SHEET_WIDTH;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    for (const stroke of strokes) trace(context, stroke);
  }

  #begin(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    this.#pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.#current = { width: this.penWidth, points: [this.#point(event)] };
    this.redraw();
  }

  #extend(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#current.points.push(this.#point(each));
    if (lengthOf(this.#current.points) >= TAP) this.#changed();
  }

  #end(event) {
    if (event.pointerId !== this.#pointer) return;
    const stroke = this.#current;
    this.#pointer = this.#current = null;
    const [x, y] = stroke.points[0];
    const isTap = lengthOf(stroke.points) < TAP;
    if (!(isTap && this.onTap(x / SHEET_WIDTH, y / SHEET_HEIGHT))) this.strokes.add(stroke);
    this.#changed();
  }

  #changed(isFull = false) {
    this.isFull = isFull;
    this.redraw();
    this.onChange();
  }

  #point(event) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const scale = SHEET_WIDTH / width;
    return [(event.clientX - left) * scale, (event.clientY - top) * scale];
  }

  #fit() {
    const { width } = this.canvas.getBoundingClientRect();
    if (!width) return;
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round((this.canvas.width * SHEET_HEIGHT) / SHEET_WIDTH);
    this.redraw();
  }

  /** Show strokes growing, and return whether they are still wanted in the end. */
  async #perform(strokes) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return true;
    const shown = [];
    this.#performed = shown;
    for (const { width, points } of strokes) {
      const stroke = { width, points: [points[0]] };
      shown.push(stroke);
      for (let i = 1; i < points.length && this.#performed === shown; i += POINTS_A_FRAME) {
        await new Promise(requestAnimationFrame);
        stroke.points.push(...points.slice(i, i + POINTS_A_FRAME));
        this.redraw();
      }
    }
    const isWanted = this.#performed === shown;
    if (isWanted) this.#performed = [];
    return isWanted;
  }
}
