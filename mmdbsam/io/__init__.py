"""Files of images, labels and segmentations, read and written."""
