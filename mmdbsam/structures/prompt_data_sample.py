"""A slice with its prompts, its reference and the model's prediction."""

from mmengine.structures import BaseDataElement, InstanceData


class PromptDataSample(BaseDataElement):
    """What the model gets besides an image's pixels, and what it returns.

    :class:`.PackPromptSample` lists the meta information. An instance is the
    object that one of the K prompts asks for.

    Attributes:
        prompts (InstanceData): ``labels`` int64 (K,), and in a training or a
            test with boxes ``boxes`` float32 (K, 4), x0, y0, x1, y1 in pixels
            of the input, ``ori_boxes`` float32 (K, 4) in pixels of the
            original slice, and ``draws`` int64 (K,).

            In a training with other prompts too, ``points`` float32 (K, P, 3),
            x and y in pixels of the input, and 1 for a point on the object, 0
            for one on its background or -1 for none; ``rough_masks`` uint8
            (K, h, w) in {0, 1}, of the input's size; and ``has_box`` and
            ``has_mask`` bool (K,), which say whether the box and the rough
            mask of an object count.

            In a test with clicks, ``references`` bool (K, H, W), to simulate
            them from, perhaps with boxes, and then ``points`` float64
            (K, clicks, 3), x and y in pixels of the original slice, and the
            third value as above.
        gt_instances (InstanceData): ``masks`` uint8 (K, h, w) in {0, 1}, of
            the input's size; absent in tests.
        pred_instances (InstanceData): ``masks`` bool (K, H, W), of the
            original slice's size, and the predicted ``iou`` float32 (K,); in
            sessions of clicks also ``turns`` bool (K, T, H, W), the masks of
            all T predictions.
    """

    @property
    def prompts(self) -> InstanceData:
        """The K prompts."""
        return self._prompts

    @prompts.setter
    def prompts(self, value: InstanceData) -> None:
        self.set_field(value, '_prompts', dtype=InstanceData)

    @prompts.deleter
    def prompts(self) -> None:
        del self._prompts

    @property
    def gt_instances(self) -> InstanceData:
        """The reference of each prompt."""
        return self._gt_instances

    @gt_instances.setter
    def gt_instances(self, value: InstanceData) -> None:
        self.set_field(value, '_gt_instances', dtype=InstanceData)

    @gt_instances.deleter
    def gt_instances(self) -> None:
        del self._gt_instances

    @property
    def pred_instances(self) -> InstanceData:
        """The prediction for each prompt."""
        return self._pred_instances

    @pred_instances.setter
    def pred_instances(self, value: InstanceData) -> None:
        self.set_field(value, '_pred_instances', dtype=InstanceData)

    @pred_instances.deleter
    def pred_instances(self) -> None:
        del self._pred_instances
