/* What a certificate's number on paper leads to: /certificate/<code> says to anybody whose it is, of what, and whether it stands. */
import { api, ApiError, type CertificateFacts } from "../api";
import { h, replace } from "../dom";
import { longDate } from "../format";
import { t } from "../i18n";
import { go, place } from "../router";
import type { TextKey } from "../texts";
import { guarded, trouble } from "./forms";
import { field } from "./parts";

function verdict(c: CertificateFacts): TextKey {
  return c.valid ? "certificateValid" : c.revokedAt ? "certificateRevoked" : "certificateExpired";
}

function facts(c: CertificateFacts): HTMLElement {
  const rows: [TextKey, string | null][] = [
    ["certificateHolder", c.holder],
    ["certificateTitle", c.title],
    ["school", c.establishment],
    ["certificateNumber", c.certificateNumber],
    ["certificateIssued", c.issueDate && longDate(c.issueDate)],
    ["certificateEnds", c.expiryDate && longDate(c.expiryDate)],
    ["certificateEnded", c.revokedAt && longDate(c.revokedAt)],
  ];
  return h("dl.facts", {}, ...rows.filter(([, value]) => value).flatMap(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value)]));
}

/** The address has the code, so that the answer can be sent on; without one it is asked for. */
export function certificateForm(): HTMLElement {
  const at = place();
  const asked = at.page === "certificate" ? at.code : "";
  const code = field(t("certificateCode"), h("input", { name: "code", required: true, minlength: 8, maxlength: 64, autocomplete: "off", spellcheck: "false", value: asked }), t("certificateCodeHint"));
  const submit = h("button.wide", { type: "submit" }, t("certificateCheck"));
  const alert = h("p.alert", { role: "alert" });
  const answer = h("section.verdict", { role: "status" });
  const check = guarded(submit, alert, ["certificateCheck", "certificateChecking"],
    async () => {
      const c = await api.certificate(code.input.value.trim());
      answer.classList.toggle("good", c.valid);
      replace(answer, h("h2", {}, t(verdict(c))), facts(c));
      submit.hidden = true;
    },
    (error) => (error instanceof ApiError && error.status === 404 ? t("certificateUnknown") : trouble(error)));
  const send = (event: Event) => {
    event.preventDefault();
    const wanted = code.input.value.trim();
    if (wanted === asked) void check(event);
    else go(`/certificate/${encodeURIComponent(wanted)}`);
  };
  code.input.addEventListener("input", () => {
    replace(answer);
    submit.hidden = false;
  });
  const form = h("form.card", { onsubmit: send }, h("h1", {}, t("certificateCheckTitle")), answer, code.element, alert, submit);
  if (asked) void check(new Event("submit"));
  return form;
}
