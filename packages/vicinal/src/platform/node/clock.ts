/** Processor time, which other work on the machine hardly changes. Ticks of 1 to 4 ms: measure many of them. */

type Usage = (previous?: NodeJS.CpuUsage) => NodeJS.CpuUsage;

const milliseconds = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;
// From Node 23.9 on; before, the whole process stands for the thread.
const ofThread = (process as { threadCpuUsage?: Usage }).threadCpuUsage?.bind(process);

/** Milliseconds that the calling thread has used so far. */
export function threadCpuMs(): number {
  return milliseconds(ofThread ? ofThread() : process.cpuUsage());
}

/** Milliseconds that all threads of the process have used so far. */
export function processCpuMs(): number {
  return milliseconds(process.cpuUsage());
}
