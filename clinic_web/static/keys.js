// The keyboard, and a scanner that types like one. Nothing here submits by itself except the main button's own keys.
"use strict";
(() => {
  const SCAN_GAP_MS = 35; // scanners type a key every 7 to 16 ms; no hand does
  const SCAN_LEAST = 6;
  const press = (selector) => {
    const control = document.querySelector(selector);
    if (control) control.click();
    return Boolean(control);
  };
  const focus = (selector) => {
    const field = document.querySelector(selector);
    if (field) field.focus();
    return Boolean(field);
  };
  const acts = {
    F2: () => focus("[data-search]") || press("a[data-search-place]"),
    F8: () => press("[data-finish]"),
    F9: () => press("[data-emergency]"),
    "Ctrl+Enter": () => press(".bottom .main"),
    "Ctrl+Shift+L": () => press("[data-lock]"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const name = `${event.ctrlKey ? "Ctrl+" : ""}${event.shiftKey ? "Shift+" : ""}${event.key.length === 1 ? event.key.toUpperCase() : event.key}`;
    const isDialog = document.querySelector("dialog[open]");
    if (acts[name] && (!isDialog || name === "F9") && acts[name]()) event.preventDefault();
  });

  // A scanner: bursts of physical keys, so that an input method in composition does no harm.
  let burst = null;
  const character = (event) => {
    const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
    if (digit) return digit[1];
    const letter = /^Key([A-Z])$/.exec(event.code);
    if (letter) return letter[1];
    return { Minus: "-", Semicolon: ":", Period: ".", Slash: "/" }[event.code] || "";
  };
  function snapshot(now) {
    const field = document.activeElement;
    return { code: "", at: now, field, value: field && "value" in field ? field.value : null };
  }
  document.addEventListener(
    "keydown",
    (event) => {
      const now = performance.now();
      if (!burst || now - burst.at > SCAN_GAP_MS) burst = snapshot(now);
      burst.at = now;
      if ((event.key === "Enter" || event.key === "Tab") && burst.code.length >= SCAN_LEAST) {
        event.preventDefault();
        event.stopImmediatePropagation();
        if (burst.field && burst.value !== null) burst.field.value = burst.value;
        route(burst.code);
        burst = null;
      } else burst.code += event.ctrlKey || event.altKey ? "" : character(event);
    },
    true,
  );
  function put(selector, code) {
    const field = document.querySelector(selector);
    if (!field) return false;
    field.value = code;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }
  function route(code) {
    const tail = code.slice(-4);
    const isPerson = /^\d{17}[\dX]$/.test(code);
    const box = document.getElementById("presented");
    const taken = isPerson && (put("[data-scan=resident-id]", code) || (put("[data-search]", code) && press("[data-search-go]")));
    if (!taken && box) htmx.ajax("POST", "/scan", { target: box, swap: "innerHTML", values: { code, place: box.dataset.place } });
    window.clinic.note(window.clinic.words(taken || box ? "Scanned" : "UnknownCode", { tail }));
  }

  // A card on the reader fills the form: by itself only where nobody has begun to write somebody else into it.
  function fill(values) {
    const form = document.getElementById("register");
    for (const [name, value] of Object.entries(values)) {
      for (const field of form.querySelectorAll(`[name="${name}"]`)) {
        if (field.type === "radio") field.checked = field.value === value;
        else field.value = value;
      }
    }
    form.elements.resident_id.dispatchEvent(new Event("change", { bubbles: true }));
    const check = form.querySelector("[name=identity_check]:checked") || form.elements.name;
    check.focus();
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("button[data-fill]");
    if (button) fill(JSON.parse(button.dataset.fill));
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest && event.target.closest("button[data-print]")) window.print();
  });
  document.addEventListener("htmx:sseMessage", (event) => {
    const form = document.getElementById("register");
    const button = event.target.id === "presented" && event.target.querySelector("button[data-fill]");
    if (form && button && !form.elements.name.value && !form.elements.resident_id.value) button.click();
  });

  // Small helps on forms: a link of the error summary puts the caret in its field; a checked number fills what it says.
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[data-focus]");
    const digit = event.target.closest && event.target.closest("button[data-digit]");
    if (link) {
      const field = document.getElementById(link.hash.slice(1));
      if (field) {
        event.preventDefault();
        field.focus();
        field.scrollIntoView({ block: "center" });
      }
    } else if (digit) {
      const pin = digit.closest("form").querySelector("input[type=password]");
      pin.value = digit.dataset.digit === "back" ? pin.value.slice(0, -1) : pin.value + digit.dataset.digit;
    }
  });
  document.addEventListener("input", (event) => {
    const next = event.target.dataset && event.target.dataset.next;
    if (next && event.target.value.length >= event.target.maxLength && !event.isComposing) document.getElementById(next).focus();
  });
  // What was said about a field no longer holds once it is changed; the server says again when it is posted.
  document.addEventListener("change", (event) => {
    const field = event.target.closest(".field.wrong");
    if (!field) return;
    field.classList.remove("wrong");
    for (const said of field.querySelectorAll(":scope > .field-error")) said.remove();
    for (const marked of field.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
  });
  document.addEventListener("identity-read", (event) => {
    for (const [name, value] of Object.entries(event.detail)) {
      if (name === "elt") continue;
      const fields = document.querySelectorAll(`[name="${name}"]`);
      if (fields.length === 1 && !fields[0].value) fields[0].value = value;
      if (fields.length > 1 && ![...fields].some((field) => field.checked)) {
        for (const field of fields) field.checked = field.value === value;
        fields[0].dispatchEvent(new Event("change", { bubbles: true }));
      }
    }
  });
})();
