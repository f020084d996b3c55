/** How much of the bodies of reviews is held at once, by all connections together. */

/**
 * Four bodies of the greatest size, ten of the greatest that etcd takes (1.5 MiB, old and new), thousands of the usual one.
 * A client that may connect can send any number at once, and a process that is out of memory is ended, with the controller
 * that may run in it.
 */
export const ROOM_BYTES = 32 * 1024 * 1024;

export class Room {
  #left: number;

  constructor(bytes = ROOM_BYTES) {
    this.#left = bytes;
  }

  /** Takes so many bytes where there are as many left. What is taken must be given back. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}
