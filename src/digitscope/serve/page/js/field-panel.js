/** The panel of the selected field: its name, what it may hold, and where it is. */

import { byId, element } from "./dom.js";

const PLACE = ["left", "top", "width", "height"];
const NUMBERS = ["min", "max", "decimals"];
const TEXTS = ["pattern", "check"];
const FLAGS = ["required", "printed"];
const LENGTHS = ["least", "most"];

/** What a field gets when it is first said to hold that. */
const FIRST = { any: {}, digits: { digits: 8 }, length: { length: [1, 8] }, pattern: { pattern: "DD.MM.YYYY" } };

/** Return a typed number, undefined for nothing, or the text if it is no number: the server says so. */
function typedNumber(text) {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  return /^-?\d+(\.\d*)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}

const holdsOf = (field) => ["digits", "length", "pattern"].find((key) => field[key] !== undefined) ?? "any";

/** The panel on the page. */
export class FieldPanel {
  #field = null;

  /**
   * @param {object} handlers
   * @param {(change: Record<string, unknown>, kind: string) => void} handlers.onChange keys with other values;
   *   undefined takes a key away
   */
  constructor({ onChange }) {
    this.onChange = onChange;
    const listen = (id, keysOf) =>
      byId(id).addEventListener("input", () => this.#field && onChange(keysOf(byId(id)), id));
    listen("name", ({ value }) => ({ name: value }));
    for (const id of NUMBERS) listen(id, ({ value }) => ({ [id]: typedNumber(value) }));
    for (const id of TEXTS) listen(id, ({ value }) => ({ [id]: id === "check" ? value || undefined : value }));
    for (const id of FLAGS) listen(id, ({ checked }) => ({ [id]: checked || undefined }));
    for (const id of LENGTHS)
      listen(id, () => ({ length: LENGTHS.map((each) => typedNumber(byId(each).value) ?? "") }));
    listen("digits", ({ value }) => ({ digits: typedNumber(value) ?? "" }));
    for (const id of PLACE) byId(id).addEventListener("input", () => this.#placed(id));
    byId("holds").addEventListener("change", () => this.#held());
    byId("parts").addEventListener("change", () => this.#summed());
  }

  /**
   * Show a field of the form, or none.
   * @param {any} field
   * @param {any[]} fields all of them
   * @param {string} fault what is wrong with it, as a sentence, or ""
   */
  show(field, fields, fault) {
    const isOther = field?.id !== this.#field?.id;
    this.#field = field;
    byId("panel").hidden = !field;
    byId("invitation").hidden = Boolean(field);
    const place = fields.indexOf(field) + 1;
    byId("panel-title").textContent = field ? `Column ${place} of ${fields.length}` : "No field is selected";
    if (byId("fault").textContent !== fault) byId("fault").textContent = fault;
    byId("name").setAttribute("aria-invalid", String(Boolean(fault)));
    if (!field) return;
    byId("earlier").disabled = place === 1;
    byId("later").disabled = place === fields.length;
    this.#fill(field, isOther);
    const holds = holdsOf(field);
    byId("holds").value = holds;
    for (const part of byId("panel").querySelectorAll("[data-holds]")) part.hidden = part.dataset.holds !== holds;
    this.#showSum(field, fields);
  }

  /** Move the focus to the name, so that typing replaces it. */
  focusName() {
    byId("name").focus();
    byId("name").select();
  }

  #fill(field, isOther) {
    const fill = (id, value, typed) => {
      const input = byId(id);
      if (isOther || typed(input.value) !== value) input.value = value ?? "";
    };
    fill("name", field.name, String);
    for (const id of ["digits", ...NUMBERS]) fill(id, field[id], typedNumber);
    for (const id of TEXTS) fill(id, field[id], (text) => text || undefined);
    LENGTHS.forEach((id, i) => fill(id, field.length?.[i], typedNumber));
    PLACE.forEach((id, i) => fill(id, field.box[i], typedNumber));
    for (const id of PLACE) byId(id).removeAttribute("aria-invalid");
    for (const id of FLAGS) byId(id).checked = Boolean(field[id]);
  }

  #placed(id) {
    if (!this.#field) return;
    const values = PLACE.map((each) => typedNumber(byId(each).value));
    const isNumber = typeof values[PLACE.indexOf(id)] === "number";
    byId(id).setAttribute("aria-invalid", String(!isNumber));
    if (values.every((value) => typeof value === "number")) this.onChange({ box: values }, id);
  }

  #held() {
    const none = { digits: undefined, length: undefined, pattern: undefined };
    if (this.#field) this.onChange({ ...none, ...FIRST[byId("holds").value] }, "");
  }

  #summed() {
    const parts = [...byId("parts").querySelectorAll("input:checked")].map(({ summand }) => summand);
    if (this.#field) this.onChange({ sum_of: parts.length ? parts : undefined }, "");
  }

  /** Offer the other fields with numbers, by their ids, and what else the sum has: names of fields that are gone. */
  #showSum(field, fields) {
    const chosen = field.sum_of ?? [];
    const others = fields.filter(({ id, pattern }) => id !== field.id && pattern === undefined);
    const parts = [...new Set([...others.map(({ id }) => id), ...chosen])];
    const nameOf = (part) => fields.find(({ id }) => id === part)?.name ?? part;
    byId("sum-line").textContent = chosen.map(nameOf).join(" + ") || "no other fields";
    const labels = [...byId("parts").children];
    if (labels.length !== parts.length || labels.some((label, i) => label.firstChild.summand !== parts[i]))
      byId("parts").replaceChildren(...parts.map(partElement));
    for (const label of byId("parts").children) {
      label.firstChild.checked = chosen.includes(label.firstChild.summand);
      label.lastChild.textContent = nameOf(label.firstChild.summand);
    }
  }
}

function partElement(summand) {
  return element("label", {}, element("input", { type: "checkbox", summand }), element("span"));
}
