"""Annotate the newest version of an atlas by one model."""

from pathlib import Path

from prefect import flow

from genemamba.annotation.label_rules import HeadName
from genemamba.inference.encoder import BackendOption
from genemamba.inference.precision import Precision
from tasks.added_labels import add_labels as add_labels_to
from tasks.added_labels import check_added_labels, find_latest, undone_by_base
from tasks.annotation import annotate_version
from tasks.atlas import find_version
from tasks.embedding import embed_version
from tasks.fine_tuning import model_of_head
from tasks.model import find_model
from tasks.ontology import TERM_CONFIDENCE, choose_terms
from tasks.results import AtlasResult
from tasks.workspace import open_workspace


@flow(name="annotate-atlas")
def annotate_atlas(
    atlas: str,
    model: str | None = None,
    head: HeadName = "probe",
    max_error: float | None = None,
    threshold: float | None = None,
    add_labels: str | None = None,
    seed: int = 0,
    backend: BackendOption = "torch",
    precision: Precision = "fp32",
    device: str = "cpu",
    label_mapping: str | None = None,
    ontology: str | None = None,
    term_confidence: float = TERM_CONFIDENCE,
) -> AtlasResult:
    """Write embedding, label and probabilities of every cell.

    Parameters
    ----------
    atlas
        Name of the atlas, or a version such as ``lung@3``.
    model
        Model version such as ``lung-small@2``; by default the newest that was trained on it.
    head
        What turns the embedding into labels; ``fine-tune`` trains all weights of the model on them
        first, as another model version.
    max_error
        Share of the accepted labels that may be wrong: cells are unknown so that it holds, and
        where they are unlike every labelled cell.
    threshold
        Confidence below which a cell is called unknown, whatever else is asked; 0.5 where no
        error is stated.
    add_labels
        CSV or TSV of a few labelled cells of new types, which are learnt beside those that the
        newest annotation by this model knows; without it, the labels of deposits alone count.
    seed
        Seed of the label head, and of a fine-tuning.
    backend, precision, device
        How the model is run.
    label_mapping
        File that says which Cell Ontology term each label means: every cell is also called the
        most specific term that is sure enough.
    ontology
        Another release than the packaged one.
    term_confidence
        Probability that a term must reach.
    """
    workspace = open_workspace()
    version = find_version(workspace, atlas)
    terms = choose_terms(workspace, version, label_mapping, ontology)
    base = find_model(workspace, model, trained_on=version)
    if add_labels:
        check_added_labels(version, Path(add_labels))
    chosen = model_of_head(workspace, version, base, head, seed=seed, device=device)
    latest = find_latest(workspace, version, chosen)
    embedding = embed_version(
        workspace, version, chosen, backend=backend, precision=precision, device=device
    )
    annotation = annotate_version(
        workspace,
        version,
        chosen,
        embedding,
        head=head,
        max_error=max_error,
        threshold=threshold,
        seed=seed,
        undoes=latest.undoes if latest and add_labels else undone_by_base(latest),
        terms=terms,
        term_confidence=term_confidence,
    )
    if add_labels:
        annotation = add_labels_to(
            workspace, version, chosen, embedding, annotation, latest, Path(add_labels)
        )
    return AtlasResult.gather(
        atlas=atlas, version=version, model=chosen, embedding=embedding, annotation=annotation
    )
