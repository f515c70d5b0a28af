/* Telling the moderators about a message. */
import { h } from "../dom";
import { t, tWord } from "../i18n";
import type { Group } from "../live/group";
import type { Message } from "../live/room";
import { ask } from "./dialog";
import { field } from "./parts";
import { toast } from "./toast";

export async function askReport(group: Group, m: Message): Promise<void> {
  const why = field(t("reportWhy"), h("textarea", { rows: 3, maxlength: 1000, required: true, autofocus: true }));
  const submit = async () => {
    const answer = await group.report(m.id, why.input.value.trim());
    if (answer.status === "ok") return true;
    throw new Error(answer.status === "error" ? answer.reason : "timeout");
  };
  const done = await ask(t("report"), [why.element], t("report"), submit, (e) => t("notSent", { reason: tWord("reason", (e as Error).message, "reason.unknown") }));
  if (done) toast(t("reported"));
}
