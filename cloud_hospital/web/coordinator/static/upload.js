// A file that is too large is said so before it is sent; what takes a moment is said too.
(() => {
  "use strict";
  const form = document.getElementById("upload");
  if (!form) return;
  const says = document.getElementById("upload-says");
  const files = form.elements.files;
  const tooLarge = () => [...files.files].reduce((sum, one) => sum + one.size, 0) > Number(form.dataset.most);
  files.addEventListener("change", () => {
    says.textContent = tooLarge() ? form.dataset.tLarge : "";
  });
  form.addEventListener("submit", (event) => {
    if (tooLarge()) {
      event.preventDefault();
      says.textContent = form.dataset.tLarge;
      return;
    }
    says.classList.remove("field-error");
    says.textContent = form.dataset.tReading;
  });
})();
