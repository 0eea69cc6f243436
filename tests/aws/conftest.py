from tests.plugins.conftest import deployed, new_name, prefix

__all__ = ["deployed", "new_name", "prefix"]
