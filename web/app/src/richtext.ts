/*
 * A message's text as nodes: plain text, links that open apart, mentions. Only http and https become links, and every piece is a
 * text node, so nothing a person writes is ever read as markup.
 */
import { h } from "./dom";

const LINK = /https?:\/\/[^\s<>"'`]+/g;
/** What ends a sentence rather than an address. */
const TRAILING = /[.,;:!?…)\]}»”’]+$/;

export interface Mentioned {
  name: string;
  me: boolean;
}

export function richText(content: string, mentioned: readonly Mentioned[]): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  for (const match of content.matchAll(LINK)) {
    const address = trimLink(match[0]);
    if (!safeLink(address)) continue;
    nodes.push(...withMentions(content.slice(at, match.index), mentioned));
    nodes.push(h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address));
    at = match.index + address.length;
  }
  nodes.push(...withMentions(content.slice(at), mentioned));
  return nodes;
}

export function trimLink(address: string): string {
  const bare = address.replace(TRAILING, "");
  const opened = bare.split("(").length - 1;
  const closed = bare.split(")").length - 1;
  return opened > closed && address[bare.length] === ")" ? `${bare})` : bare;
}

function safeLink(address: string): boolean {
  try {
    return /^https?:$/.test(new URL(address).protocol);
  } catch {
    return false;
  }
}

function withMentions(text: string, mentioned: readonly Mentioned[]): Node[] {
  for (const { name, me } of mentioned) {
    const at = name ? text.indexOf(`@${name}`) : -1;
    if (at < 0) continue;
    const end = at + name.length + 1;
    const mark = h(me ? "span.mention.me" : "span.mention", {}, text.slice(at, end));
    return [...withMentions(text.slice(0, at), mentioned), mark, ...withMentions(text.slice(end), mentioned)];
  }
  return text ? [document.createTextNode(text)] : [];
}
