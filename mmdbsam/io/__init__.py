"""Reading and writing files of images, labels and segmentations."""
