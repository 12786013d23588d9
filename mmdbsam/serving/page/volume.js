// The voxels of a scan, and the grey values that a window makes of them.

// Slices are fetched in pieces of about this many bytes.
const PIECE = 4e6;
const FETCHES_AT_ONCE = 2;

export class Volume {
  // scan: what the server says about the scan; its size is in voxels x, y, z.
  constructor(scan) {
    const [width, height, depth] = scan.size;
    this.scan = scan;
    this.isColour = scan.channels === 3;
    const count = width * height * depth * scan.channels;
    this.values = this.isColour ? new Uint8Array(count) : new Int16Array(count);
    // Whether each axial slice is there.
    this.loaded = new Uint8Array(depth);
    this.table = new Uint32Array(65536);
  }

  // Fetch all slices, beginning near an axial slice; tell of each piece.
  async load(api, first, onPiece, signal) {
    const [width, height, depth] = this.scan.size;
    const bytes = width * height * this.scan.channels
      * this.values.BYTES_PER_ELEMENT;
    const step = Math.max(1, Math.round(PIECE / bytes));
    const starts = [];
    for (let start = 0; start < depth; start += step) starts.push(start);
    const distance = (start) => Math.abs(start + step / 2 - first);
    starts.sort((a, b) => distance(a) - distance(b));
    const fetchPieces = async () => {
      while (starts.length) {
        const start = starts.shift();
        const count = Math.min(step, depth - start);
        const buffer = await api.voxels(start, count, signal);
        this.values.set(new this.values.constructor(buffer),
          start * bytes / this.values.BYTES_PER_ELEMENT);
        this.loaded.fill(1, start, start + count);
        onPiece(this.loaded.reduce((sum, one) => sum + one, 0));
      }
    };
    await Promise.all(Array.from({ length: FETCHES_AT_ONCE }, fetchPieces));
  }

  // The value of a voxel in the scan's own unit; three numbers for colours.
  value([x, y, z]) {
    const [width, height] = this.scan.size;
    const place = (z * height + y) * width + x;
    if (this.isColour) return [...this.values.slice(3 * place, 3 * place + 3)];
    return this.scan.slope * this.values[place] + this.scan.intercept;
  }

  // Map level -+ width / 2 to black and white.
  setWindow({ level, width }) {
    const { slope, intercept } = this.scan;
    for (let stored = -32768; stored < 32768; stored += 1) {
      const share = (slope * stored + intercept - level) / width + 0.5;
      const grey = Math.round(255 * Math.min(1, Math.max(0, share)));
      this.table[stored & 0xffff] = 0xff000000 | (grey * 0x010101);
    }
  }

  // Write a slice of a plane into pixels, Uint32 RGBA.
  paint(plane, index, pixels) {
    const [width, height] = this.scan.size;
    const strides = [1, width, width * height];
    const [columns, rows] = plane.size;
    const origin = plane.toVoxel([0, 0, index]);
    const start = origin.reduce((sum, at, axis) => sum + at * strides[axis], 0);
    const steps = [0, 1].map((i) => (
      strides[plane.axes[i]] * (plane.flipped[i] ? -1 : 1)));
    const { values, table } = this;
    let to = 0;
    for (let row = 0; row < rows; row += 1) {
      let from = start + row * steps[1];
      for (let column = 0; column < columns; column += 1) {
        if (this.isColour) {
          pixels[to] = 0xff000000 | values[3 * from]
            | (values[3 * from + 1] << 8) | (values[3 * from + 2] << 16);
        } else {
          pixels[to] = table[values[from] & 0xffff];
        }
        to += 1;
        from += steps[0];
      }
    }
  }
}
