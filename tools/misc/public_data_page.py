"""Write docs/public_data.md from the table of the public data sets.

``python tools/misc/public_data_page.py``
"""

from pathlib import Path

from mmdbsam.preparation.public.page import public_page

if __name__ == '__main__':
    page = Path(__file__).parents[2] / 'docs/public_data.md'
    page.write_text(public_page(), encoding='utf-8')
