// The masks of objects, slice by slice, as the server packs them.

// A mask of a slice, cropped: corner is its first row and column, pixels are 0
// or 1, row by row.
export class SliceMask {
  constructor(corner, shape, pixels, isPrompted = false) {
    this.corner = corner;
    this.shape = shape;
    this.pixels = pixels;
    this.isPrompted = isPrompted;
    this.count = pixels.reduce((sum, one) => sum + one, 0);
  }

  static unpack({ corner, shape, bits, prompted }) {
    const bytes = Uint8Array.from(atob(bits), (one) => one.charCodeAt(0));
    const pixels = new Uint8Array(shape[0] * shape[1]);
    for (let i = 0; i < pixels.length; i += 1) {
      pixels[i] = (bytes[i >> 3] >> (7 - (i & 7))) & 1;
    }
    return new SliceMask(corner, shape, pixels, prompted);
  }

  // Crop whole pixels of a slice, row by row.
  static crop(pixels, rows, columns) {
    let [top, left, bottom, right] = [rows, columns, -1, -1];
    for (let i = 0; i < pixels.length; i += 1) {
      if (pixels[i]) {
        const row = Math.floor(i / columns);
        const column = i - row * columns;
        top = Math.min(top, row);
        bottom = Math.max(bottom, row);
        left = Math.min(left, column);
        right = Math.max(right, column);
      }
    }
    if (bottom < 0) return new SliceMask([0, 0], [0, 0], new Uint8Array(0));
    const shape = [bottom - top + 1, right - left + 1];
    const cropped = new Uint8Array(shape[0] * shape[1]);
    for (let row = 0; row < shape[0]; row += 1) {
      const start = (top + row) * columns + left;
      cropped.set(pixels.subarray(start, start + shape[1]), row * shape[1]);
    }
    return new SliceMask([top, left], shape, cropped);
  }

  pack() {
    const bytes = new Uint8Array(Math.ceil(this.pixels.length / 8));
    this.pixels.forEach((one, i) => { bytes[i >> 3] |= one << (7 - (i & 7)); });
    let text = '';
    for (const one of bytes) text += String.fromCharCode(one);
    return { corner: this.corner, shape: this.shape, bits: btoa(text) };
  }

  // Whole pixels of a slice of this size.
  whole(rows, columns) {
    const pixels = new Uint8Array(rows * columns);
    for (let row = 0; row < this.shape[0]; row += 1) {
      const from = row * this.shape[1];
      pixels.set(this.pixels.subarray(from, from + this.shape[1]),
        (this.corner[0] + row) * columns + this.corner[1]);
    }
    return pixels;
  }

  // The sides of pixels at which the mask ends, in columns and rows where a
  // pixel's first corner has whole numbers.
  outline() {
    if (!this.path) {
      this.path = new Path2D();
      const [rows, columns] = this.shape;
      const [top, left] = this.corner;
      const at = (row, column) => (
        row >= 0 && row < rows && column >= 0 && column < columns
          ? this.pixels[row * columns + column] : 0);
      const trace = (lines, length, differs, line) => {
        for (let i = 0; i <= lines; i += 1) {
          for (let j = 0; j < length; j += 1) {
            if (differs(i, j)) {
              const begin = j;
              while (j < length && differs(i, j)) j += 1;
              line(i, begin, j);
            }
          }
        }
      };
      trace(rows, columns, (i, j) => at(i - 1, j) !== at(i, j), (i, a, b) => {
        this.path.moveTo(left + a, top + i);
        this.path.lineTo(left + b, top + i);
      });
      trace(columns, rows, (i, j) => at(j, i - 1) !== at(j, i), (i, a, b) => {
        this.path.moveTo(left + i, top + a);
        this.path.lineTo(left + i, top + b);
      });
    }
    return this.path;
  }

  // The area as a path, for filling.
  area() {
    if (!this.filled) {
      this.filled = new Path2D();
      const [rows, columns] = this.shape;
      for (let row = 0; row < rows; row += 1) {
        for (let column = 0; column < columns; column += 1) {
          if (this.pixels[row * columns + column]) {
            const begin = column;
            while (column < columns && this.pixels[row * columns + column]) {
              column += 1;
            }
            this.filled.rect(this.corner[1] + begin, this.corner[0] + row,
              column - begin, 1);
          }
        }
      }
    }
    return this.filled;
  }
}

// The masks of an object on the slices of the plane in which it is prompted.
export class ObjectMasks {
  constructor(plane) {
    this.plane = plane;
    this.slices = new Map();
    this.sections = new Map();
  }

  set(packed) {
    const mask = SliceMask.unpack(packed);
    if (mask.count || mask.isPrompted) this.slices.set(packed.slice, mask);
    else this.slices.delete(packed.slice);
    this.sections.clear();
  }

  // The number of voxels.
  get count() {
    let sum = 0;
    for (const mask of this.slices.values()) sum += mask.count;
    return sum;
  }

  // The mask on a slice of any plane; undefined if there is none.
  on(plane, index) {
    if (plane.name === this.plane.name) return this.slices.get(index);
    const key = `${plane.name} ${index}`;
    if (!this.sections.has(key)) {
      this.sections.set(key, this.section(plane, index));
    }
    return this.sections.get(key);
  }

  section(plane, index) {
    const through = plane.toVoxel([0, 0, index]);
    const fixed = this.plane.axes.indexOf(plane.axes[2]);
    const at = this.plane.toView(through)[fixed];
    const [columns, rows] = plane.size;
    const pixels = new Uint8Array(columns * rows);
    for (const [slice, mask] of this.slices) {
      const [top, left] = mask.corner;
      const [height, width] = mask.shape;
      const inside = fixed === 0 ? at - left : at - top;
      if (inside >= 0 && inside < (fixed === 0 ? width : height)) {
        const length = fixed === 0 ? height : width;
        for (let i = 0; i < length; i += 1) {
          const [row, column] = fixed === 0 ? [i, inside] : [inside, i];
          if (mask.pixels[row * width + column]) {
            const [c, r] = plane.toView(this.plane.toVoxel(
              [left + column, top + row, slice]));
            pixels[r * columns + c] = 1;
          }
        }
      }
    }
    return SliceMask.crop(pixels, rows, columns);
  }
}
