// The slices that show the object, as a strip above the bar of slices.

// The bar's padding and half of its thumb, in CSS pixels; see style.css.
const MARGIN = 8 + 13;

export class Extent {
  // view: the large view, whose slices are shown.
  constructor(canvas, state, view) {
    Object.assign(this, { canvas, state, view });
    new ResizeObserver(() => this.draw()).observe(canvas);
    for (const name of ['view', 'objects']) {
      state.addEventListener(name, () => this.draw());
    }
  }

  draw() {
    const { canvas, state, view } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    const one = state.activeObject;
    if (!one || view.planeName !== state.scan.plane) return;
    const context = canvas.getContext('2d');
    context.scale(ratio, ratio);
    const count = view.plane.size[2];
    const step = (width - 2 * MARGIN) / Math.max(1, count - 1);
    context.fillStyle = one.colour;
    for (const [slice, mask] of one.masks.slices) {
      // Slices that were prompted or accepted stand out.
      const tall = mask.isPrompted ? height : height / 2;
      context.globalAlpha = mask.count ? 1 : 0.4;
      context.fillRect(MARGIN + (slice - 0.5) * step, height - tall,
        Math.max(1.5, step - 0.5), tall);
    }
  }
}
