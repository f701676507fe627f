/** Progress of long work: a bar on a terminal, elsewhere (a pipe, CI) a plain line now and then. */
import { SingleBar } from "cli-progress";

export interface Progress {
  /** `done` of `total`, in any unit; the note says what is at work. */
  update(done: number, total: number, note?: string): void;
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
    barsize: 24,
    barCompleteChar: "=",
    barIncompleteChar: " ",
    hideCursor: true,
  });
  single.start(steps, 0, { note: "" });
  return {
    update: (done, total, note = "") =>
      single.update(total > 0 ? Math.min(steps, Math.floor((done / total) * steps)) : 0, { note }),
    end: (note = "") => {
      single.update(steps, { note: took(note) });
      single.stop();
    },
  };
}

function lines(label: string, stream: NodeJS.WriteStream, took: (note: string) => string): Progress {
  let last = performance.now();
  return {
    update: (done, total, note = "") => {
      const now = performance.now();
      if (now - last < lineEveryMs || total <= 0) return;
      last = now;
      stream.write(`${`${label}: ${Math.floor((done / total) * 100)} % ${note}`.trimEnd()}\n`);
    },
    end: (note = "") => void stream.write(`${label}: ${took(note)}\n`),
  };
}

/** What a database does behind its writes, as `waitForIndex` reports it. */
export interface Task {
  kind: keyof typeof taskLabels;
  step?: keyof typeof stepLabels;
  segments: readonly number[];
  done: number;
  total: number;
}

const taskLabels = {
  checkpoint: "shortening the log",
  drop: "removing empty segments",
  persist: "writing files",
  field: "building a field index",
  index: "building the vector index",
  merge: "merging segments",
  part: "moving vectors to the disk",
} as const;

const stepLabels = {
  copy: ": copying",
  index: ": building the vector index",
  save: ": writing files",
} as const;

/** A bar for each task, one after the other; none where there is nothing to do. */
export function taskProgress(): { update(task: Task): void; end(): void } {
  let key = "";
  let bar: Progress | undefined;
  return {
    update: (task) => {
      const next = `${task.kind} ${task.step} ${task.segments.join(" ")}`;
      if (next !== key) {
        bar?.end();
        bar = progress(taskLabels[task.kind] + (task.step ? stepLabels[task.step] : ""));
        key = next;
      }
      bar?.update(task.done, task.total);
    },
    end: () => bar?.end(),
  };
}
