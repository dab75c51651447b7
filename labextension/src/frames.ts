/**
 * Give a function that asks for a drawing at the next animation frame: many calls before it are one.
 * A page in the background gets no frames, so what is asked for there is drawn when it is seen again.
 */
export function perFrame(draw: (now: number) => void): { ask(): void; stop(): void } {
  let handle: number | null = null;
  const run = (now: number): void => {
    handle = null;
    draw(now);
  };
  return {
    ask() {
      handle ??= requestAnimationFrame(run);
    },
    stop() {
      if (handle !== null) cancelAnimationFrame(handle);
      handle = null;
    },
  };
}
