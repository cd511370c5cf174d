from tests.docs.pictures import shown_pictures
from tests.docs.shell_examples import ROOT


def test_every_picture_is_shown_and_every_shown_one_is_there() -> None:
    assert {file.name for file in (ROOT / "docs" / "images").iterdir()} == shown_pictures()
