"""What the measured rows say about what was asked for."""

from typing import Any, Dict, Iterator, List, Optional

Row = Dict[str, Any]
Rows = List[Row]


def pick(rows: Rows, **wanted: Any) -> List[Row]:
    """The rows without an error that have the given values."""
    return [row for row in rows if 'error' not in row and all(
        row.get(key.replace('_', ' ')) == value
        for key, value in wanted.items())]


def _verdict(claim: str, holds: Optional[bool], evidence: str) -> Row:
    return {'claim': claim, 'holds': holds, 'evidence': evidence}


def of_parity(rows: Rows) -> Iterator[Row]:
    """Whether every kernel agrees with the reference in float64."""
    ours = [row for row in rows if row.get('backend') != 'mmcv']
    if ours:
        failed = [row for row in ours if row.get('passes') is False]
        untold = [row for row in ours if 'passes' not in row]
        yield _verdict('Triton equals the float64 reference',
                       False if failed else None if untold else True,
                       f'{len(ours)} rows, {len(failed)} fail, '
                       f'{len(untold)} with errors')


def of_deformable(rows: Rows) -> Iterator[Row]:
    """Whether MSDA is within twice of the faster of limit and mmcv."""
    for row in pick(rows, backend='triton', type='float32'):
        others = pick(rows, backend='mmcv', case=row['case'])
        for part in ('forward', 'backward'):
            limits = {'bytes': row[f'{part} limit, ms']}
            if others:
                limits['mmcv'] = others[0][f'{part}, ms']
            ratios = {name: row[f'{part}, ms'] / limit
                      for name, limit in limits.items()}
            yield _verdict(
                f'MSDA {part} within 2x, {row["case"]}',
                max(ratios.values()) <= 2,
                f'{row[f"{part}, ms"]:.3f} ms: ' + ', '.join(
                    f'{ratio:.2f} x {name}'
                    for name, ratio in ratios.items()))


def of_encoders(rows: Rows) -> Iterator[Row]:
    """Whether the encoders are as fast as the peer, in less memory."""
    for row in pick(rows, by='SAMViT'):
        for peer in ('segment_anything', 'segment_anything, SDPA'):
            for other in pick(rows, by=peer, encoder=row['encoder'],
                              type=row['type']):
                yield _verdict(
                    f'{row["encoder"]} {row["type"]} as fast as {peer}',
                    row['ms'] <= other['ms']
                    and row['extra GB'] <= other['extra GB'],
                    f'{row["ms"]:.2f} against {other["ms"]:.2f} ms, '
                    f'{row["extra GB"]:.2f} against '
                    f'{other["extra GB"]:.2f} GB')


def of_training(rows: Rows) -> Iterator[Row]:
    """Whether a step in bfloat16 does twice the images of others."""
    ours = pick(rows, form='mmdbsam', type='bfloat16')
    if not ours:
        return
    best = max(ours, key=lambda row: row['images/s'])
    for form, dtype in (('plain', 'float32'), ('plain', 'bfloat16'),
                        ('mmdbsam', 'float32')):
        others = pick(rows, form=form, type=dtype)
        if not others:
            continue
        other = max(others, key=lambda row: row['images/s'])
        first = [row for row in ours if row['batch'] == 1]
        one = [row for row in others if row['batch'] == 1]
        at_one = (f'; at batch 1 '
                  f'{first[0]["images/s"] / one[0]["images/s"]:.2f} times'
                  if first and one else '')
        yield _verdict(
            f'bfloat16 trains 2x the images/s of {form} {dtype}',
            best['images/s'] >= 2 * other['images/s'],
            f'{best["images/s"]:.2f} (batch {best["batch"]}) against '
            f'{other["images/s"]:.2f} (batch {other["batch"]}){at_one}')


def verdicts(sections: Dict[str, Rows]) -> Rows:
    """The verdicts on the sections that there are."""
    return [verdict for name, judge in (
        ('parity', of_parity), ('deformable', of_deformable),
        ('encoders', of_encoders), ('training', of_training))
        for verdict in judge(sections.get(name, []))]
