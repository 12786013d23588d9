# With --tta, tools/test.py averages the logits of a slice, of its mirror
# image, and of the slice upside down.
_base_ = '../dbsam_tinyvit_ct.py'
tta_model = dict(type='PromptTTAModel')
tta_pipeline = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', min_area=1),
    dict(type='TestTimeAug', transforms=[
        [dict(type='RandomFlip', prob=0.),
         dict(type='RandomFlip', prob=1., direction='horizontal'),
         dict(type='RandomFlip', prob=1., direction='vertical')],
        [dict(type='ResizeLongestSide', size=_base_.image_size)],
        [dict(type='PackPromptSample')],
    ]),
]
