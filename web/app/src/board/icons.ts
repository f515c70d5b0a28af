/* The tools' signs: strokes on a grid of 24, drawn in the colour of the text around them. */
const NS = "http://www.w3.org/2000/svg";

const SIGNS = {
  select: "M6 3l12 9-5.5 1.2L10 19z",
  hand: "M8 12V6.5a1.5 1.5 0 0 1 3 0V11m0-5V4.5a1.5 1.5 0 0 1 3 0V11m0-4.500a1.500 1.500 0 0 1 3 0V14c0 4-2.500 7-6 7-3 0-4.500-1.500-6-4l-2-3.600c-.900-1.700 1-2.800 2.200-1.400L8 14",
  freehand: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  eraser: "M9 20l-5-5 9-10 7 6-8 9zM9 20h11M8 10.500l7 6",
  rect: "M4 6h16v12H4z",
  ellipse: "M12 5c5 0 8.500 3 8.500 7s-3.500 7-8.500 7-8.500-3-8.500-7S7 5 12 5z",
  line: "M5 19L19 5",
  arrow: "M5 19L19 5M11 5h8v8",
  text: "M5 7V5h14v2M12 5v14M9 19h6",
  sticky: "M5 4h14v10l-6 6H5zM13 20v-6h6",
  laser: "M4 20l9-9M16 3v3M21 8h-3M19.500 4.500L17 7M11 6l1.500 1.500M16.500 11.500L18 13",
  undo: "M8 5L4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11h-3",
  redo: "M16 5l4 4-4 4M20 9H10a5.500 5.500 0 0 0 0 11h3",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5",
  copy: "M8 8h12v12H8zM16 8V4H4v12h4",
  front: "M12 4l8 4.500-8 4.500-8-4.500zM4 13.500l8 4.500 8-4.500M10 8.500h4M12 6.500v4",
  back: "M4 10l8-4.500 8 4.500M12 10.500l8 4.500-8 4.500-8-4.500zM10 15h4",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  unlock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 6.800-1.200",
  write: "M4 20h16M6 16l1-4 8-8 3 3-8 8z",
  more: "M5.500 12h.01M12 12h.01M18.500 12h.01",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  board: "M3 5h18v12H3zM9 21l3-4 3 4M7 13l3-4 3 3 3-4",
} as const;

export type Sign = keyof typeof SIGNS;

export function icon(sign: Sign): SVGElement {
  const svg = document.createElementNS(NS, "svg");
  const path = document.createElementNS(NS, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon", `icon-${sign}`);
  path.setAttribute("d", SIGNS[sign]);
  svg.append(path);
  return svg;
}
