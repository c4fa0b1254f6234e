/** The empty form with its fields over it: drawn, moved and resized with a pointer; shown as large as wanted. */

import { between, moved, resized } from "./boxes.js";
import { byId, element } from "./dom.js";

const ZOOMS = [1, 1.5, 2, 3, 4];

/** Pixels that a pointer moves before it drags, and of the sides of a new field, at least. */
const PIXELS_OF_A_DRAG = 4;

/** Pixels of a side up to which the handle in its middle would be on those of the corners. */
const SHORT_SIDE = 30;

const sheet = byId("sheet");
const viewport = byId("viewport");
const frame = byId("frame");
const paper = byId("paper");

/** The form on the page. */
export class FormSheet {
  #size = [1, 1];
  #zoom = 0;
  #drag = null;
  #elements = new Map();

  /**
   * @param {object} handlers
   * @param {(id: number | null) => void} handlers.onSelect
   * @param {(id: number) => void} handlers.onOpen
   * @param {(id: number, box: number[]) => void} handlers.onBox
   * @param {(box: number[], isTouch: boolean) => void} handlers.onNew
   */
  constructor(handlers) {
    this.handlers = handlers;
    this.fields = [];
    this.selected = null;
    sheet.addEventListener("pointerdown", (event) => this.#press(event));
    sheet.addEventListener("pointermove", (event) => this.#follow(event));
    sheet.addEventListener("pointerup", (event) => this.#release(event));
    sheet.addEventListener("pointercancel", () => this.cancel());
    sheet.addEventListener("focusin", ({ target }) => this.#focused(target));
    sheet.addEventListener("click", ({ target, detail }) => {
      const field = target.closest(".field");
      if (field && detail === 0) handlers.onOpen(Number(field.dataset.id)); // by Enter, or by what reads the screen
    });
    new ResizeObserver(() => this.#fit()).observe(viewport);
    byId("fit").addEventListener("click", () => this.zoom(0));
    byId("larger").addEventListener("click", () => this.zoom(1));
    byId("smaller").addEventListener("click", () => this.zoom(-1));
  }

  /**
   * Show the picture of the form.
   * @param {Blob} picture
   */
  async load(picture) {
    paper.src = URL.createObjectURL(picture);
    await paper.decode();
    viewport.style.setProperty("--shape", String(paper.naturalWidth / paper.naturalHeight));
    this.#fit();
  }

  /**
   * Show fields; those that are `wrong` stand out.
   * @param {{fields: any[], selected: number | null}} state
   * @param {number[]} size
   * @param {Set<number>} wrong
   */
  show({ fields, selected }, size, wrong) {
    Object.assign(this, { fields, selected });
    this.#size = size;
    const before = this.#elements;
    this.#elements = new Map(fields.map(({ id }) => [id, before.get(id) ?? fieldElement(id)]));
    for (const [id, gone] of before) if (!this.#elements.has(id)) gone.remove();
    fields.forEach((field, place) => {
      const shown = this.#elements.get(field.id);
      const others = byId("boxes").children;
      if (others[place] !== shown) byId("boxes").insertBefore(shown, others[place] ?? null);
      shown.firstChild.textContent = field.name;
      shown.setAttribute("aria-label", field.name || "a field without a name");
      shown.setAttribute("aria-pressed", String(field.id === selected));
      shown.classList.toggle("wrong", wrong.has(field.id));
      this.#place(shown, field.box);
    });
    this.#showFrame(fields.find(({ id }) => id === selected)?.box ?? null);
  }

  /**
   * Move the focus to a field, and have it seen.
   * @param {number | null} id
   */
  focus(id) {
    const target = this.#elements.get(id);
    target?.focus({ preventScroll: true });
    target?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Tell whether the focus is on a field. */
  get hasFocus() {
    return Boolean(document.activeElement?.closest(".field"));
  }

  /** Return the middle of what is seen of the form, in its unit. */
  get middle() {
    const { left, top, width, height } = viewport.getBoundingClientRect();
    return this.#at({ clientX: left + width / 2, clientY: top + height / 2 });
  }

  /**
   * Make the form larger or smaller; 0 shows the whole.
   * @param {number} by
   */
  zoom(by) {
    this.#zoom = by ? Math.max(0, Math.min(ZOOMS.length - 1, this.#zoom + by)) : 0;
    const middle = this.middle;
    this.#fit();
    const target = this.fields.find(({ id }) => id === this.selected)?.box;
    const [x, y] = target ? [target[0] + target[2] / 2, target[1] + target[3] / 2] : middle;
    viewport.scrollTo(
      (x / this.#size[0]) * sheet.clientWidth - viewport.clientWidth / 2,
      (y / this.#size[1]) * sheet.clientHeight - viewport.clientHeight / 2,
    );
  }

  /** Give up what a pointer does. */
  cancel() {
    this.#drag = null;
    frame.classList.remove("drawn");
    this.#show(this.selected, this.fields.find(({ id }) => id === this.selected)?.box ?? null);
  }

  #fit() {
    if (!paper.naturalWidth) return;
    const [wide, high] = [viewport.offsetWidth, viewport.offsetHeight];
    const shape = paper.naturalWidth / paper.naturalHeight;
    const width = Math.floor(Math.min(wide, high * shape) * ZOOMS[this.#zoom]);
    Object.assign(sheet.style, { width: `${width}px`, height: `${Math.floor(width / shape)}px` });
    byId("smaller").disabled = this.#zoom === 0;
    byId("larger").disabled = this.#zoom === ZOOMS.length - 1;
    const selected = this.fields.find(({ id }) => id === this.selected);
    this.#showFrame(selected?.box ?? null);
  }

  /** Return where a pointer is, in the unit of the form. */
  #at({ clientX, clientY }) {
    const { left, top, width, height } = sheet.getBoundingClientRect();
    return [((clientX - left) / width) * this.#size[0], ((clientY - top) / height) * this.#size[1]];
  }

  #place(target, [left, top, width, height]) {
    const [across, down] = this.#size.map((side) => (length) => `${(100 * length) / side}%`);
    Object.assign(target.style, { left: across(left), top: down(top), width: across(width), height: down(height) });
  }

  #showFrame(box) {
    frame.hidden = !box;
    if (!box) return;
    this.#place(frame, box);
    frame.classList.toggle("low", frame.clientHeight < SHORT_SIDE);
    frame.classList.toggle("narrow", frame.clientWidth < SHORT_SIDE);
  }

  #show(id, box) {
    if (id !== null && box) this.#place(this.#elements.get(id), box);
    this.#showFrame(box);
  }

  #focused(target) {
    const field = target.closest(".field");
    if (field && !this.#drag) this.handlers.onSelect(Number(field.dataset.id));
  }

  #press(event) {
    if (event.button !== 0 || this.#drag) return;
    const handle = event.target.dataset.edges;
    const pressed = event.target.closest(".field");
    const id = handle ? this.selected : pressed ? Number(pressed.dataset.id) : null;
    this.handlers.onSelect(id);
    if (pressed) pressed.focus({ preventScroll: true });
    else if (!handle) document.activeElement?.blur();
    event.preventDefault(); // else the press would move the focus, too
    const box = this.fields.find((field) => field.id === id)?.box ?? null;
    this.#drag = { id, handle, box, from: this.#at(event), start: event, now: null, pointer: event.pointerId };
    sheet.setPointerCapture(event.pointerId);
  }

  #follow(event) {
    const drag = this.#drag;
    if (drag?.pointer !== event.pointerId) return;
    const distance = Math.hypot(event.clientX - drag.start.clientX, event.clientY - drag.start.clientY);
    if (!drag.now && distance < PIXELS_OF_A_DRAG) return;
    drag.now = this.#dragged(drag, this.#at(event));
    frame.classList.toggle("drawn", drag.id === null);
    this.#show(drag.id, drag.now);
  }

  #dragged({ id, handle, box, from }, to) {
    if (id === null) return between(from, to, this.#size);
    const [across, down] = [to[0] - from[0], to[1] - from[1]];
    if (handle) return resized(box, handle, across, down, this.#size);
    return moved(box, across, down, this.#size);
  }

  #release(event) {
    const drag = this.#drag;
    if (drag?.pointer !== event.pointerId) return;
    const { width, height } = frame.getBoundingClientRect();
    this.cancel();
    if (!drag.now) return;
    if (drag.id !== null) this.handlers.onBox(drag.id, drag.now);
    else if (Math.min(width, height) >= PIXELS_OF_A_DRAG) this.handlers.onNew(drag.now, event.pointerType === "touch");
  }
}

function fieldElement(id) {
  const made = element("button", { type: "button", className: "field" }, element("span"));
  made.dataset.id = id;
  made.setAttribute("aria-describedby", "tips");
  return made;
}
