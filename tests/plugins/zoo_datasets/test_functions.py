"""The data set `functions`: summaries and the code they document, from source files."""

from __future__ import annotations

from zoo_datasets.functions import build

SOURCE = '''
class Shelf:
    def add(self, book):
        """Put a book on the shelf.

        Args:
            book: what is put there.
        """
        self.books.append(book)
        self.count = self.count + 1
        return self.count

    def _sort(self):
        """Nobody is to know of this."""
        self.books.sort(key=lambda book: (book.title, book.author))

@cached
def borrowed(shelf, person):
    """All books that a person has borrowed."""
    return [book for book in shelf.books if book.borrower == person]

def again(shelf, person):
    """All books that a person has borrowed."""
    return [book for book in shelf.books if book.borrower is person]

def same(shelf, person):
    """What the person has at home."""
    return [book for book in shelf.books if book.borrower == person]

def short(x):
    """Gives its argument back again."""
    return x
'''


def test_pairs_have_no_name_no_docstring_and_nothing_twice(tmp_path):
    (tmp_path / "shelf.py").write_text(SOURCE)
    (tmp_path / "torn.py").write_text("def (")
    rows = [row for part in build({"shelf": sorted(tmp_path.glob("*.py"))}).values() for row in part.to_pylist()]

    found = {row["summary"]: row["code"] for row in rows}
    assert found["Put a book on the shelf."].startswith("def f(self, book):\n    self.books.append(book)")
    assert "Gives its argument back again." not in found  # too short to tell
    assert len(found) == 2
    assert sum("borrower == person" in code for code in found.values()) == 1
    assert not any('"""' in code or "cached" in code for code in found.values())
