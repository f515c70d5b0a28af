/* The dialog that makes a study group; its maker becomes the group's administrator. */
import { api, ApiError, type GroupItem } from "../api";
import { h } from "../dom";
import { t, tWord } from "../i18n";
import type { TextKey } from "../texts";
import { ask } from "./dialog";
import { field } from "./parts";

const DEFAULT_MEMBERS = 30;

export function createGroup(): Promise<GroupItem | null> {
  const name = field(t("groupName"), h("input", { required: true, maxlength: 120, autofocus: true }));
  const description = field(t("groupDescription"), h("textarea", { rows: 2, maxlength: 1000 }));
  const most = field(t("groupMax"), h("input", { type: "number", min: 2, max: 500, required: true, value: DEFAULT_MEMBERS }));
  const open = h("input", { type: "checkbox", checked: true });
  const submit = () =>
    api.createGroup({
      name: name.input.value.trim(),
      description: description.input.value.trim(),
      maxMembers: Number(most.input.value),
      isPublic: open.checked,
    });
  const fields = [name.element, description.element, most.element, h("label.check", {}, open, t("groupPublic"))];
  return ask(t("newGroup"), fields, t("create"), submit, (error) => {
    if (!(error instanceof ApiError)) return t("failed");
    if (error.fields.some((f) => f.field === "name")) name.error(tWord("field", "name", "field.unknown"));
    const keys: Record<number, TextKey> = { 0: "noServer", 422: "field.unknown", 429: "tooMany", 503: "unavailable" };
    return t(keys[error.status] ?? "failed");
  });
}
