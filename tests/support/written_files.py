"""Reads the files that inference writes."""

import csv

import SimpleITK as sitk


def values(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def table(path):
    with open(path, newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))
