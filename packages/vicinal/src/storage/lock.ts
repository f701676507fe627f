/**
 * The lock that keeps a data folder to one writer. How it is held is the platform's business (a listening socket in
 * the folder, Web Locks in a page); it must end with the process or page that holds it, however that ends.
 */
export interface FolderLock {
  /** Lets others in. Calling it again does nothing. */
  release(): Promise<void>;
}
