import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from include.blazingtext.image import image_uri
from include.config.errors import ConfigurationError

SDK = Path(find_spec("sagemaker").submodule_search_locations[0])
CONFIGURATION = json.loads((SDK / "core" / "image_uri_config" / "blazingtext.json").read_text(encoding="utf-8"))
[VERSION] = CONFIGURATION["versions"].values()


def test_it_is_the_sdks_image_in_each_region():
    from sagemaker.core import image_uris

    of_sdk = {region: image_uris.retrieve("blazingtext", region) for region in VERSION["registries"]}

    assert {region: image_uri(region) for region in of_sdk} == of_sdk


def test_of_an_unknown_region_it_is_said_what_to_set():
    with pytest.raises(ConfigurationError, match="RETRAIN_TRAINING_IMAGE"):
        image_uri("mars-north-1")
