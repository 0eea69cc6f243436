"""
botocore, with what it finds out anew for each session, client and request remembered in the process.

To be imported before the first client is made.
"""

import functools
import os
import pickle
from typing import Any

from botocore import hooks, regions, useragent
from botocore.client import ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import JSONFileLoader, Loader

# A third of a DAG run's time went into reading the same service models (megabytes of JSON) for each hook's session.
_load_model = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
_pickle = functools.cache(lambda path: pickle.dumps(_load_model(path)))


def _load_file_once(loader: JSONFileLoader, path: str) -> Any:
    """S3's clients change the service model that they have loaded, so each gets its own."""
    is_changed = f"{os.sep}s3{os.sep}" in path and "service-2" in path
    return pickle.loads(_pickle(path)) if is_changed else _load_model(path)


JSONFileLoader.load_file = _load_file_once
# And a third of what was left to make a client, into looking through the folders of some four hundred services.
_list_services = Loader.list_available_services
_services: dict[tuple[str, ...], list[str]] = {}


def _list_services_once(loader: Loader, type_name: str) -> list[str]:
    key = (type_name, *loader.search_paths)
    if key not in _services:
        _services[key] = _list_services(loader, type_name)
    return _services[key]


Loader.list_available_services = _list_services_once

# And more into what each client learns anew of its service: its shapes, its errors, its class.
_load_service, _create_class = ClientCreator._load_service_model, ClientCreator._create_client_class
_known_services: dict[Any, Any] = {}
_known_classes: dict[str, Any] = {}


def _load_service_once(creator: ClientCreator, service: str, version: str | None = None) -> Any:
    if (service, version) not in _known_services:
        _known_services[service, version] = _load_service(creator, service, version)
    return _known_services[service, version]


def _create_class_once(creator: ClientCreator, service: str, model: Any) -> Any:
    if service not in _known_classes:
        _known_classes[service] = _create_class(creator, service, model)
    return _known_classes[service]


ClientCreator._load_service_model = _load_service_once
ClientCreator._create_client_class = _create_class_once

# And more into the rules by which a client finds its service's address.
_providers: dict[tuple[int, bool], EndpointProvider] = {}


def _make_provider_once(ruleset_data: Any, partition_data: Any, excluded_params: Any = None) -> EndpointProvider:
    key = (id(ruleset_data), bool(excluded_params))  # the rules are those of a file, which is loaded once
    if key not in _providers:
        _providers[key] = EndpointProvider(ruleset_data, partition_data, excluded_params)
    return _providers[key]


regions.EndpointProvider = _make_provider_once
# And a twelfth of each request into which characters its user agent may have, once for each of some ninety parts.
useragent.sanitize_user_agent_string_component = functools.lru_cache(1000)(
    useragent.sanitize_user_agent_string_component
)

# And half of the rest into the names of events, which each session translates, and into its handlers' signatures.
_event_names: dict[str, str] = {}
_make_aliaser = hooks.EventAliaser.__init__
_accepts_kwargs = functools.lru_cache(1000)(hooks.accepts_kwargs)


def _make_aliaser_with_known_names(aliaser: hooks.EventAliaser, *arguments: Any, **options: Any) -> None:
    _make_aliaser(aliaser, *arguments, **options)
    aliaser._alias_name_cache = _event_names


hooks.EventAliaser.__init__ = _make_aliaser_with_known_names
hooks.accepts_kwargs = lambda handler: _accepts_kwargs(getattr(handler, "__func__", handler))
