// A slice on a canvas, with masks, letters and the cursor.

const FONT = '12px system-ui, sans-serif';
const FADED = 'rgba(222, 228, 235, 0.75)';
// Lengths of the scale bar in mm.
const LENGTHS = [1, 2, 5, 10, 20, 50, 100, 200];

export class SliceView {
  constructor(canvas, state, planeName, isLarge) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.state = state;
    this.planeName = planeName;
    this.isLarge = isLarge;
    this.image = document.createElement('canvas');
    this.reset();
    new ResizeObserver(() => this.request()).observe(canvas);
    state.addEventListener('view', () => this.request());
  }

  // Show the whole slice.
  reset() {
    this.zoom = 1;
    this.pan = [0, 0];
    this.request();
  }

  get plane() { return this.state.planes[this.planeName]; }

  get index() { return this.plane.toView(this.state.cursor)[2]; }

  // Where the slice lies: the left and upper end of its first pixel, and the
  // width and height of a pixel, in CSS pixels.
  get place() {
    const { clientWidth, clientHeight } = this.canvas;
    const [columns, rows] = this.plane.size;
    const [x, y] = this.plane.spacing;
    const fit = Math.min(clientWidth / (columns * x),
      clientHeight / (rows * y));
    const [width, height] = [x * fit * this.zoom, y * fit * this.zoom];
    return {
      left: clientWidth / 2 + this.pan[0] - columns * width / 2,
      top: clientHeight / 2 + this.pan[1] - rows * height / 2,
      width,
      height,
    };
  }

  // The column and row at a place of the window, where whole numbers are the
  // centres of pixels.
  pixelAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const { left, top, width, height } = this.place;
    return [(event.clientX - box.left - left) / width - 0.5,
      (event.clientY - box.top - top) / height - 0.5];
  }

  // Zoom by a factor about a place of the canvas, by default its centre.
  zoomBy(factor, x = this.canvas.clientWidth / 2,
    y = this.canvas.clientHeight / 2) {
    const zoom = Math.min(40, Math.max(0.5, this.zoom * factor));
    const grown = zoom / this.zoom;
    const middle = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
    this.pan = [x, y].map((at, i) => (
      at - middle[i] - (at - middle[i] - this.pan[i]) * grown));
    this.zoom = zoom;
    this.request();
  }

  panBy(x, y) {
    this.pan = [this.pan[0] + x, this.pan[1] + y];
    this.request();
  }

  request() {
    if (!this.requested) {
      this.requested = true;
      requestAnimationFrame(() => {
        this.requested = false;
        this.draw();
      });
    }
  }

  draw() {
    const { canvas, context } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)
      || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!this.state.scan || !width) return;
    const { place } = this;
    // Tests and tools for the disabled find pixels by these.
    Object.assign(canvas.dataset, { plane: this.planeName,
      slice: this.index, ...place });
    this.drawImage(place);
    for (const one of this.state.objects.values()) {
      const mask = one.isShown && one.masks.on(this.plane, this.index);
      if (mask) this.drawMask(mask, one, place);
    }
    if (this.state.tool?.view === this) {
      context.save();
      this.state.tool.draw(context, this, place);
      context.restore();
    }
    this.drawCursor(place, width, height);
    this.drawText(place, width, height);
  }

  drawImage(place) {
    const { plane, index, state, image } = this;
    const loaded = state.volume.count ?? 0;
    const shown = [plane.name, state.scan.id, index, loaded,
      state.windowChanged].join(' ');
    const [columns, rows] = plane.size;
    if (this.shown !== shown) {
      [image.width, image.height] = [columns, rows];
      const context = image.getContext('2d');
      const pixels = context.createImageData(columns, rows);
      state.volume.paint(plane, index, new Uint32Array(pixels.data.buffer));
      context.putImageData(pixels, 0, 0);
      this.shown = shown;
    }
    // Single pixels are shown as such once they are large.
    this.context.imageSmoothingEnabled = place.width < 6;
    this.context.imageSmoothingQuality = 'high';
    this.context.drawImage(image, place.left, place.top,
      columns * place.width, rows * place.height);
  }

  drawMask(mask, one, place) {
    const { context } = this;
    const matrix = new DOMMatrix([place.width, 0, 0, place.height,
      place.left, place.top]);
    const isActive = one.id === this.state.active;
    context.save();
    if (this.state.fills) {
      const area = new Path2D();
      area.addPath(mask.area(), matrix);
      context.globalAlpha = isActive ? 0.22 : 0.14;
      context.fillStyle = one.colour;
      context.fill(area);
    }
    const outline = new Path2D();
    outline.addPath(mask.outline(), matrix);
    context.globalAlpha = 1;
    context.strokeStyle = one.colour;
    context.lineWidth = isActive && this.isLarge ? 1.75 : 1;
    // A slice that the user prompted or accepted has a full line.
    const isOwn = this.plane.name === one.masks.plane.name;
    context.setLineDash(isOwn && !mask.isPrompted ? [5, 3] : []);
    context.stroke(outline);
    context.restore();
  }

  drawCursor(place, width, height) {
    const { context } = this;
    const [column, row] = this.plane.toView(this.state.cursor);
    const x = place.left + (column + 0.5) * place.width;
    const y = place.top + (row + 0.5) * place.height;
    const gap = 5;
    const arm = this.isLarge ? 14 : Math.max(width, height);
    const cross = new Path2D();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      cross.moveTo(x + gap * dx, y + gap * dy);
      cross.lineTo(x + arm * dx, y + arm * dy);
    }
    context.lineWidth = this.isLarge ? 2 : 1;
    context.strokeStyle = this.isLarge ? '#3fb4ff'
      : 'rgba(120, 200, 255, 0.45)';
    context.stroke(cross);
  }

  drawText(place, width, height) {
    const { context, plane, state } = this;
    context.font = FONT;
    context.fillStyle = FADED;
    context.strokeStyle = 'rgba(0, 0, 0, 0.8)';
    context.lineWidth = 3;
    context.lineJoin = 'round';
    const write = (text, x, y, align) => {
      context.textAlign = align;
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    };
    context.textBaseline = 'middle';
    if (state.scan.in_space) {
      const [left, right, above, below] = plane.letters;
      write(left, 10, height / 2, 'left');
      write(right, width - 10, height / 2, 'right');
      write(above, width / 2, 14, 'center');
      write(below, width / 2, height - 14, 'center');
    }
    const name = plane.name[0].toUpperCase() + plane.name.slice(1);
    write(this.isLarge ? `${name} ${this.index + 1}/${plane.size[2]}` : name,
      10, 14, 'left');
    if (this.isLarge) {
      const { level, width: whole } = state.window;
      if (!state.volume.isColour) {
        write(`L ${Math.round(level)}  W ${Math.round(whole)}`, width - 10, 14,
          'right');
      }
      if (state.scan.in_space) this.drawScale(place, height, write);
    }
  }

  drawScale(place, height, write) {
    const { context, plane } = this;
    const pixels = place.width / plane.spacing[0];
    const length = LENGTHS.findLast((one) => one * pixels <= 140);
    if (!length) return;
    const [x, y] = [12, height - 16];
    write(length < 10 ? `${length} mm` : `${length / 10} cm`, x + 6, y - 10,
      'left');
    context.lineWidth = 1;
    context.strokeStyle = FADED;
    context.beginPath();
    context.moveTo(x, y - 4);
    context.lineTo(x, y);
    context.lineTo(x + length * pixels, y);
    context.lineTo(x + length * pixels, y - 4);
    context.stroke();
  }
}
