"""docs/model_zoo.md is what the configs and their metafiles say."""

import pytest
import yaml

from mmdbsam.errors import InputError


def test_the_page_is_up_to_date(run_tool):
    done = run_tool('analysis_tools/model_zoo.py', '--check')
    assert done.returncode == 0, done.stderr
    assert 'up to date' in done.stdout


def test_another_page_is_refused(load_tool, monkeypatch):
    tool = load_tool('analysis_tools/model_zoo.py')
    monkeypatch.setattr(tool, 'page', lambda metafiles: 'one')
    monkeypatch.setattr(tool, 'PAGE', tool.ROOT / 'docs/get_started.md')
    monkeypatch.setattr('sys.argv', ['x', '--check'])
    with pytest.raises(InputError, match='get_started.md: expected what'):
        tool.main()


def test_a_config_without_an_entry_is_named(load_tool, monkeypatch, tmp_path):
    tool = load_tool('analysis_tools/model_zoo.py')
    monkeypatch.setattr(tool, 'ROOT', tmp_path)
    folder = tmp_path / 'configs'
    folder.mkdir()
    (folder / 'listed.py').touch()
    (folder / 'forgotten.py').touch()
    entry = dict(Models=[dict(Config='configs/listed.py')])
    (folder / 'metafile.yml').write_text(yaml.safe_dump(entry))
    with pytest.raises(InputError, match="metafile.yml: .*forgotten.py'"):
        tool.read_metafiles()
    (folder / 'forgotten.py').unlink()
    assert list(tool.read_metafiles().values()) == [entry]


@pytest.mark.parametrize('key, value', [
    ('Parameters', 9791299), ('FLOPs', 1), ('Pretrained', 'sam_vit_b'),
])
def test_a_metafile_that_is_not_of_its_model_is_refused(load_tool, repo_root,
                                                        key, value):
    tool = load_tool('analysis_tools/model_zoo.py')
    content = tool.read_metafiles()[repo_root
                                    / 'configs/baselines/metafile.yml']
    entry = next(model for model in content['Models']
                 if model['Name'] == 'lite_medsam_decoder_ct')
    assert '| 4.18 | 5.61 | 77.0 | `lite_medsam` |' in tool.config_row(entry)
    entry['Metadata'][key] = value
    with pytest.raises(InputError, match=f'lite_medsam_decoder_ct.py: '
                       f'expected {key} .*, found {value}'):
        tool.config_row(entry)
