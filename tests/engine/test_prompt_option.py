"""--prompt of tools/test.py puts prompts and loop into the config."""

import pytest

from mmdbsam.engine.prompt_option import set_prompt


@pytest.mark.parametrize('text, loop', [
    ('point', 'ClickTestLoop'), ('clicks:5', 'ClickTestLoop'),
    ('interactive:5', 'ClickTestLoop'), ('interactive:box+2', 'ClickTestLoop'),
    ('tight', 'TestLoop'), ('box3d', 'TestLoop')])
@pytest.mark.parametrize('before', ['TestLoop', 'ClickTestLoop'])
def test_clicks_have_their_own_loop(tiny_cfg, text, loop, before):
    tiny_cfg.test_cfg.update(type=before, fp16=True)
    set_prompt(tiny_cfg, text)
    assert tiny_cfg.test_cfg == dict(type=loop, fp16=True)


def test_another_loop_than_ours_is_kept(tiny_cfg):
    tiny_cfg.test_cfg.type = 'MyTestLoop'
    set_prompt(tiny_cfg, 'tight')
    assert tiny_cfg.test_cfg.type == 'MyTestLoop'
