/** A progress bar on a terminal; elsewhere a line when a step begins and one when it ends. */
import { SingleBar } from "cli-progress";

export interface Step {
  /** Share of the step that is done, 0..1. */
  report(done: number): void;
  end(note?: string): void;
}

export function step(name: string): Step {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  if (!process.stderr.isTTY) {
    process.stderr.write(`${name} ...\n`);
    return {
      report: () => {},
      end: (note = "") => void process.stderr.write(`${name}: ${seconds()} ${note}\n`),
    };
  }
  const bar = new SingleBar({
    format: `${name} [{bar}] {percentage} % {note}`,
    barsize: 30,
    hideCursor: true,
  });
  bar.start(1000, 0, { note: "" });
  return {
    report: (done) => bar.update(Math.floor(done * 1000)),
    end: (note = "") => {
      bar.update(1000, { note: `${seconds()} ${note}` });
      bar.stop();
    },
  };
}
