/* What the library offers. Reading order: position, outbox, channel; then connection. */
export { DurableChannel, type ChannelOptions, type Joined, type Present } from "./channel";
export { msgpack } from "./codec";
export { Connection, type ConnectionOptions, type Link } from "./connection";
export type { AnyEvents, BoardEvents, ChannelEvent, EventMap, GroupEvents, MemberEvent, MessageEvent, ReactionEvent } from "./events";
export { Fleeting } from "./fleeting";
export { MAX_ENTRIES, Outbox, type Entry, type EntryState, type OutboxOptions, type Part, type Shelf } from "./outbox";
export { PersonChannel, type Unread } from "./person";
export { Position, type Verdict } from "./position";
export { clearShelves, memoryShelf, storedShelf } from "./shelf";
export { Signal, type Off } from "./signal";
export { SessionTabs, type Ending } from "./tabs";
export { jitter, newOpId, type Answer, type Card, type DurableEvent, type JoinReply, type Meta, type PushReply } from "./wire";
