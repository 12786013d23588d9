// The three planes in which a scan is looked at.
//
// A scan's voxels x, y, z run to the patient's left, to the back and to the
// head. A view has columns to the right and rows down, as radiologists look at
// slices: the patient's right is on the left of axial and coronal slices.

const LAYOUTS = {
  axial: { axes: [0, 1, 2], flipped: [false, false, false], letters: 'RLAP' },
  coronal: { axes: [0, 2, 1], flipped: [false, true, false], letters: 'RLSI' },
  sagittal: { axes: [1, 2, 0], flipped: [false, true, true], letters: 'APSI' },
};

export const PLANES = Object.keys(LAYOUTS);

export class Plane {
  // size: the numbers of voxels along x, y, z; spacing: their sides in mm.
  constructor(name, size, spacing) {
    const { axes, flipped, letters } = LAYOUTS[name];
    this.name = name;
    this.axes = axes;
    this.flipped = flipped;
    // What lies to the left, to the right, above and below.
    this.letters = [...letters];
    // The numbers of columns, rows and slices, and their sides in mm.
    this.size = axes.map((axis) => size[axis]);
    this.spacing = axes.map((axis) => spacing[axis]);
  }

  // The column, row and slice of a voxel x, y, z.
  toView(voxel) {
    return this.axes.map((axis, i) => (
      this.flipped[i] ? this.size[i] - 1 - voxel[axis] : voxel[axis]));
  }

  // The voxel x, y, z of a column, row and slice.
  toVoxel(place) {
    const voxel = [0, 0, 0];
    this.axes.forEach((axis, i) => {
      voxel[axis] = this.flipped[i] ? this.size[i] - 1 - place[i] : place[i];
    });
    return voxel;
  }
}
