"""The hashtags as the page shows them, made from the rows of Airflow's database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from hashtag_retrain.page import records
from include.aws.console import PAGE
from include.config.names import hashtag_of
from include.live.bill import LiveEndpoint
from include.report.failures import FAILURE
from include.results import CURRENT_DEADLINE, LISTED, Deployed
from include.steps.reporting import REPORT_URL

DATES_OF_OVERVIEW = 30
DATES_OF_HASHTAG = 366
DELETING = "being deleted"
"""The state of an endpoint whose deadline does not matter any more."""
APPROVED, PENDING, ROLLED_BACK = "Approved", "PendingManualApproval", "rolled back"
RECORD, EVALUATE, LIST = "record_outcome", "evaluate_model", "list_live_endpoints"
REPORT, MODEL, ENDPOINT = "report", "model_version", "endpoint"
"""Kinds of a hashtag's assets."""
Share = Annotated[float, Field(ge=0, le=1)]


class Champion(BaseModel):
    """Which version was the champion when a report was written."""

    version: int
    date: str
    accuracy: Share | None = None
    accuracy_interval: tuple[Share, Share] | None = None


class Promotion(BaseModel):
    """What the live endpoint served when a report was written."""

    endpoint_name: str
    serving_version: int | None = None
    status: str = ""


class Report(BaseModel):
    """What the page takes from an event of a hashtag's asset `report`."""

    status: str = ""
    outcome: str = ""
    champion: Champion | None = None
    live: Promotion | None = None
    report_url: str | None = None


class Model(BaseModel):
    """The same from an event of `model_version`. Every model that was evaluated is a version."""

    version: int
    date: str = ""
    approval: str = ""
    accuracy: Share | None = None
    accuracy_interval: tuple[Share, Share] | None = None
    majority_accuracy: Share | None = None
    test_tweets: int | None = None
    report_url: str | None = None
    registry_url: str | None = None


class EndpointEvent(BaseModel):
    """The same from an event of `endpoint`."""

    endpoint_name: str
    instance_type: str | None = None
    created_at: datetime | None = None
    deadline: datetime | None = None
    endpoint_url: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The newest evaluation of a date."""

    date: str
    run_id: str
    model: Model
    """With an accuracy."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run: the last one of its DAG, or the one that somebody looks at."""

    run_id: str
    state: str
    started: datetime | None
    status: str
    """The status of its report, like "not deployed"; the state without a report."""
    outcome: str
    report_url: str | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that exists, as far as Airflow knows."""

    run_id: str
    name: str
    state: str
    created: datetime | None
    deadline: datetime | None
    instance_type: str | None
    url: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class Live:
    """The live endpoint, when it was last seen."""

    name: str
    version: str
    """That it served, or "unknown"."""
    seen: datetime
    is_rolled_back: bool
    """The newest report says so."""
    endpoint: LiveEndpoint | None = None
    """As the clean-up DAG has listed it; None if a report has told of the live endpoint since."""


@dataclass(frozen=True, slots=True)
class Question:
    """A Required Action that nobody has answered."""

    run_id: str
    task_id: str
    subject: str


@dataclass(slots=True)
class Hashtag:
    """What the page shows of a hashtag."""

    dag_id: str
    owners: str | None
    is_paused: bool
    is_stale: bool
    """There is no such DAG any more."""
    run: Run | None = None
    evaluations: list[Evaluation] = field(default_factory=list)
    """The oldest date first."""
    champion: Champion | None = None
    live: Live | None = None
    pending: list[Model] = field(default_factory=list)
    """Newer than the champion, the newest version first."""
    registry_url: str | None = None
    endpoints: list[Endpoint] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    @property
    def name(self) -> str:
        return hashtag_of(self.dag_id)

    @property
    def champion_point(self) -> tuple[str, float] | None:
        """Date and accuracy of the champion, for the chart. A later evaluation of its date does not change them."""
        champion = self.champion
        return (champion.date, champion.accuracy) if champion and champion.accuracy is not None else None

    @property
    def newest(self) -> Evaluation | None:
        """The evaluation of the newest date."""
        return self.evaluations[-1] if self.evaluations else None

    @property
    def waits(self) -> int:
        """How many things wait for a person."""
        return len(self.pending) + len(self.questions)


def load(session: Session, dag_ids: Iterable[str], dates: int, run_id: str | None = None) -> list[Hashtag]:
    """
    The hashtags of these DAGs, by name. Those without a DAG any more are left out, unless they have an endpoint or a
    live endpoint.

    :param dates: the number of newest dates with their evaluations
    :param run_id: of the run to show instead of the last one; for a single DAG
    """
    hashtags = {row.dag_id: Hashtag(*row) for row in records.dags(session, dag_ids)}
    if not hashtags:
        return []
    ids = list(hashtags)
    reports, models, endpoints = (records.assets(session, ids, kind) for kind in (REPORT, MODEL, ENDPOINT))
    newest_reports = _parsed(records.newest_events(session, reports, 1), Report)
    _add_models(hashtags, _parsed(_model_events(session, models, dates), Model), newest_reports, dates)
    runs = records.run(session, ids[0], run_id) if run_id else records.last_runs(session, ids)
    _add_runs(session, hashtags, runs, reports, newest_reports)
    sweep = _sweep(session)
    _add_endpoints(session, hashtags, endpoints, sweep)
    _add_live(hashtags, newest_reports, sweep)
    for dag_id, *question in records.questions(session, ids):
        hashtags[dag_id].questions.append(Question(*question))
    return [hashtag for hashtag in hashtags.values() if hashtag.endpoints or hashtag.live or not hashtag.is_stale]


def _model_events(session: Session, assets: Mapping[str, int], dates: int) -> list[Any]:
    """
    The events of the newest dates. These are mostly the newest events; but after a backfill of many dates, the newest
    events are about old ones.
    """
    newest = records.newest_events(session, assets, dates)
    windows: dict[str, tuple[datetime, datetime]] = {}
    for dag_id, rows in _by_dag(newest).items():
        oldest = _time(min(row.date or "" for row in rows))
        if len(rows) == dates and oldest:
            windows[dag_id] = (oldest, min(row.timestamp for row in rows))
    if not (first := records.first_start_of_newer_dates(session, windows) if windows else {}):
        return newest
    between = {dag_id: (start, windows[dag_id][1]) for dag_id, start in first.items()}
    return [*newest, *records.events_of_newest_dates(session, assets, between, dates)]


def _by_dag(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.dag_id, []).append(row)
    return found


Parsed = dict[str, list[tuple[Any, Any]]]
"""Rows of events with what their extra says, by DAG id, the newest last."""


def _parsed(rows: Iterable[Any], kind: type[BaseModel]) -> Parsed:
    """Without the events whose extra says something else."""
    validate = TypeAdapter(kind).validator.validate_json
    found: Parsed = {}
    for row in sorted(rows, key=attrgetter("timestamp")):
        with suppress(ValidationError):
            extra = validate(row.extra)
            found.setdefault(row.dag_id, []).append((row, extra))
    return found


def _by_run(parsed: Parsed) -> dict[tuple[str, str], Any]:
    """What the newest event of each run says, by DAG id and run id."""
    return {(row.dag_id, row.run_id): extra for found in parsed.values() for row, extra in found}


def _add_models(hashtags: dict[str, Hashtag], models: Parsed, reports: Parsed, dates: int) -> None:
    for hashtag in hashtags.values():
        own = models.get(hashtag.dag_id, [])
        hashtag.evaluations = _evaluations(own)[-dates:]
        told = reports.get(hashtag.dag_id, [])
        hashtag.champion = _champion(own, told)
        _add_versions(hashtag, [model for _, model in own])


def _champion(models: Sequence[tuple[Any, Model]], reports: Sequence[tuple[Any, Report]]) -> Champion | None:
    """The champion of the newest report, or a version that was approved since, by a run that has no report yet."""
    row, report = reports[-1] if reports else (None, Report())
    since = [
        Champion(version=model.version, date=model.date, **model.model_dump(include={"accuracy", "accuracy_interval"}))
        for found, model in models
        if model.approval == APPROVED and (row is None or found.timestamp > row.timestamp)
    ]
    known = [*since, report.champion] if report.champion else since
    return max(known, key=attrgetter("version"), default=None)


def _evaluations(found: Sequence[tuple[Any, Model]]) -> list[Evaluation]:
    """The newest evaluation of each date, the oldest date first."""
    newest = {row.date: (row, model) for row, model in found if row.date and model.accuracy is not None}
    return [Evaluation(date, newest[date][0].run_id, newest[date][1]) for date in sorted(newest)]


def _add_versions(hashtag: Hashtag, models: Sequence[Model]) -> None:
    versions = {model.version: model for model in models}  # the newest event of each
    champion = hashtag.champion.version if hashtag.champion else 0
    pending = [model for number, model in versions.items() if model.approval == PENDING and number > champion]
    hashtag.pending = sorted(pending, key=lambda model: -model.version)
    hashtag.registry_url = models[-1].registry_url if models else None


def _add_runs(
    session: Session, hashtags: dict[str, Hashtag], rows: Sequence[Any], assets: Mapping[str, int], newest: Parsed
) -> None:
    """
    :param newest: the newest report of each hashtag. Mostly it is that of the last run.
    """
    reports = _by_run(newest)
    others = [row for row in rows if row.state == "success" and (row.dag_id, row.run_id) not in reports]
    reports |= _by_run(_parsed(records.events_of_runs(session, assets, others), Report))
    xcoms = records.xcoms(session, [row.id for row in rows], (RECORD, EVALUATE), (REPORT_URL, FAILURE))
    for row in rows:
        report = reports.get((row.dag_id, row.run_id)) if row.state == "success" else None
        hashtags[row.dag_id].run = _run(row, report, xcoms)


def _run(row: Any, report: Report | None, xcoms: Mapping[tuple[int, str, str], Any]) -> Run:
    url = xcoms.get((row.id, RECORD, REPORT_URL)) or xcoms.get((row.id, EVALUATE, REPORT_URL))
    started, state = row.start_date or row.run_after, row.state or ""
    if report is not None:
        return Run(row.run_id, state, started, report.status, report.outcome, _text(url) or report.report_url)
    failure = xcoms.get((row.id, RECORD, FAILURE)) if state == "failed" else None
    return Run(row.run_id, state, started, state, _text(failure), _text(url))


def _add_live(hashtags: dict[str, Hashtag], reports: Parsed, sweep: _Sweep) -> None:
    """What the newest report says of the live endpoint, or what a clean-up has listed since."""
    for hashtag in hashtags.values():
        row, report = reports.get(hashtag.dag_id, [(None, Report())])[-1]
        told = _told(report.live, row.timestamp) if report.live else None
        if sweep.live is None or (told and told.seen >= sweep.started):
            hashtag.live = told
        elif (found := sweep.live.get(hashtag.name)) is not None:
            hashtag.live = _listed(found, sweep.started, told)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """The newest clean-up; without arguments, there was none in a day."""

    started: datetime = datetime(1, 1, 1, tzinfo=UTC)
    live: Mapping[str, LiveEndpoint] | None = None
    """The live endpoints that it saw, by hashtag; None if it did not list them."""


def _sweep(session: Session) -> _Sweep:
    row = records.last_sweep(session)
    if row is None:
        return _Sweep()
    value = records.xcoms(session, [row.id], (LIST,), (LISTED,)).get((row.id, LIST, LISTED))
    listed = _or_none(list[LiveEndpoint], value)
    live = None if listed is None else {endpoint.hashtag: endpoint for endpoint in listed}
    return _Sweep(row.start_date, live)


def _told(promotion: Promotion, written: datetime) -> Live:
    seen = written if written.tzinfo else written.replace(tzinfo=UTC)
    version = str(promotion.serving_version or "unknown")
    return Live(promotion.endpoint_name, version, seen, promotion.status == ROLLED_BACK)


def _listed(found: LiveEndpoint, seen: datetime, told: Live | None) -> Live:
    is_rolled_back = told is not None and told.is_rolled_back and told.version == found.version
    return Live(found.name, found.version, seen, is_rolled_back, found)


def _add_endpoints(session: Session, hashtags: dict[str, Hashtag], assets: Mapping[str, int], sweep: _Sweep) -> None:
    if not (rows := records.deployments(session, list(hashtags))):
        return
    ids = [row.id for row in rows]
    keys = ("return_value", CURRENT_DEADLINE, PAGE)
    xcoms = records.xcoms(session, ids, (records.DEPLOY, records.HOLD), keys)
    events = _by_run(_parsed(records.events_of_runs(session, assets, rows), EndpointEvent))
    for row in rows:
        deployed = _or_none(Deployed, xcoms.get((row.id, records.DEPLOY, "return_value")))
        moved = xcoms.get((row.id, records.HOLD, CURRENT_DEADLINE))
        page = _text(xcoms.get((row.id, records.DEPLOY, PAGE)))
        endpoint = _endpoint(row, deployed, events.get((row.dag_id, row.run_id)), moved, page)
        is_swept = endpoint.deadline and row.state not in records.ACTIVE and endpoint.deadline < sweep.started
        if not is_swept:
            hashtags[row.dag_id].endpoints.append(endpoint)


def _endpoint(
    row: Any, deployed: Deployed | None, event: EndpointEvent | None, moved: Any, page: str | None
) -> Endpoint:
    told = event or EndpointEvent(endpoint_name="")
    return Endpoint(
        run_id=row.run_id,
        name=deployed.endpoint_name if deployed else told.endpoint_name,
        state=_state(row),
        created=_time(deployed.created_at) if deployed else _utc(told.created_at),
        deadline=_time(moved) or (_time(deployed.deadline) if deployed else None) or _utc(told.deadline),
        instance_type=told.instance_type,
        url=told.endpoint_url or page,
        version=told.version,
    )


def _state(row: Any) -> str:
    """What happens with the endpoint, in words."""
    if row.delete_state == "failed":
        return "its deletion failed"
    if row.delete_state == "success":  # somebody has marked it, or cleared deploy_endpoint alone
        return "not deleted by its run"
    if row.delete_state is not None and row.delete_state != "upstream_failed":
        return DELETING
    return {"success": "in service", "failed": "its creation failed"}.get(row.deploy_state, "being created")


def _or_none(kind: type[Any], value: Any) -> Any:
    """A value of a class; None if it is another value."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    """From ISO 8601, in UTC; None if it is no time."""
    try:
        return _utc(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return None


def _utc(moment: datetime | None) -> datetime | None:
    """None also if there is no such time in UTC."""
    if moment is None or moment.tzinfo is None:
        return moment and moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None
