"""Score the newest annotation of an atlas and write its report."""

from pathlib import Path

from prefect import flow

from genemamba.evaluation.annotation.protocols import HoldOut
from genemamba.tokens.gmt import read_gmt
from tasks.annotation import find_annotation
from tasks.atlas import find_version
from tasks.evaluation import score_annotation
from tasks.gene_evaluation import score_genes
from tasks.model_card import write_card
from tasks.ontology import choose_terms
from tasks.report import write_page
from tasks.results import AtlasResult
from tasks.splitting import split_version, take_split
from tasks.term_scores import score_terms
from tasks.workspace import open_workspace


@flow(name="evaluate-atlas")
def evaluate_atlas(
    atlas: str,
    model: str | None = None,
    max_cells: int = 20_000,
    hold_out: HoldOut | None = None,
    donor_key: str | None = None,
    study_key: str | None = None,
    split: str | None = None,
    label_mapping: str | None = None,
    ontology: str | None = None,
    seed: int = 0,
    gene_sets: str | None = None,
    device: str = "cpu",
    *,
    slow_baselines: bool = False,
    kbet: bool = False,
) -> AtlasResult:
    """Score integration and annotation beside baselines and controls, and by option genes.

    Parameters
    ----------
    atlas
        Name of the atlas, or a version such as ``lung@3``.
    model
        Model version whose annotation is scored; by default the newest.
    max_cells
        Integration and co-expression are scored on a sample of at most so many cells.
    hold_out
        What the heads have never seen; by default batches, or donors of several batches, else cells.
    donor_key
        Column of ``obs`` with donors; no donor may be on both sides then.
    study_key
        Column of ``obs`` with studies.
    split
        Path or URL of a split to use instead, such as one in the home's ``splits``.
    label_mapping
        File that says which Cell Ontology term each label means: labels are also scored as terms.
    ontology
        Another release than the packaged one.
    seed
        Seed of splits, samples and controls.
    gene_sets
        Path of a GMT file: what the model knows of genes is scored, too.
    device
        Torch device of the model, which reads some cells for that.
    slow_baselines
        Also train scVI and scANVI.
    kbet
        Compute kBET too, which takes 40 s to compile on two cores.
    """
    sets = read_gmt(Path(gene_sets)) if gene_sets else None
    workspace = open_workspace()
    version = find_version(workspace, atlas)
    terms = choose_terms(workspace, version, label_mapping, ontology)
    annotation, chosen = find_annotation(workspace, version, model)
    held_out = (
        take_split(workspace, version, split, donor_key=donor_key)
        if split
        else split_version(
            workspace,
            version,
            hold_out=hold_out,
            donor_key=donor_key,
            study_key=study_key,
            seed=seed,
        )
    )
    evaluation = score_annotation(
        workspace,
        version,
        chosen,
        annotation,
        split=held_out,
        seed=seed,
        max_cells=max_cells,
        slow_baselines=slow_baselines,
        kbet=kbet,
    )
    stages = {"evaluation": evaluation}
    if sets:
        stages["genes"] = score_genes(
            workspace, version, chosen, sets, seed=seed, max_cells=max_cells, device=device
        )
    placed = score_terms(workspace, version, chosen, evaluation, terms, split=held_out, seed=seed)
    page = write_page(
        workspace,
        version,
        chosen,
        annotation,
        evaluation,
        term_scores=placed,
        genes=stages.get("genes"),
    )
    return AtlasResult.gather(
        atlas=atlas,
        version=version,
        model=chosen,
        annotation=annotation,
        split=held_out.stage if held_out else None,
        **stages,
        term_scores=placed,
        report=page,
        card=write_card(workspace, chosen),
    )
