"""What the page asks of the server: scans, prompts, masks and files."""

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import write_slices
from letter_volumes import as_image, column, stored_otherwise
from page_api import PageApi, packed

from mmdbsam.apis import PropagationRule, SeedBox
from mmdbsam.geometry.grids import geometry_of

COLUMN = column()
BOX = [11, 10, 18, 19]


def as_shown(image):
    return sitk.DICOMOrient(image, 'LPS')


def test_folders_show_scans_but_nothing_outside(api):
    entries = api('GET', 'files')['entries']
    assert [(one['name'], one['kind']) for one in entries] == [
        ('column.nii.gz', 'scan'), ('inner', 'folder')]
    inner = api('GET', 'files?path=inner')['entries']
    assert [one['path'] for one in inner] == ['inner/oblique.nrrd']
    for path in ('..', '/etc', 'inner/../..', 'column.nii.gz'):
        answer = api.send('GET', 'files', params=dict(path=path))
        assert answer.status_code == 404 and len(answer.json()['detail']) < 300
    for path in ('../outside.nii.gz', 'link.nii.gz', '/etc/passwd', 'inner',
                 'notes.txt'):
        assert api.send('POST', 'scan', json=dict(path=path)
                        ).status_code in (400, 404)


def test_a_scan_is_shown_the_same_however_it_is_stored(serve, clickable,
                                                       tmp_path):
    image = as_image(COLUMN)
    root = tmp_path / 'scans'
    root.mkdir()
    wanted, expected = None, sitk.GetArrayFromImage(as_shown(image))
    for i, stored in enumerate([image, *stored_otherwise(image)][::5]):
        sitk.WriteImage(stored, root / f'{i}.nrrd')
    api = PageApi(serve(clickable, root=root))
    for i in range(len([*root.iterdir()])):
        scan = api.open(path=f'{i}.nrrd')
        np.testing.assert_array_equal(api.voxels(scan), expected)
        np.testing.assert_allclose(scan['spacing'], [0.7, 0.9, 2.5])
        assert scan['plane'] == 'axial'
        api('POST', 'objects')
        found = api.prompt(1, kind='box', slice=15, box=BOX)
        assert found['slice'] == 15
        api.prompt(1, kind='points', slice=15, points=[[8, 14]], labels=[1])
        api.follow(1, 15)
        mask = api.mask(1)
        wanted = mask if wanted is None else wanted
        assert mask.sum() > 500
        np.testing.assert_array_equal(mask, wanted)


def test_prompts_find_what_a_session_finds(opened, clickable, root):
    found = opened.prompt(1, kind='box', slice=15, box=BOX)
    assert found['undo'] and not found['redo']
    lines = opened.follow(1, 15)
    assert [one['slice'] for one in lines] == [*range(16, 30),
                                               *range(14, -1, -1)]
    session = clickable.open_volume(root / 'column.nii.gz',
                                    propagation=PropagationRule())
    session.correct(session.add_object(), SeedBox(15, BOX))
    np.testing.assert_array_equal(opened.mask(1), session.mask(1))


@pytest.mark.parametrize('prompt', [
    dict(kind='points', slice=15, points=[[14, 14]], labels=[1]),
    dict(kind='scribble', slice=15, points=[[12, 12], [16, 16]]),
    dict(kind='lasso', slice=15, points=[[10, 9], [20, 9], [20, 20],
                                         [10, 20]]),
    dict(kind='span', box=[8, 10, 3, 20, 19, 26])])
def test_all_prompts_are_answered_on_their_slice(opened, prompt):
    found = opened.prompt(1, **prompt)
    assert found['slice'] == 15 and opened.mask(1)[15].sum() > 10
    assert not np.delete(opened.mask(1), 15, 0).any()


def test_a_click_on_the_background_takes_away(opened):
    opened.prompt(1, kind='box', slice=15, box=BOX)
    before = opened.mask(1)
    opened.prompt(1, kind='points', slice=15, points=[[12, 11]], labels=[0])
    after = opened.mask(1)
    assert before[15, 11, 12] and not after[15, 11, 12]
    assert (after <= before).all()


def test_objects_are_painted_named_removed_undone_and_redone(opened):
    drawn = np.zeros(COLUMN.shape[1:], bool)
    drawn[3:7, 5:9] = True
    opened('POST', 'objects/1/paint', json=dict(slice=4, **packed(drawn)))
    np.testing.assert_array_equal(opened.mask(1)[4], drawn)
    opened('POST', 'objects/1/accept', json=dict(slice=4))
    opened('PATCH', 'objects/1', json=dict(name='  my column '))
    opened('DELETE', 'objects/1')
    assert opened('GET', 'scan')['objects'] == []
    undone = opened('POST', 'undo')
    assert undone['whole']['name'] == 'my column' and undone['redo']
    assert opened('POST', 'redo')['whole'] is None
    for _ in range(5):
        last = opened('POST', 'undo')
    assert last['object'] == 1 and last['whole'] is None
    assert opened('POST', 'undo')['object'] is None


def test_segmentations_are_saved_and_opened_again(opened, tmp_path, root):
    opened.prompt(1, kind='box', slice=15, box=BOX)
    opened.follow(1, 15)
    opened('PATCH', 'objects/1', json=dict(name='column'))
    mask, scan = opened.mask(1), opened('GET', 'scan')
    assert [one['suffix'] for one in scan['formats']] == ['.seg.nrrd',
                                                          '.nii.gz']
    image = sitk.ReadImage(root / 'column.nii.gz')
    for form in scan['formats']:
        answer = opened.send('GET', 'segmentation', params=dict(
            format=form['suffix']))
        path = tmp_path / f'saved{form["suffix"]}'
        path.write_bytes(answer.content)
        saved = sitk.ReadImage(path)
        for key, values in geometry_of(image).items():
            np.testing.assert_allclose(geometry_of(saved)[key], values,
                                       atol=1e-5)
        np.testing.assert_array_equal(
            sitk.GetArrayFromImage(as_shown(saved)) > 0, mask)
        after = opened('PUT', 'segmentation', params=dict(name=path.name),
                       content=answer.content, headers={
                           'Content-Type': 'application/octet-stream'})
        new = after['objects'][-1]
        np.testing.assert_array_equal(opened.mask(new['id']), mask)
        if form['suffix'] == '.seg.nrrd':
            assert new['name'] == 'column'
    other = as_image(COLUMN[:-1], oblique=False)
    sitk.WriteImage(other, tmp_path / 'other.nii.gz')
    answer = opened.send('PUT', 'segmentation?name=other.nii.gz',
                         content=(tmp_path / 'other.nii.gz').read_bytes(),
                         headers={'Content-Type': 'application/octet-stream'})
    assert answer.status_code == 400 and str(tmp_path) not in answer.text


@pytest.mark.parametrize('name, header', [
    ('x.nrrd', 'NRRD0004\ntype: uchar\ndimension: 3\nsizes: 32 32 30\n'
     'encoding: raw\ndata file: {}\n\n'),
    ('x.seg.nrrd', 'NRRD0004\ntype: uchar\ndimension: 3\nsizes: 32 32 30\n'
     'encoding: raw\ndata file: {}\n\n'),
    ('x.mha', 'ObjectType = Image\nNDims = 3\nDimSize = 32 32 30\n'
     'ElementType = MET_UCHAR\nElementDataFile = {}\n'),
    ('x.nrrd', 'NRRD0004\ntype: uchar\ndimension: 3\n'
     'sizes: 60000 60000 60000\nencoding: gzip\n\nx'),
    ('x.nii.gz', 'no such thing'), ('x.dcm', 'no such thing'),
    ('x.seg.nrrd', '')])
def test_labels_that_reach_out_or_burst_are_refused(opened, tmp_path, name,
                                                    header):
    secret = tmp_path / 'secret.raw'
    secret.write_bytes(bytes([1]) * 32 * 32 * 30)
    answer = opened.send(
        'PUT', f'segmentation?name={name}',
        content=header.format(secret).encode(),
        headers={'Content-Type': 'application/octet-stream'})
    assert answer.status_code in (400, 403, 413), answer.text
    assert str(tmp_path) not in answer.text and '/tmp' not in answer.text
    assert len(opened('GET', 'scan')['objects']) == 1


def test_a_scan_is_gone_on_with_after_its_page_was_closed(opened):
    opened.prompt(1, kind='box', slice=15, box=BOX)
    mask, scan = opened.mask(1), opened('GET', 'scan')
    url = str(opened.http.base_url)
    other = PageApi(url)
    answer = other.send('POST', 'scan', json=dict(path='column.nii.gz'))
    assert answer.status_code == 409
    opened('DELETE', 'lease')
    assert opened.send('GET', 'scan').status_code == 410
    assert other('GET', 'files')['entries'][0]['annotated']
    known, = other('GET', 'scans')['entries']
    for where in (dict(path='column.nii.gz'), dict(id=known['id'])):
        assert other.open(**where)['id'] == scan['id']
        np.testing.assert_array_equal(other.mask(1), mask)


def test_a_scan_is_open_in_one_page_at_a_time(opened):
    other = PageApi(str(opened.http.base_url))
    answer = other.send('POST', 'scan', json=dict(path='column.nii.gz'))
    assert answer.status_code == 409
    assert 'open in another page' in answer.json()['detail']
    opened('DELETE', 'lease')
    assert other.open(path='column.nii.gz')['name'] == 'column.nii.gz'


def test_scans_are_uploaded(api, tmp_path):
    content = (tmp_path / 'outside.nii.gz').read_bytes()
    scan = api.upload(**{'my scan.nii.gz': content})
    assert scan['name'] == 'my scan.nii.gz' and scan['objects'] == []
    np.testing.assert_array_equal(
        api.voxels(scan),
        sitk.GetArrayFromImage(as_shown(as_image(COLUMN))))
    workspace = tmp_path / 'workspace'
    assert len([*workspace.glob('*/upload')]) == 1
    # It is not kept if nothing was done with it.
    api.open(path='column.nii.gz')
    assert not [*workspace.glob('*/upload')]


def test_a_dicom_series_is_uploaded_and_gets_a_seg(api, tmp_path):
    stored = np.where(COLUMN, 200, -1000).astype(np.int16)
    series = write_slices(tmp_path / 'series', stored, np.arange(30.))
    scan = api.upload(**{f'series/{file.name}': file.read_bytes()
                         for file in sorted(series.iterdir())})
    assert scan['name'] == 'series' and scan['modality'] == 'CT'
    np.testing.assert_array_equal(api.voxels(scan), stored)
    api('POST', 'objects')
    api.prompt(1, kind='box', slice=15, box=BOX)
    api.follow(1, 15)
    np.testing.assert_array_equal(api.mask(1), COLUMN)
    assert [one['suffix'] for one in scan['formats']] == [
        '.seg.nrrd', '.nii.gz', '.seg.dcm']
    answer = api.send('GET', 'segmentation?format=.seg.dcm')
    assert answer.status_code == 200, answer.text
    after = api('PUT', 'segmentation?name=x.seg.dcm', content=answer.content,
                headers={'Content-Type': 'application/octet-stream'})
    np.testing.assert_array_equal(api.mask(after['objects'][-1]['id']), COLUMN)
    while not api('GET', 'progress?slice=15')['saved']:
        pass
    linked = tmp_path / 'workspace/images/series/series'
    assert len([*linked.iterdir()]) == 30


def test_a_server_that_was_killed_has_lost_nothing(serve, clickable, root):
    first = PageApi(serve(clickable, root=root))
    first.open(path='column.nii.gz')
    first('POST', 'objects', json=dict(name='pillar'))
    first.prompt(1, kind='box', slice=15, box=BOX)
    # Another server finds what the first, which never ended, had answered.
    second = PageApi(serve(clickable, root=root))
    scan = second.open(path='column.nii.gz')
    assert [one['name'] for one in scan['objects']] == ['pillar']
    np.testing.assert_array_equal(second.mask(1), first.mask(1))
    assert second.mask(1).sum() == 80


def test_grey_values_of_any_kind_are_shown(serve, clickable, tmp_path):
    root = tmp_path / 'scans'
    root.mkdir()
    generator = np.random.default_rng(0)
    kinds = dict(
        fine=generator.normal(0, 1e-3, (3, 8, 9)).astype(np.float32),
        far=generator.integers(-10**6, 10**6, (3, 8, 9)).astype(np.int32),
        whole=generator.integers(-1024, 3071, (3, 8, 9)).astype(np.float32),
        unsigned=generator.integers(0, 65535, (3, 8, 9)).astype(np.uint16))
    for name, values in kinds.items():
        sitk.WriteImage(sitk.GetImageFromArray(values), root / f'{name}.nrrd')
    api = PageApi(serve(clickable, root=root))
    for name, values in kinds.items():
        scan = api.open(path=f'{name}.nrrd')
        shown = api.voxels(scan) * scan['slope'] + scan['intercept']
        step = 0. if name == 'whole' else np.ptp(values.astype(float)) / 65535
        np.testing.assert_allclose(shown, values, atol=step)


WRONG = [
    ('POST', 'objects/1/prompt', {}),
    ('POST', 'objects/1/prompt', dict(kind='box', slice=15, box=[1, 2])),
    ('POST', 'objects/1/prompt', dict(kind='box', slice=1.5, box=BOX)),
    ('POST', 'objects/1/prompt', dict(kind='box', slice=True, box=BOX)),
    ('POST', 'objects/1/prompt', dict(kind='box', slice=10**30, box=BOX)),
    ('POST', 'objects/1/prompt', dict(kind='box', slice=-1, box=BOX)),
    ('POST', 'objects/1/prompt', dict(kind='box', slice=3, box='x' * 10**4)),
    ('POST', 'objects/1/prompt', dict(kind='box', slice=3,
                                      box=[0, 0, 10**9, 5])),
    ('POST', 'objects/1/prompt', dict(kind='points', slice=3, points=[[1, 1]],
                                      labels=[7])),
    ('POST', 'objects/1/prompt', dict(kind='points', slice=3, points=[])),
    ('POST', 'objects/1/prompt', dict(kind='points', slice=3, points=[[0, 0]],
                                      labels=[0])),
    ('POST', 'objects/1/prompt', dict(kind='scribble', slice=3,
                                      points=[[1, 1]] * 30000)),
    ('POST', 'objects/1/prompt', dict(kind='lasso', slice=3,
                                      points=[[1, 1], [2, 2]])),
    ('POST', 'objects/1/prompt', dict(kind=['box'], slice=3, box=BOX)),
    ('POST', 'objects/9/prompt', dict(kind='box', slice=3, box=BOX)),
    ('POST', 'objects/1/paint', dict(slice=3, corner=[0, 0], shape=[32, 33],
                                     bits='')),
    ('POST', 'objects/1/paint', dict(slice=3, corner=[0, 0], shape=[8, 8],
                                     bits='%%%')),
    ('POST', 'objects/1/paint', dict(slice=3, corner=[-1, 0], shape=[8, 8],
                                     bits='AAAAAAAAAAA=')),
    ('POST', 'objects/1/paint', dict(slice=99, corner=[0, 0], shape=[0, 0],
                                     bits='')),
    ('POST', 'objects/1/accept', dict(slice=3)),
    ('POST', 'objects/1/explode', dict(slice=3)),
    ('PATCH', 'objects/1', dict(name='')),
    ('PATCH', 'objects/1', dict(name='a\nb')),
    ('PATCH', 'objects/1', dict(name='x' * 65)),
    ('PATCH', 'objects/1', dict(name=3)),
    ('DELETE', 'objects/77', {}),
    ('GET', 'voxels?first=0&count=99', None),
    ('GET', 'voxels?first=-1&count=1', None),
    ('GET', 'voxels?first=0&count=0', None),
    ('GET', 'progress?slice=x', None),
    ('GET', 'segmentation?format=.exe', None),
    ('GET', 'segmentation?format=.nii.gz', None),
    ('PUT', 'segmentation?name=../../x.sh', {}),
    ('PUT', 'segmentation?name=x.nii.gz', {}),
    ('PUT', 'upload?name=x.nii.gz', {}),
    ('POST', 'scan', dict(id='../..')),
    ('POST', 'scan', dict(path=['x'])),
    ('POST', 'scan', {})]


def test_wrong_requests_are_refused_in_one_line(opened, tmp_path):
    before = opened('GET', 'scan')
    for method, path, body in WRONG:
        answer = opened.send(method, path, json=body)
        what = f'{method} {path} {str(body)[:99]}: {answer.text[:999]}'
        assert 400 <= answer.status_code < 500, what
        line = answer.json()['detail']
        assert '\n' not in line and len(line) < 400, what
        assert 'Traceback' not in line and str(tmp_path) not in line, what
    assert opened('GET', 'scan') == before


def test_an_object_is_not_followed_from_where_it_was_not_prompted(opened):
    line, = opened.follow(1, 3)
    assert 'slice: expected one that was prompted, found 3' in line['detail']


def test_pages_do_not_touch_each_other_s_scans(opened):
    other = PageApi(str(opened.http.base_url))
    assert other.send('GET', 'scan').status_code == 404
    assert other.send('POST', 'objects').status_code == 404
    other.open(path='inner/oblique.nrrd')
    other('POST', 'objects')
    other('POST', 'objects')
    assert len(opened('GET', 'scan')['objects']) == 1


@pytest.mark.parametrize('name', ['../x.nii.gz', '/etc/x.nii.gz', '..', '',
                                  'a/../../x.nii.gz', 'a\\..\\..\\x.nii.gz'])
def test_uploads_stay_in_their_folder(api, name, tmp_path):
    before = {path for path in tmp_path.rglob('*')
              if 'workspace' not in path.parts}
    api('POST', 'upload')
    answer = api.send('PUT', 'upload', params=dict(name=name), content=b'x',
                      headers={'Content-Type': 'application/octet-stream'})
    assert answer.status_code == 400
    after = {path for path in tmp_path.rglob('*')
             if 'workspace' not in path.parts}
    assert after == before and not [
        *tmp_path.glob('workspace/**/*.nii.gz')]
