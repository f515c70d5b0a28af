/*
 * Modal questions on the native <dialog>: it keeps the focus inside, closes on Escape and gives the focus back. Each resolves to
 * what was chosen, or null.
 */
import { h, type Child } from "../dom";
import { t } from "../i18n";

function show<T>(title: string, build: (close: (value: T | null) => void) => Child[]): Promise<T | null> {
  return new Promise((resolve) => {
    let result: T | null = null;
    const heading = h("h2", { id: "dialog-title" }, title);
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, heading);
    const finish = (value: T | null) => {
      result = value;
      dialog.close();
    };
    dialog.append(...(build(finish).filter(Boolean) as Node[]));
    dialog.addEventListener("click", (event) => event.target === dialog && finish(null));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function confirm(question: string, yes: string): Promise<true | null> {
  return show<true>(question, (close) => [
    h("div.buttons", {}, 
      h("button.quiet", { type: "button", onclick: () => close(null) }, t("cancel")),
      h("button.danger", { type: "button", onclick: () => close(true) }, yes),
    ),
  ]);
}

export function choose(question: string, choices: readonly { label: string; value: number }[]): Promise<number | null> {
  return show<number>(question, (close) => [
    h("div.choices", {}, ...choices.map((c) => h("button", { type: "button", onclick: () => close(c.value) }, c.label))),
    h("div.buttons", {}, h("button.quiet", { type: "button", onclick: () => close(null) }, t("cancel"))),
  ]);
}

/** A form whose `submit` may throw: the dialog stays, `failed` says what to show. */
export function ask<T>(title: string, fields: Node[], yes: string, submit: () => Promise<T>, failed: (error: unknown) => string): Promise<T | null> {
  return show<T>(title, (close) => {
    const alert = h("p.alert", { role: "alert" });
    const button = h("button", { type: "submit" }, yes);
    const send = async (event: Event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        close(await submit());
      } catch (error) {
        alert.textContent = failed(error);
        button.disabled = false;
      }
    };
    const buttons = h("div.buttons", {}, h("button.quiet", { type: "button", onclick: () => close(null) }, t("cancel")), button);
    return [h("form", { onsubmit: send }, ...fields, alert, buttons)];
  });
}
