# The paper reports on MedSAM's 21 3-D and 9 2-D tasks, each scored by itself.
# DB-SAM's release keeps them as Test/<number>-<name>/*.npz and trains on
# Train/npy_images and Train/npy_gts. The files are not public in that form.
#   python tools/prepare_data.py Train data/medsam_train
#   python tools/prepare_data.py Test data/medsam30
_base_ = './ct.py'
data_root = 'data/medsam_train'
modality = None  # There are several, and each image's file says which.
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
val_evaluator = dict(data_root=data_root, per_slice=True,
                     protocol='dbsam2024')
test_dataloader = dict(dataset=dict(data_root='data/medsam30'))
test_evaluator = dict(
    _delete_=True,
    type='BenchmarkMetric',
    data_root='data/medsam30',
    split='test',
    planar_tasks=[f'{number}-*' for number in range(22, 31)],
    # This protocol measures in voxels instead of mm, with a tolerance of 1,
    # and scores labels of any size. As in the release, the NSD of a 2-D task
    # takes its images as one volume.
    protocol='dbsam2024')
