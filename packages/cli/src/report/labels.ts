/** Names beside points: each where it covers neither a point nor another name, or nowhere. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Label {
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
  text: string;
}

export interface Dot {
  x: number;
  y: number;
  radius: number;
}

interface Place {
  /** Steps to the side and down, each as long as the dot is wide and a little more. */
  right: -1 | 0 | 1;
  down: -1 | 0 | 1;
}

/** Around a point, the best first. */
const places: readonly Place[] = [
  { right: 1, down: 0 },
  { right: -1, down: 0 },
  { right: 0, down: -1 },
  { right: 0, down: 1 },
  { right: 1, down: -1 },
  { right: 1, down: 1 },
  { right: -1, down: -1 },
  { right: -1, down: 1 },
];

/** Between a dot and its name. */
const GAP = 4.5;

/** The names that found room, in the order given: those that matter most come first. */
export function placeLabels(
  wanted: readonly (Dot & { text: string })[],
  dots: readonly Dot[],
  frame: Box,
  font: { size: number; character: number },
): Label[] {
  const taken: Box[] = dots.map(({ x, y, radius }) => ({
    left: x - radius,
    top: y - radius,
    right: x + radius,
    bottom: y + radius,
  }));
  const labels: Label[] = [];
  for (const one of wanted) {
    const width = one.text.length * font.size * font.character;
    for (const place of places) {
      const label = labelAt(place, one, font.size);
      const box = boxOf(label, width, font.size);
      if (!within(box, frame) || taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      labels.push(label);
      break;
    }
  }
  return labels;
}

function labelAt(
  { right, down }: Place,
  { x, y, radius, text }: Dot & { text: string },
  size: number,
): Label {
  const anchor = right === 0 ? "middle" : right > 0 ? "start" : "end";
  // From the middle of the letters to their foot.
  const foot = size / 3;
  return { x: x + right * (radius + GAP), y: y + foot + down * (radius + GAP + foot), anchor, text };
}

/** From the top of its capitals to the foot of its descenders. */
function boxOf({ x, y, anchor }: Label, width: number, size: number): Box {
  const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
  return { left, right: left + width, top: y - size * 0.8, bottom: y + size * 0.25 };
}

function within(box: Box, frame: Box): boolean {
  return (
    box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom
  );
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
