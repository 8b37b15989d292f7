"""The faults that `make test-planted` plants fit the sources as they are; planting them takes minutes."""

from __future__ import annotations

import pytest

from tests.suite.planted.__main__ import ROOT, planted, read_faults

FAULTS = read_faults()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_has_one_place_and_tests_that_belong_to_it(fault):
    source = (ROOT / fault.file).read_text("utf-8")

    assert planted(source, fault) != source
    assert fault.tests
    assert all((ROOT / test).exists() for test in fault.tests)


def test_every_folder_of_the_core_and_every_plugin_has_one():
    folders = {path.parent for pattern in ("zoo/**/*.py", "plugins/*/*.py") for path in ROOT.glob(pattern)}

    assert {(ROOT / fault.file).parent for fault in FAULTS} == folders


def test_a_place_that_is_gone_or_there_twice_is_told():
    with pytest.raises(ValueError, match="has its place 0 times"):
        planted("nothing of it", FAULTS[0])
    with pytest.raises(ValueError, match="has its place 2 times"):
        planted(FAULTS[0].old * 2, FAULTS[0])
