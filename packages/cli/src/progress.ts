/** Progress of long work: a bar on a terminal, elsewhere (a pipe, CI) a plain line now and then. */
import { SingleBar } from "cli-progress";

export interface Progress {
  /** `done` of `total`, in any unit. */
  update(done: number, total: number): void;
  /** Ends the bar; the note follows the time that it took. */
  end(note?: string): void;
}

/** Milliseconds between two plain lines. */
const lineEveryMs = 5_000;

export function progress(label: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  const started = performance.now();
  const took = (note: string) =>
    `${((performance.now() - started) / 1000).toFixed(1)} s${note && ` ${note}`}`;
  return stream.isTTY ? bar(label, stream, took) : lines(label, stream, took);
}

function bar(label: string, stream: NodeJS.WriteStream, took: (note: string) => string): Progress {
  const steps = 1000;
  const single = new SingleBar({
    stream,
    format: `${label} [{bar}] {percentage} % {note}`,
    barsize: 30,
    barCompleteChar: "=",
    barIncompleteChar: " ",
    hideCursor: true,
  });
  single.start(steps, 0, { note: "" });
  return {
    update: (done, total) =>
      single.update(total > 0 ? Math.min(steps, Math.floor((done / total) * steps)) : 0),
    end: (note = "") => {
      single.update(steps, { note: took(note) });
      single.stop();
    },
  };
}

function lines(label: string, stream: NodeJS.WriteStream, took: (note: string) => string): Progress {
  let last = performance.now();
  return {
    update: (done, total) => {
      const now = performance.now();
      if (now - last < lineEveryMs || total <= 0) return;
      last = now;
      stream.write(`${label}: ${Math.floor((done / total) * 100)} %\n`);
    },
    end: (note = "") => void stream.write(`${label}: ${took(note)}\n`),
  };
}
