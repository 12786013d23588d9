# TensorBoard shows curves and pictures of validation slices: run
# `tensorboard --logdir DIR` with the work directory. It is installed by
# `pip install mmdbsam[tensorboard]`.
_base_ = '../dbsam_tinyvit_ct.py'
visualizer = dict(vis_backends=[dict(type='LocalVisBackend'),
                                dict(type='TensorboardVisBackend')])
default_hooks = dict(visualization=dict(draw=True))
