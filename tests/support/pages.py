"""Reading the pages that reports are made of."""

import base64
import io
from html.parser import HTMLParser

from PIL import Image

_VOID = {'meta', 'link', 'img', 'br', 'hr'}


class Page(HTMLParser):
    """A page's text, tables and pictures; fails on elements left open.

    Attributes:
        text: What a reader reads.
        tables: Their cells' texts.
        wrapped: Of each table, the class of what it is in.
        pictures: The sizes of those that could be decoded.
        links: Every address that is named.
        tags: The elements' names.
    """

    def __init__(self, content):
        super().__init__()
        self.text, self.tables, self.wrapped = '', [], []
        self.pictures, self.links, self.tags = [], [], []
        self._open = []
        self.feed(content)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.links += [value for name, value in attributes.items()
                       if name in ('src', 'href', 'xlink:href', 'srcset')]
        if tag == 'table':
            self.tables.append([])
            self.wrapped.append(self._open[-1][1])
        elif tag == 'tr':
            self.tables[-1].append([])
        elif tag in ('td', 'th'):
            self.tables[-1][-1].append('')
        elif tag == 'img':
            kind, content = attributes['src'].split(';base64,')
            assert kind.startswith('data:image/') and attributes['alt']
            picture = Image.open(io.BytesIO(base64.b64decode(
                content, validate=True)))
            picture.load()
            self.pictures.append(picture.size)
        if tag not in _VOID:
            self._open.append((tag, attributes.get('class')))

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes
                       if name in ('src', 'href', 'xlink:href')]

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        if any(tag == 'style' for tag, _ in self._open):
            assert 'url(' not in data and '@import' not in data
            return
        self.text += data
        if {tag for tag, _ in self._open} & {'td', 'th'}:
            self.tables[-1][-1][-1] += data
