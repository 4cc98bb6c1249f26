// Live updates: one event stream a tab, whole leaves, and nothing moves under the finger.
"use strict";
(() => {
  const STALE_MS = 10000; // three beats and a little: after this nobody may believe a value on the page
  const RETRY_MS = [500, 1000, 2000, 5000]; // back-off on the vehicle's own network, capped
  const FRESH_MS = 300; // a control that appeared this lately ignores taps
  const SAY_MS = 5000; // at most one spoken sentence in this time
  const words = (name, values = {}) =>
    Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, value), document.body.dataset[`t${name}`] || "");

  // The stream the htmx extension listens to. It closes in a hidden tab, reopens in a visible one, and comes back by itself.
  class Stream extends EventTarget {
    constructor(url) {
      super();
      this.url = url;
      this.names = new Set();
      this.readyState = EventSource.CONNECTING;
      this.tries = 0;
      this.isDone = false;
      this.forward = (event) => {
        heard();
        this.dispatchEvent(new MessageEvent(event.type, { data: event.data, lastEventId: event.lastEventId }));
      };
      document.addEventListener("visibilitychange", () => (document.hidden ? this.pause() : this.open()));
      window.addEventListener("online", () => this.open());
      this.open();
    }
    addEventListener(name, listener) {
      super.addEventListener(name, listener);
      if (!this.names.has(name)) {
        this.names.add(name);
        if (this.source) this.source.addEventListener(name, this.forward);
      }
    }
    open() {
      if (this.isDone || this.source || document.hidden) return;
      clearTimeout(this.timer);
      this.source = new EventSource(this.url);
      for (const name of this.names) this.source.addEventListener(name, this.forward);
      this.source.onopen = () => {
        this.tries = 0;
        this.readyState = EventSource.OPEN;
      };
      this.source.onerror = () => {
        this.pause();
        this.timer = setTimeout(() => this.open(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
      };
    }
    pause() {
      if (this.source) this.source.close();
      this.source = null;
      this.readyState = EventSource.CONNECTING;
    }
    close() {
      this.isDone = true;
      clearTimeout(this.timer);
      this.pause();
    }
  }

  // Beat, staleness, ages.
  let lastHeard = Date.now();
  let serverAhead = 0; // server clock minus this tablet's, so that ages are the server's
  function heard() {
    lastHeard = Date.now();
    mark(false);
  }
  function mark(isStale) {
    document.body.classList.toggle("is-stale", isStale);
  }
  function inWords(seconds) {
    if (seconds < 60) return words("AgoS", { n: seconds });
    if (seconds < 3600) return words("AgoMin", { n: Math.floor(seconds / 60) });
    if (seconds < 86400) return words("AgoH", { n: Math.floor(seconds / 3600) });
    return words("AgoD", { n: Math.floor(seconds / 86400) });
  }
  function tick() {
    const now = Date.now() + serverAhead;
    for (const leaf of document.querySelectorAll("time[data-ago]")) {
      leaf.textContent = inWords(Math.max(0, Math.floor((now - Date.parse(leaf.dateTime)) / 1000)));
    }
    for (const leaf of document.querySelectorAll("time[data-until]")) {
      const left = Math.max(0, Math.ceil((Date.parse(leaf.dateTime) - now) / 1000));
      leaf.textContent = words("Left", { t: `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` });
    }
    if (stream && !document.hidden && Date.now() - lastHeard > STALE_MS) mark(true);
  }

  let stream = null;
  htmx.createEventSource = (url) => {
    if (stream) stream.close();
    stream = new Stream(url);
    stream.addEventListener("beat", (event) => (serverAhead = Number(event.data) - Date.now()));
    stream.addEventListener("locked", () => {
      stream.pause();
      askPin();
    });
    return stream;
  };

  // What may not move: anything that holds the caret or a selection. It waits behind a pill.
  const waiting = new Map(); // element -> messages
  const isHeld = (target) => {
    const selection = document.getSelection();
    return target.contains(document.activeElement) || (!selection.isCollapsed && selection.rangeCount > 0 && selection.getRangeAt(0).intersectsNode(target));
  };
  function idOf(html) {
    const found = /\bid="([^"]+)"/.exec(html);
    return found ? found[1] : "";
  }
  function hold(target, data, isRow) {
    const rows = isRow ? (waiting.get(target) || []).filter((other) => idOf(other) !== idOf(data)) : [];
    waiting.set(target, [...rows, data]);
    if (isRow) showPill(target);
  }
  function showPill(list) {
    const name = `pill-${list.id}`;
    let pill = document.getElementById(name);
    if (!pill) {
      pill = document.createElement("button");
      pill.type = "button";
      pill.id = name;
      pill.className = "button pill";
      pill.addEventListener("click", () => {
        pill.remove();
        release(list);
      });
      const anchor = list.closest("table") || list;
      anchor.after(pill);
    }
    pill.textContent = words("Newcomers", { n: waiting.get(list).length });
  }
  function release(target) {
    const messages = waiting.get(target) || [];
    waiting.delete(target);
    const style = target.getAttribute("hx-swap") || "innerHTML";
    for (const data of messages) {
      if (style === "beforeend" && document.getElementById(idOf(data))) continue;
      htmx.swap(target, data, { swapStyle: style });
      freshen(target);
    }
  }
  function freshen(target) {
    for (const control of target.querySelectorAll("button, a, input")) control.dataset.fresh = Date.now();
    tick();
  }
  // A stream that (re)connects sends every leaf: what is shown already is left alone. Ages tick here, so they do not count.
  function bare(root) {
    for (const time of root.querySelectorAll("time")) time.textContent = "";
    for (const marked of root.querySelectorAll("[data-fresh]")) marked.removeAttribute("data-fresh");
    return root.innerHTML.trim();
  }
  function isSame(target, data) {
    const shown = target.cloneNode(true);
    const told = document.createElement(target.tagName);
    told.innerHTML = data;
    return bare(shown) === bare(told);
  }
  let saidAt = 0;
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const target = event.target;
    if (isSame(target, event.detail.data)) {
      event.preventDefault();
      return;
    }
    if (target.id === "say") {
      if (Date.now() - saidAt < SAY_MS || !event.detail.data) event.preventDefault();
      else saidAt = Date.now();
      return;
    }
    const isRow = target.getAttribute("hx-swap") === "beforeend";
    if (isRow && document.getElementById(idOf(event.detail.data))) event.preventDefault();
    else if (isHeld(target) && !target.hasAttribute("data-force") && (isRow || target.querySelector("button, a, input"))) {
      event.preventDefault();
      hold(target, event.detail.data, isRow);
    }
  });
  document.addEventListener("htmx:sseMessage", (event) => freshen(event.target));
  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt !== document.body) freshen(event.detail.elt);
  });
  document.addEventListener("focusout", () =>
    setTimeout(() => {
      for (const target of [...waiting.keys()]) {
        if (!document.contains(target)) waiting.delete(target);
        else if (target.getAttribute("hx-swap") !== "beforeend" && !isHeld(target)) release(target);
      }
    }, 0),
  );
  document.addEventListener(
    "click",
    (event) => {
      const control = event.target.closest && event.target.closest("[data-fresh]");
      const isKey = event.detail === 0; // pressed by a key or by a script: no finger that meant something else
      if (control && !isKey && Date.now() - Number(control.dataset.fresh) < FRESH_MS) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    },
    true,
  );

  // Answers: never lose what was typed; a locked session asks for the PIN and posts again.
  const note = (text) => (document.getElementById("note").textContent = text);
  let unanswered = null;
  function askPin() {
    const dialog = document.getElementById("pin-dialog");
    if (!dialog) window.location.reload();
    else if (!dialog.open) dialog.showModal();
  }
  const slow = new WeakMap(); // request -> timer of its "saving" line
  document.addEventListener("htmx:beforeSend", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (requestConfig.verb === "get") return;
    note("");
    slow.set(xhr, setTimeout(() => note(words("Saving")), 400));
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    clearTimeout(slow.get(event.detail.xhr));
    if (document.getElementById("note").textContent === words("Saving")) note("");
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) {
      unanswered = event.detail.elt;
      askPin();
    } else note(words("NotSaved"));
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, () => note(words("NotReached")));
  document.addEventListener("unlocked", () => {
    document.getElementById("pin-dialog").close();
    if (stream) stream.open();
    if (unanswered && document.contains(unanswered)) {
      const again = unanswered;
      unanswered = null;
      if (again.matches("form")) again.requestSubmit();
      else again.click();
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    const summary = document.getElementById("error-summary");
    if (summary && !summary.dataset.shown) {
      summary.dataset.shown = "yes";
      summary.focus();
    }
    tick();
  });

  // A drawing that cannot be made says so in its own place.
  document.addEventListener(
    "error",
    (event) => {
      if (!event.target.matches || !event.target.matches("img[data-drawn]")) return;
      const said = document.createElement("p");
      said.textContent = words("PictureGone");
      event.target.replaceWith(said);
    },
    true,
  );
  document.addEventListener("DOMContentLoaded", () => {
    for (const image of document.querySelectorAll("img[data-drawn]")) {
      if (image.complete && image.naturalWidth === 0) image.dispatchEvent(new Event("error"));
    }
    const summary = document.getElementById("error-summary");
    if (summary) summary.focus();
    // The patient's band stays below the top bar, however many lines that has on this screen.
    const top = document.querySelector(".top");
    const measure = () => document.documentElement.style.setProperty("--top-height", `${top.offsetHeight}px`);
    new ResizeObserver(measure).observe(top);
    measure();
    tick();
    setInterval(tick, 1000);
  });
  window.clinic = { words, note };
})();
