/* What the library offers. Reading order: position, outbox, channel, connection; then elements, board, undo, whiteboard. */
export { Board, type Touched } from "./board";
export { DurableChannel, type ChannelOptions, type Joined, type Present } from "./channel";
export { msgpack } from "./codec";
export { Connection, type ConnectionOptions, type Link } from "./connection";
export type { AnyEvents, BoardEvents, ChannelEvent, EventMap, GroupEvents, MemberEvent, MessageEvent, ReactionEvent } from "./events";
export { applied, compareOrder, sameValue, targetOf, zAbove, zBelow, type Element, type ElementOp, type Op } from "./elements";
export { Fleeting } from "./fleeting";
export { Hands, LASER_MS, type Cursor, type Point, type Stroke } from "./hands";
export { MAX_ENTRIES, Outbox, type Entry, type EntryState, type OutboxOptions, type Part, type Shelf } from "./outbox";
export { PersonChannel, type Unread } from "./person";
export { Position, type Verdict } from "./position";
export { clearShelves, memoryShelf, storedShelf } from "./shelf";
export { Signal, type Off } from "./signal";
export { SessionTabs, type Ending } from "./tabs";
export { changesOf, reverse, Undo, type Change } from "./undo";
export { mergeOps, Whiteboard, type BoardInfo, type WhiteboardOptions } from "./whiteboard";
export { jitter, newOpId, type Answer, type Card, type DurableEvent, type JoinReply, type Meta, type PushReply } from "./wire";
