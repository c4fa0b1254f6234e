/** Tabs after the ARIA pattern: arrow keys move between them, Tab goes on into the panel. */

import { byId } from "./dom.js";

/**
 * Make the tabs work, and call `onOpen(id of the panel)` when one is opened.
 * @param {HTMLElement} list with role tablist
 * @param {(panel: string) => void} onOpen
 */
export function prepareTabs(list, onOpen) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const open = (tab) => {
    for (const each of tabs) {
      each.setAttribute("aria-selected", String(each === tab));
      each.tabIndex = each === tab ? 0 : -1;
      byId(each.getAttribute("aria-controls")).hidden = each !== tab;
    }
    onOpen(tab.getAttribute("aria-controls"));
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) open(tab);
  });
  list.addEventListener("keydown", (event) => {
    const next = neighbour(tabs, tabs.indexOf(document.activeElement), event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
    open(next);
  });
}

function neighbour(tabs, current, key) {
  const places = { ArrowRight: current + 1, ArrowLeft: current - 1 + tabs.length, Home: 0, End: tabs.length - 1 };
  return key in places ? tabs[places[key] % tabs.length] : null;
}
