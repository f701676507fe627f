/** Bars as a picture in SVG: a few named values, each with what is written beside it. */
export interface Bar {
  name: string;
  value: number;
  text: string;
}

export interface BarGroup {
  title: string;
  bars: readonly Bar[];
}

const ink = "#1f2933";
const width = 760;
const left = 250;
const right = 110;
const row = 24;

/** Each group has a scale of its own, from zero. */
export function barChart(title: string, groups: readonly BarGroup[], footer: string): string {
  const parts: string[] = [];
  const text = (x: number, y: number, content: string, more = "") =>
    parts.push(`<text x="${x}" y="${y}" ${more}>${escaped(content)}</text>`);
  text(20, 28, title, 'font-size="16" font-weight="600"');
  let y = 52;
  for (const group of groups) {
    y += 20;
    text(20, y, group.title, 'font-weight="600"');
    y += 10;
    const most = Math.max(...group.bars.map(({ value }) => value));
    for (const { name, value, text: beside } of group.bars) {
      const length = Math.max(1, ((width - left - right) * value) / most);
      const colour = name.startsWith("vicinal") ? "#d1495b" : "#7b8794";
      parts.push(
        `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${row - 8}" fill="${colour}"/>`,
      );
      text(left - 8, y + 13, name, 'text-anchor="end"');
      text(left + length + 6, y + 13, beside);
      y += row;
    }
  }
  text(20, y + 24, footer, 'font-size="11" fill="#616e7c"');
  const height = y + 40;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="${ink}">
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
