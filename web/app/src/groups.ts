/*
 * The list of groups that the caller sees, kept live: read over REST, then moved along by `group:unread` on the person's channel.
 * After a cut it is read again, since those events are not numbered.
 */
import { Signal, type Unread } from "@stacgate/client";
import { api, ApiError, type GroupItem } from "./api";

export class Groups {
  readonly changed = new Signal();
  items: GroupItem[] = [];
  state: "loading" | "ready" | "failed" = "loading";
  /** The group whose conversation is on screen: what arrives in it is being read. */
  open = "";
  /** The group on screen, its conversation or its boards. */
  shown = "";
  private loading: Promise<void> | undefined;

  constructor(private readonly unauthorized: () => void) {}

  find(id: string): GroupItem | undefined {
    return this.items.find((g) => g.id === id);
  }

  mine(): GroupItem[] {
    return this.items.filter((g) => g.isMember).sort((a, b) => when(b) - when(a));
  }

  others(): GroupItem[] {
    return this.items.filter((g) => !g.isMember).sort((a, b) => a.name.localeCompare(b.name));
  }

  unreadTotal(): number {
    return this.items.reduce((sum, g) => sum + (g.isMember ? (g.unreadCount ?? 0) : 0), 0);
  }

  load(): Promise<void> {
    this.loading ??= this.read().finally(() => (this.loading = undefined));
    return this.loading;
  }

  heard(unread: Unread): void {
    const group = this.find(unread.studyGroupId);
    if (!group) return void this.load();
    if (unread.seq > (group.lastSeq ?? 0)) group.lastMessage = { createdAt: new Date().toISOString() };
    group.lastSeq = Math.max(group.lastSeq ?? 0, unread.seq);
    if (group.id !== this.open || document.hidden) group.unreadCount = unread.unreadCount;
    this.changed.emit();
  }

  /** A message seen on screen: the list shows it as the latest. */
  latest(id: string, message: { content: string; createdAt: string; isDeleted: boolean; senderName: string; seq: number }): void {
    const group = this.find(id);
    if (!group) return;
    group.lastSeq = Math.max(group.lastSeq ?? 0, message.seq);
    group.lastMessage = { ...message, sender: { firstName: message.senderName } };
    this.changed.emit();
  }

  markRead(id: string): void {
    const group = this.find(id);
    if (!group?.unreadCount) return;
    group.unreadCount = 0;
    this.changed.emit();
  }

  private async read(): Promise<void> {
    try {
      this.items = await api.groups();
      this.state = "ready";
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.unauthorized();
      if (this.items.length === 0) this.state = "failed";
    }
    this.changed.emit();
  }
}

function when(group: GroupItem): number {
  return Date.parse(group.lastMessage?.createdAt ?? String(group.createdAt ?? "")) || 0;
}
