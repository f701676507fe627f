/** Pictures to try the page with: a few motifs, each drawn in several ways. */

const SIZE = 224;
const VARIANTS = 4;

type Context = OffscreenCanvasRenderingContext2D;

/** Each gets the variant's number and its hue. */
const motifs: Record<string, (context: Context, variant: number, hue: number) => void> = {
  stripes(context, variant, hue) {
    context.fillStyle = `hsl(${hue} 70% 90%)`;
    context.fillRect(0, 0, SIZE, SIZE);
    context.fillStyle = `hsl(${hue} 70% 35%)`;
    const width = 12 + 3 * variant;
    for (let x = 0; x < SIZE; x += 2 * width) context.fillRect(x, 0, width, SIZE);
  },
  chequers(context, variant, hue) {
    const width = 22 + 4 * variant;
    for (let y = 0; y * width < SIZE; y++)
      for (let x = 0; x * width < SIZE; x++) {
        context.fillStyle = (x + y) % 2 ? `hsl(${hue} 60% 92%)` : `hsl(${hue} 60% 20%)`;
        context.fillRect(x * width, y * width, width, width);
      }
  },
  ball(context, variant, hue) {
    context.fillStyle = `hsl(${hue + 180} 25% 92%)`;
    context.fillRect(0, 0, SIZE, SIZE);
    const radius = 55 + 8 * variant;
    const centre = SIZE / 2 + 6 * (variant - 1);
    const light = context.createRadialGradient(centre - 20, centre - 25, 5, centre, centre, radius);
    light.addColorStop(0, `hsl(${hue} 90% 85%)`);
    light.addColorStop(1, `hsl(${hue} 80% 35%)`);
    context.fillStyle = light;
    context.beginPath();
    context.arc(centre, centre, radius, 0, 2 * Math.PI);
    context.fill();
  },
  hills(context, variant, hue) {
    const sky = context.createLinearGradient(0, 0, 0, SIZE);
    sky.addColorStop(0, `hsl(${205 + 6 * variant} 75% 60%)`);
    sky.addColorStop(1, "hsl(40 80% 88%)");
    context.fillStyle = sky;
    context.fillRect(0, 0, SIZE, SIZE);
    for (let layer = 0; layer < 3; layer++) {
      context.fillStyle = `hsl(${100 + hue / 12} ${35 + 10 * layer}% ${48 - 12 * layer}%)`;
      context.beginPath();
      context.moveTo(0, SIZE);
      for (let x = 0; x <= SIZE; x += 4)
        context.lineTo(x, 110 + 35 * layer + 22 * Math.sin(x / 38 + 2 * layer + variant));
      context.lineTo(SIZE, SIZE);
      context.fill();
    }
  },
  rings(context, variant, hue) {
    context.fillStyle = `hsl(${hue} 40% 95%)`;
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = `hsl(${hue} 75% 40%)`;
    context.lineWidth = 7 + variant;
    for (let radius = 12; radius < SIZE; radius += 20 + 2 * variant) {
      context.beginPath();
      context.arc(SIZE / 2, SIZE / 2, radius, 0, 2 * Math.PI);
      context.stroke();
    }
  },
};

export async function drawings(): Promise<File[]> {
  const files: File[] = [];
  for (const [motif, draw] of Object.entries(motifs))
    for (let variant = 0; variant < VARIANTS; variant++) {
      const canvas = new OffscreenCanvas(SIZE, SIZE);
      const context = canvas.getContext("2d");
      if (!context) throw new Error("this browser draws no pictures");
      draw(context, variant, 20 + 85 * variant);
      files.push(new File([await canvas.convertToBlob()], `${motif} ${variant + 1}`, { type: "image/png" }));
    }
  return files;
}
