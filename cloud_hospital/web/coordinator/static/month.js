// The month's grid: arrows go from visit to visit, M takes one up, arrows carry it, Enter puts it down; or by pointer.
(() => {
  "use strict";
  const grid = document.getElementById("plan");
  if (!grid) return;
  const say = document.getElementById("plan-say");
  const dialog = document.getElementById("drop");
  const form = dialog.querySelector("form");
  const words = (name, values) => grid.dataset[`t${name}`].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const tell = (text) => {
    say.textContent = text;
  };

  // Focus: one stop for Tab; a cell without visits is a stop of its own.
  const rows = [...grid.querySelectorAll("tr")].filter((row) => row.querySelector("td[data-day]"));
  const cells = rows.map((row) => [...row.querySelectorAll("td")]);
  const stops = (cell) => {
    const visits = [...cell.querySelectorAll("a.visit")];
    return visits.length ? visits : [cell];
  };
  let current = null;
  function focus(stop) {
    if (!stop) return;
    if (current) current.tabIndex = -1;
    current = stop;
    stop.tabIndex = 0;
    stop.focus();
    stop.scrollIntoView({ block: "nearest" });
  }
  const cellOf = (one) => one.closest("td[data-day]");
  function neighbour(cell, down, right) {
    let row = rows.indexOf(cell.parentElement);
    let column = cells[row].indexOf(cell);
    for (;;) {
      row += down;
      column += right;
      if (right && column < 0) [row, column] = [above(row), 6];
      if (right && column > 6) [row, column] = [below(row), 0];
      const found = cells[row] && cells[row][column];
      if (!found) return null;
      if (found.dataset.day) return found;
    }
  }
  // Past Sunday the same vehicle's next week follows.
  const vehicles = new Set(rows.map((row) => (row.querySelector("td[data-day]") || {}).dataset.vehicle)).size;
  const below = (row) => row + vehicles;
  const above = (row) => row - vehicles;

  // Carrying one visit.
  let carried = null; // {visit, cell, choices, at}
  function choiceOf(cell) {
    return carried.choices && carried.choices[`${cell.dataset.day}/${cell.dataset.vehicle}`];
  }
  function mark() {
    for (const cell of grid.querySelectorAll("td[data-day]")) {
      const choice = cell === carried.cell ? null : choiceOf(cell);
      cell.classList.toggle("can", Boolean(choice && choice.start && !choice.doubt));
      cell.classList.toggle("may", Boolean(choice && choice.doubt));
      cell.classList.toggle("cannot", Boolean(choice && choice.why));
    }
  }
  function told(cell) {
    const where = cell.dataset.name;
    const choice = choiceOf(cell);
    if (!choice) return `${where} ${grid.dataset.tAsking}`;
    if (cell === carried.cell) return words("Same", { where });
    if (choice.why) return words("Not", { where, why: choice.why });
    return words("Fits", { where, start: choice.start, end: choice.end }) + [choice.doubt, choice.note].map((word) => (word ? ` △ ${word}` : "")).join("");
  }
  function hover(cell) {
    if (carried.at) carried.at.classList.remove("at");
    carried.at = cell;
    cell.classList.add("at");
    tell(told(cell));
  }
  function take(visit) {
    drop();
    carried = { visit, cell: cellOf(visit), choices: null, at: null, isDropped: false };
    visit.classList.add("carried");
    grid.classList.add("carrying");
    tell(words("Picked", { what: visit.dataset.name }));
    carried.ready = ask(carried);
  }
  async function ask(mine) {
    const { visit } = mine;
    const query = new URLSearchParams({ visit: visit.dataset.visit, month: grid.dataset.month });
    try {
      const answer = await fetch(`/schedule/choices?${query}`);
      const found = await answer.json();
      if (carried !== mine) return;
      if (!answer.ok) {
        drop();
        tell(found.problem);
        return;
      }
      mine.choices = found;
      mark();
      if (mine.at) tell(told(mine.at));
    } catch {
      if (carried !== mine) return;
      drop();
      tell(grid.dataset.tNotReached);
    }
  }
  function drop() {
    if (!carried) return;
    const { visit, at } = carried;
    visit.classList.remove("carried");
    if (at) at.classList.remove("at");
    grid.classList.remove("carrying");
    carried.choices = null;
    mark();
    carried = null;
  }
  function put(cell) {
    const choice = choiceOf(cell);
    if (!choice || choice.why || cell === carried.cell) {
      tell(told(cell));
      return;
    }
    form.action = `/schedule/visits/${encodeURIComponent(carried.visit.dataset.visit)}/move`;
    form.elements.day.value = cell.dataset.day;
    form.elements.vehicle.value = cell.dataset.vehicle;
    form.elements.start.value = choice.start;
    document.getElementById("drop-title").textContent = words("Drop", { what: carried.visit.dataset.name, where: cell.dataset.name });
    const doubt = document.getElementById("drop-doubt");
    const doubts = [choice.doubt, choice.note].filter(Boolean);
    doubt.hidden = !doubts.length;
    doubt.textContent = doubts.map((word) => `△ ${word}`).join(" ");
    dialog.showModal();
    form.elements.reason.focus();
  }
  dialog.addEventListener("close", () => {
    const visit = carried && carried.visit;
    drop();
    if (visit) {
      tell(grid.dataset.tBack);
      focus(visit);
    }
  });
  dialog.querySelector("[data-put-back]").addEventListener("click", () => dialog.close());

  const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  function carry(event) {
    const at = carried.at || carried.cell;
    if (MOVES[event.key]) {
      hover(neighbour(at, ...MOVES[event.key]) || at);
      carried.at.scrollIntoView({ block: "nearest" });
    }
    else if (event.key === "Enter") put(at);
    else if (event.key === "Escape") {
      const { visit } = carried;
      drop();
      tell(grid.dataset.tBack);
      focus(visit);
    } else return;
    event.preventDefault();
  }
  function walk(event) {
    const stop = event.target;
    const cell = cellOf(stop);
    const here = stops(cell);
    const place = here.indexOf(stop);
    if (event.key === "ArrowDown" && here[place + 1]) focus(here[place + 1]);
    else if (event.key === "ArrowUp" && place > 0) focus(here[place - 1]);
    else if (MOVES[event.key]) {
      const next = neighbour(cell, ...MOVES[event.key]);
      const found = next && stops(next);
      if (found) focus(event.key === "ArrowUp" ? found[found.length - 1] : found[Math.min(Math.max(place, 0), found.length - 1)]);
    } else if (event.key === "Home" || event.key === "End") {
      const inside = [...cell.parentElement.querySelectorAll("td[data-day]")];
      focus(stops(event.key === "Home" ? inside[0] : inside[inside.length - 1])[0]);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      const link = document.getElementById(event.key === "PageUp" ? "before" : "after");
      if (link) link.click();
    } else if (event.key.toUpperCase() === "M" && "movable" in stop.dataset) take(stop);
    else if (event.key.toUpperCase() === "C" && stop.dataset.visit) location.assign(`${stop.href}#cancel`);
    else if (event.key.toUpperCase() === "U") {
      const undo = document.getElementById("undo");
      if (undo) undo.requestSubmit();
    } else return;
    event.preventDefault();
  }
  grid.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !cellOf(event.target)) return;
    if (carried) carry(event);
    else walk(event);
  });

  // By pointer.
  grid.addEventListener("dragstart", (event) => {
    const visit = event.target.closest && event.target.closest("a.visit[data-movable]");
    if (!visit) return event.preventDefault();
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", visit.dataset.visit);
    take(visit);
  });
  grid.addEventListener("dragover", (event) => {
    const cell = carried && cellOf(event.target);
    if (!cell) return;
    if (cell !== carried.at) hover(cell);
    const choice = choiceOf(cell);
    if (cell !== carried.cell && (!choice || choice.start)) event.preventDefault();
  });
  grid.addEventListener("drop", (event) => {
    const cell = carried && cellOf(event.target);
    if (!cell) return;
    event.preventDefault();
    const mine = carried;
    mine.isDropped = true;
    mine.ready.then(() => {
      if (carried !== mine) return;
      put(cell);
      if (!dialog.open) drop();
    });
  });
  grid.addEventListener("dragend", () => {
    if (carried && !carried.isDropped) drop();
  });

  // Where to begin: the visit just changed, else today's, else the first one.
  const asked = new URLSearchParams(location.search).get("visit");
  const changed = asked && document.getElementById(`visit-${asked}`);
  const begin = changed || grid.querySelector(`td[data-day="${grid.dataset.today}"] a.visit`) || grid.querySelector("a.visit") || grid.querySelector("td[data-day]");
  if (changed) {
    focus(changed);
    const last = document.querySelector("#undo span");
    if (last) tell(last.textContent.replace(/\s+/g, " ").trim());
  }
  else if (begin) {
    current = begin;
    begin.tabIndex = 0;
    if (begin.closest(`td[data-day="${grid.dataset.today}"]`)) begin.closest("tbody").scrollIntoView({ block: "start" });
  }
})();
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    if (event.target.closest && event.target.closest("[data-print]")) print();
  });
})();
