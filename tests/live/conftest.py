from tests.live.promotions import *  # noqa: F403
