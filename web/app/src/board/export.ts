/* A board as a file. SVG and JSON are the server's, of what it has; PNG is drawn here, of what is shown. */
import type { Board } from "@stacgate/client";
import { bounds, grown, union } from "./geometry";
import { paint } from "./paint";

const MARGIN = 24;
const SCALE = 2;
const SIDE_MAX = 8_192;

export function picture(board: Board): Promise<Blob | null> {
  const look = (id: string) => board.get(id);
  const all = union(board.elements().map((el) => bounds(el, look))) ?? { x0: 0, y0: 0, x1: 592, y1: 352 };
  const box = grown(all, MARGIN);
  const scale = Math.min(SCALE, SIDE_MAX / (box.x1 - box.x0), SIDE_MAX / (box.y1 - box.y0));
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil((box.x1 - box.x0) * scale);
  canvas.height = Math.ceil((box.y1 - box.y0) * scale);
  const pen = canvas.getContext("2d")!;
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(scale, 0, 0, scale, -box.x0 * scale, -box.y0 * scale);
  for (const el of board.elements()) paint(pen, el, look);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

export function download(href: string, name: string): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
}

export async function downloadPicture(board: Board, name: string): Promise<boolean> {
  const blob = await picture(board);
  if (!blob) return false;
  const url = URL.createObjectURL(blob);
  download(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return true;
}
