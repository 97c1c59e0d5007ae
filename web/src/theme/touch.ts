/** Whether this is a device that is touched, and has hardly a keyboard: a phone or a tablet. */
export function isTouched(): boolean {
  return window.matchMedia("(hover: none)").matches;
}
