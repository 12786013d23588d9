"""The table of the public data sets; docs/public_data.md is made from it.

No address could be reached from where the table was written. Addresses and MD5
of the Decathlon's tasks are those of MONAI 1.x (``monai/apps/datasets.py``),
those of TotalSegmentator are stated by kaiko-eva, and the SHA-256 of AMOS22
and FLARE22 by torch-em. Sizes are rounded.
"""

from mmdbsam.io.checksums import Checksum
from mmdbsam.preparation.public.public_set import PublicSet

_MSD = 'https://msd-for-monai.s3-us-west-2.amazonaws.com/'
_ZENODO = 'https://zenodo.org/records/'
_CITE_TOTALSEGMENTATOR = (
    'J. Wasserthal et al., TotalSegmentator: Robust Segmentation of 104 '
    'Anatomic Structures in CT Images, Radiology: Artificial Intelligence 5(5)'
    ', 2023, doi:10.1148/ryai.230024')


def _msd(task: str, md5: str, gigabytes: float, shows: str,
         labels: tuple[str, ...], options: str = '--modality CT',
         note: str = '') -> PublicSet:
    """A task of the Medical Segmentation Decathlon."""
    return PublicSet(
        f'Medical Segmentation Decathlon, {task}', shows, f'{_MSD}{task}.tar',
        Checksum('md5', md5), gigabytes, 'CC-BY-SA-4.0',
        'M. Antonelli et al., The Medical Segmentation Decathlon, Nature '
        'Communications 13, 4128, 2022, doi:10.1038/s41467-022-30695-9',
        labels, options, note)


def _totalsegmentator(record: int, file: str, md5: str, gigabytes: float,
                      title: str, shows: str) -> PublicSet:
    return PublicSet(
        title, shows, f'{_ZENODO}{record}/files/{file}', Checksum('md5', md5),
        gigabytes, 'CC-BY-4.0', _CITE_TOTALSEGMENTATOR,
        ('117 structures, named by their files', ), '--modality CT',
        'The labels were made by a model and corrected by hand.')


#: The public data sets by name.
PUBLIC_SETS: dict[str, PublicSet] = dict(
    msd_brain_tumour=_msd(
        'Task01_BrainTumour', '240a19d752f0d9e9101544901065d872', 7.6,
        'brain MR in four sequences, 484 labelled',
        ('edema', 'non-enhancing tumour', 'enhancing tumour'),
        '--modality MR --channel 0',
        'Channels 0 to 3 are FLAIR, T1w, T1gd and T2w.'),
    msd_heart=_msd(
        'Task02_Heart', '06ee59366e1e5124267b774dbd654057', 0.5,
        'cardiac MR, 20 labelled', ('left atrium', ), '--modality MR'),
    msd_liver=_msd(
        'Task03_Liver', 'a90ec6c4aa7f6a3d087205e23d4e6397', 29.0,
        'CT of the abdomen, 131 labelled', ('liver', 'cancer')),
    msd_hippocampus=_msd(
        'Task04_Hippocampus', '9d24dba78a72977dbd1d2e110310f31b', 0.03,
        'MR of the hippocampus, 260 labelled', ('anterior', 'posterior'),
        '--modality MR --min-volume 0 --min-area 0'),
    msd_prostate=_msd(
        'Task05_Prostate', '35138f08b1efaef89d7424d2bcc928db', 0.24,
        'MR of the prostate in two sequences, 32 labelled',
        ('peripheral zone', 'transition zone'), '--modality MR --channel 0',
        'Channels 0 and 1 are T2 and ADC.'),
    msd_lung=_msd(
        'Task06_Lung', '8afd997733c7fc0432f71255ba4e52dc', 9.1,
        'CT of the lungs, 63 labelled', ('cancer', )),
    msd_pancreas=_msd(
        'Task07_Pancreas', '4f7080cfca169fa8066d17ce6eb061e4', 12.3,
        'CT of the abdomen, 281 labelled', ('pancreas', 'cancer')),
    msd_hepatic_vessel=_msd(
        'Task08_HepaticVessel', '641d79e80ec66453921d997fbf12a29c', 9.4,
        'CT of the liver, 303 labelled', ('vessel', 'tumour')),
    msd_spleen=_msd(
        'Task09_Spleen', '410d4a301da4e5b2f6f86ec3ddba524e', 1.6,
        'CT of the abdomen, 41 labelled', ('spleen', )),
    msd_colon=_msd(
        'Task10_Colon', 'bad7a188931dc2f6acf72b08eb6202d0', 6.2,
        'CT of the abdomen, 126 labelled', ('colon cancer primaries', )),
    totalsegmentator=_totalsegmentator(
        10047292, 'Totalsegmentator_dataset_v201.zip',
        'fe250e5718e0a3b5df4c4ea9d58a62fe', 23.6, 'TotalSegmentator v2.0.1',
        'CT of the whole body, 1228 labelled'),
    totalsegmentator_small=_totalsegmentator(
        10047263, 'Totalsegmentator_dataset_small_v201.zip',
        '6b5524af4b15e6ba06ef2d700c0c73e0', 3.2,
        'TotalSegmentator v2.0.1, small subset',
        'CT of the whole body, 102 labelled'),
    amos22=PublicSet(
        'AMOS22', 'CT and MR of the abdomen, 240 labelled for training',
        f'{_ZENODO}7155725/files/amos22.zip',
        Checksum('sha256', 'd2fbf2c31abba9824d183f05741ce187'
                 'b17905b8cca64d1078eabf1ba96775c2'), 24.2, 'CC-BY-4.0',
        'Y. Ji et al., AMOS: A Large-Scale Abdominal Multi-Organ Benchmark for'
        ' Versatile Medical Image Segmentation, NeurIPS, 2022, '
        'arXiv:2206.08023',
        ('spleen', 'right kidney', 'left kidney', 'gall bladder', 'esophagus',
         'liver', 'stomach', 'aorta', 'postcava', 'pancreas',
         'right adrenal gland', 'left adrenal gland', 'duodenum', 'bladder',
         'prostate/uterus'), '--modality CT',
        'Cases from amos_0500 on are MR, and need a folder of their own with '
        '--modality MR.'),
    flare22=PublicSet(
        'FLARE22, labelled part', 'CT of the abdomen, 50 labelled',
        f'{_ZENODO}7860267/files/FLARE22Train.zip',
        Checksum('sha256', 'd57e201dc9002bd4a6fc1f5e0d452528'
                 '5f46bcc5be1a3c8f12543151e6675154'), 2.0, 'CC-BY-4.0',
        'J. Ma et al., Unleashing the strengths of unlabelled data in deep '
        'learning-assisted pan-cancer abdominal organ quantification: the '
        'FLARE22 challenge, The Lancet Digital Health 6(11), 2024',
        ('liver', 'right kidney', 'spleen', 'pancreas', 'aorta',
         'inferior vena cava', 'right adrenal gland', 'left adrenal gland',
         'gallbladder', 'esophagus', 'stomach', 'duodenum', 'left kidney'),
        '--modality CT --channel 0',
        'Its scans are those of the Decathlon (CC-BY-SA-4.0).'),
    openkbp=PublicSet(
        'OpenKBP', 'head-and-neck CT, 340 labelled',
        'https://github.com/ababier/open-kbp/archive/refs/heads/master.zip',
        None, 2.5, 'MIT',
        'A. Babier et al., OpenKBP: The open-access knowledge-based planning '
        'grand challenge and dataset, Medical Physics 48(9), 2021, '
        'doi:10.1002/mp.14845',
        ('Brainstem', 'SpinalCord', 'RightParotid', 'LeftParotid',
         'Esophagus', 'Larynx', 'Mandible', 'PTV56', 'PTV63', 'PTV70'),
        '--modality CT --min-volume 0 --min-area 0',
        'The voxels are coarse, 4 to 5 mm wide; PTV are targets of radiation, '
        'not organs. The archive is made by the server '
        'when it is asked for, so that no checksum of it is stable.'),
    btcv=PublicSet(
        'BTCV, Beyond the Cranial Vault (abdomen)',
        'CT of the abdomen, 30 labelled', None, None, 1.6,
        'own terms of Synapse',
        'B. Landman et al., MICCAI Multi-Atlas Labeling Beyond the Cranial '
        'Vault: Workshop and Challenge, 2015, doi:10.7303/syn3193805',
        ('spleen', 'right kidney', 'left kidney', 'gallbladder', 'esophagus',
         'liver', 'stomach', 'aorta', 'inferior vena cava',
         'portal and splenic vein', 'pancreas', 'right adrenal gland',
         'left adrenal gland'), '--modality CT',
        'It has no address without an account: download RawData.zip of '
        'syn3193805 at synapse.org, and put its training images and labels '
        'into images/ and labels/.'),
)
