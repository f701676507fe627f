/** Images: what is read, what is refused before it is decoded, and how they come to another size. */
import { encode as encodePng } from "fast-png";
import jpeg from "jpeg-js";
import { describe, expect, it } from "vitest";
import { seeded } from "../stub.test.helper.js";
import { decodeImage, type Pixels } from "./decode.js";
import { resize } from "./resize.js";
import { readHeader } from "./size.js";
import { orientationOf, upright } from "./upright.js";

/** A soft picture: neighbours differ little. */
function picture(width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++)
        data[3 * (y * width + x) + c] = 128 + 100 * Math.sin(x / 9 + c) * Math.cos(y / 7 - c);
  return { width, height, data };
}

function withAlpha({ width, height, data }: Pixels): Uint8Array {
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return rgba;
}

function asJpeg(pixels: Pixels): Uint8Array {
  return jpeg.encode({ ...pixels, data: Buffer.from(withAlpha(pixels)) }, 95).data;
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0) / a.length;
}

describe.each(["sharp", "javascript"] as const)("decoded by %s", (decoder) => {
  const original = picture(61, 47);

  it("JPEG and PNG are what they were", async () => {
    const png = encodePng({ ...original, channels: 3, depth: 8 });
    expect(await decodeImage(png, { decoder })).toMatchObject({ width: 61, height: 47 });
    expect(meanDifference((await decodeImage(png, { decoder })).data, original.data)).toBe(0);
    const found = await decodeImage(asJpeg(original), { decoder });
    expect(found).toMatchObject({ width: 61, height: 47 });
    expect(meanDifference(found.data, original.data)).toBeLessThan(3);
  });

  it("what shines through is white, grey is three times itself", async () => {
    const clear = encodePng({
      width: 2,
      height: 1,
      data: Uint8Array.of(10, 20, 30, 0, 10, 20, 30, 255),
      channels: 4,
    });
    expect(Array.from((await decodeImage(clear, { decoder })).data)).toEqual([255, 255, 255, 10, 20, 30]);
    const grey = encodePng({ width: 2, height: 1, data: Uint8Array.of(7, 200), channels: 1 });
    expect(Array.from((await decodeImage(grey, { decoder })).data)).toEqual([7, 7, 7, 200, 200, 200]);
  });

  it("what is no image, or breaks off, is refused by name", async () => {
    const random = seeded(1);
    const whole = asJpeg(original);
    const noise = Uint8Array.from({ length: 500 }, () => 256 * random());
    for (const bytes of [new Uint8Array(0), noise, whole.slice(0, 300), whole.slice(0, 20)])
      await expect(decodeImage(bytes, { decoder })).rejects.toMatchObject({ code: "IMAGE_UNREADABLE" });
  });

  it("a small file that claims many pixels is refused before it is decoded", async () => {
    const png = encodePng({ ...original, channels: 3, depth: 8 });
    new DataView(png.buffer, png.byteOffset).setUint32(16, 2 ** 17);
    new DataView(png.buffer, png.byteOffset).setUint32(20, 2 ** 17);
    await expect(decodeImage(png, { decoder })).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
    const limited = decodeImage(asJpeg(original), { decoder, maxPixels: 1000 });
    await expect(limited).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
  });
});

describe("turning", () => {
  it("undoes what the camera did", () => {
    // 1 2
    // 3 4
    // 5 6
    const pixels = {
      width: 2,
      height: 3,
      data: Uint8Array.from([1, 2, 3, 4, 5, 6].flatMap((x) => [x, x, x])),
    };
    const turned = (orientation: number) => {
      const { width, data } = upright(pixels, orientation);
      const values = Array.from(data.filter((_, i) => i % 3 === 0));
      return [width, values.join("")];
    };
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(turned)).toEqual([
      [2, "123456"],
      [2, "214365"],
      [2, "654321"],
      [2, "563412"],
      [3, "135246"],
      [3, "531642"],
      [3, "642531"],
      [3, "246135"],
    ]);
  });

  it("reads the orientation in both orders of bytes", () => {
    const little = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0];
    const big = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0];
    expect(orientationOf(Uint8Array.from(little))).toBe(6);
    expect(orientationOf(Uint8Array.from([0x45, 0x78, 0x69, 0x66, 0, 0, ...big]))).toBe(8);
    expect(orientationOf(Uint8Array.from(little.slice(0, 15)))).toBe(1);
  });
});

describe("resizing", () => {
  it("keeps an even colour, and what is not resized", () => {
    const even = { width: 50, height: 30, data: new Uint8Array(4500).fill(77) };
    expect(new Set(resize(even, { width: 20, height: 21, fit: "cover" }).data)).toEqual(new Set([77]));
    const same = picture(20, 20);
    expect(resize(same, { width: 20, height: 20, fit: "fill" }).data).toEqual(same.data);
  });

  it("passes over nothing: a fine pattern becomes its mean", () => {
    const data = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 2 ? 255 : 0));
    const small = resize({ width: 64, height: 64, data }, { width: 8, height: 8, fit: "fill" });
    for (const value of small.data) expect(Math.abs(value - 127.5)).toBeLessThan(8);
  });

  it("takes the middle, or all", () => {
    const wide = { width: 30, height: 10, data: new Uint8Array(900) };
    for (let y = 0; y < 10; y++)
      for (let x = 10; x < 20; x++) wide.data.fill(200, 3 * (y * 30 + x), 3 * (y * 30 + x) + 3);
    const middle = resize(wide, { width: 10, height: 10, fit: "cover" });
    expect(middle.data[3 * 55]).toBe(200);
    const all = resize(wide, { width: 10, height: 10, fit: "fill" });
    expect([all.data[3 * 50], all.data[3 * 55], all.data[3 * 59]].map((x) => x > 100)).toEqual([
      false,
      true,
      false,
    ]);
  });
});

it("reads the size of WebP, in its three forms, and of GIF before they are decoded", async () => {
  const { default: sharp } = await import("sharp");
  const picture = () =>
    sharp({
      create: { width: 301, height: 47, channels: 4, background: { r: 9, g: 99, b: 200, alpha: 0.5 } },
    });
  const forms = {
    "VP8 ": await picture().removeAlpha().webp().toBuffer(),
    VP8L: await picture().webp({ lossless: true }).toBuffer(),
    VP8X: await picture().webp().toBuffer(),
  };
  for (const [form, bytes] of Object.entries(forms)) {
    expect(bytes.toString("latin1", 12, 16)).toBe(form);
    expect(readHeader(bytes), form).toEqual({ format: "webp", width: 301, height: 47 });
  }
  const gif = await picture().gif().toBuffer();
  expect(readHeader(gif)).toEqual({ format: "gif", width: 301, height: 47 });
  await expect(decodeImage(gif, { maxPixels: 1000 })).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
});
