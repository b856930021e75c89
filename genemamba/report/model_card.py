"""A model card: everything that the catalog knows of one model version at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genemamba.atlas.versions.manifests import AtlasManifest, read_manifest
from genemamba.catalog.catalog import Catalog
from genemamba.catalog.graph import ArtifactNode
from genemamba.catalog.records import ArtifactRecord, MetricRecord, ModelVersion, RunRecord
from genemamba.errors import CatalogError, StoreError
from genemamba.report.model_card_data import CardData, CardStore, CardTable, ModelCard, Origin
from genemamba.report.model_card_facts import (
    loss_curve,
    losses_facts,
    objective_sentences,
    provenance_facts,
    settings_facts,
)
from genemamba.report.model_card_limits import (
    NO_LICENCE,
    data_limits,
    finding_limits,
    score_limits,
)
from genemamba.report.model_card_scores import copying, score_tables, shortfalls
from genemamba.training.checkpoint_record import read_checkpoint_record
from genemamba.training.supervision import saw_labels


def gather_model_card(catalog: Catalog, ref: str) -> ModelCard:
    """Gather what the catalog knows of a model version.

    Parameters
    ----------
    catalog
        The record.
    ref
        Name, ``name@number`` or digest.

    Raises
    ------
    CatalogError
        There is no such model version, or the digest fits several.
    """
    version = catalog.model(ref)
    run = catalog.run(version.run_id)
    facets: Mapping[str, Any] = version.artifact.facets
    record = read_checkpoint_record(version.artifact.uri)
    base, derived = _base(catalog, run), _derived(catalog, version)
    metrics = {model.ref: catalog.model_metrics(model.ref) for model in (version, *derived)}
    if base:
        metrics[base.ref] = catalog.model_metrics(base.ref)
    data = _data(catalog, run)
    own = metrics[version.ref]
    labelled = saw_labels(facets)
    family = {model.ref: model for model in (version, *derived, *([base] if base else []))}
    return ModelCard(
        ref=version.ref,
        digest=version.artifact.digest,
        uri=version.artifact.uri,
        as_of=max(
            [version.created_at, *(metric.at for found in metrics.values() for metric in found)]
        ),
        origin=_origin(run, base),
        saw_labels=labelled,
        base=base.ref if base else None,
        derived=tuple(model.ref for model in derived),
        n_parameters=facets["n_parameters"],
        n_genes=record.n_genes if record else None,
        data=data,
        objective=tuple(objective_sentences(record, base, labelled=labelled)),
        settings=tuple(settings_facts(facets, record)),
        losses=tuple(losses_facts(catalog.run_metrics(run.id))),
        history=tuple(loss_curve(record)),
        zero_shot=tuple(_tables(metrics, family, labelled=False)),
        supervised=tuple(_tables(metrics, family, labelled=True)),
        limits=(
            *finding_limits(tuple(facets.get("findings", ()))),
            *score_limits(
                scored_on=tuple(dict.fromkeys(metric.atlas_version for metric in own)),
                data=data,
                saw_labels=labelled,
            ),
            *copying(own),
            *shortfalls(own),
            *data_limits(data, record),
        ),
        provenance=tuple(provenance_facts(version, run)),
    )


def _tables(
    metrics: Mapping[str, Sequence[MetricRecord]],
    family: Mapping[str, ModelVersion],
    *,
    labelled: bool,
) -> Iterator[CardTable]:
    for ref, found in metrics.items():
        if saw_labels(family[ref].artifact.facets) is labelled:
            yield from score_tables(found)


def _base(catalog: Catalog, run: RunRecord) -> ModelVersion | None:
    """Find the model version among what the run read."""
    digests = {edge.artifact.digest for edge in run.inputs if edge.artifact.kind == "checkpoint"}
    return next((model for model in catalog.models() if model.artifact.digest in digests), None)


def _derived(catalog: Catalog, version: ModelVersion) -> list[ModelVersion]:
    """Find the model versions whose run read this one."""
    found = []
    for model in catalog.models():
        read = {edge.artifact.digest for edge in catalog.run(model.run_id).inputs}
        if version.artifact.digest in read:
            found.append(model)
    return found


def _origin(run: RunRecord, base: ModelVersion | None) -> Origin:
    if run.stage == "import":
        return "imported"
    return "fine-tuned here" if base else "trained here"


def _data(catalog: Catalog, run: RunRecord) -> CardData | None:
    atlas = next((edge.artifact for edge in run.inputs if edge.role == "atlas"), None)
    if atlas is None:
        return None
    root = catalog.lineage(atlas.digest).root
    refs = root.refs if isinstance(root, ArtifactNode) else ()
    manifest = _manifest(atlas)
    facets: Mapping[str, Any] = atlas.facets
    return CardData(
        atlas=next((ref.partition(":")[2] for ref in refs), atlas.digest),
        digest=atlas.digest,
        n_obs=manifest.n_obs if manifest else facets["n_obs"],
        stores=tuple(_stores(catalog, manifest)) if manifest else (),
    )


def _manifest(atlas: ArtifactRecord) -> AtlasManifest | None:
    try:
        return read_manifest(atlas.uri)
    except (OSError, StoreError):
        return None


def _stores(catalog: Catalog, manifest: AtlasManifest) -> Iterator[CardStore]:
    sources = {deposit.sha256: deposit.uri for deposit in catalog.deposits()}
    for entry in manifest.stores:
        yield CardStore(
            name=entry.name,
            n_obs=entry.n_kept,
            n_vars=entry.n_vars,
            digest=entry.digest,
            source=sources.get(entry.deposit_sha256, f"sha256:{entry.deposit_sha256}"),
            licence=_licence(catalog, entry.digest),
        )


def _licence(catalog: Catalog, digest: str) -> str:
    """Return what the deposit of a store says of its licence, word for word."""
    try:
        report: Any = catalog.artifact(digest).facets.get("report", {})
    except CatalogError:
        return NO_LICENCE
    return str(report.get("terms", {}).get("licence", NO_LICENCE))
