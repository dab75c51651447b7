"""The rest of what each launcher has to pass, on the one that the tutorial writes."""

from __future__ import annotations

import pytest

from tests.contract.test_async import *  # noqa: F403
from tests.contract.test_doors import *  # noqa: F403
from tests.contract.test_failures import *  # noqa: F403
from tests.contract.test_graphs import *  # noqa: F403
from tests.contract.test_lazy import *  # noqa: F403
from tests.contract.test_life import *  # noqa: F403
from tests.contract.test_main import *  # noqa: F403
from tests.contract.test_output import *  # noqa: F403
from tests.contract.test_profile import *  # noqa: F403
from tests.contract.test_record import *  # noqa: F403
from tests.contract.test_seeds import *  # noqa: F403
from tests.contract.test_selecting import *  # noqa: F403
from tests.contract.test_surroundings import *  # noqa: F403

pytestmark = pytest.mark.timeout(90)
