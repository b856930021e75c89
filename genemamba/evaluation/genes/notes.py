"""What has to be known of scores of genes: how the model could be asked, and what it was taught."""

from collections.abc import Iterator

from genemamba.tokens.gmt import GmtFile
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import MASK_NAME, UNK_TOKEN, Vocabulary
from genemamba.training.checkpoint import Checkpoint


def stand_in_token(vocabulary: Vocabulary) -> int:
    """Return the token that a model reads in the place of a hidden gene.

    Parameters
    ----------
    vocabulary
        Of the model; published ones have no token for it, and [UNK] stands there.
    """
    return vocabulary.mask_token if MASK_NAME in vocabulary.further else UNK_TOKEN


def known_flaws(
    checkpoint: Checkpoint, gene_sets: GmtFile | None, scored: TokenSet
) -> Iterator[str]:
    """Say what has to be known of the scores of a model's genes.

    Parameters
    ----------
    checkpoint
        The model.
    gene_sets
        Those that it was scored against, if any.
    scored
        Cells whose genes were to be named.
    """
    training = checkpoint.training_config
    if training and gene_sets and training.gene_sets == gene_sets.digest:
        yield "The model was trained on these gene sets: its score on them is no test."
    if MASK_NAME not in checkpoint.vocabulary.further:
        yield (
            "The model has no token for a hidden gene: it read [UNK] there, for which it was not"
            " trained."
        )
    elif training and training.objective != "masked":
        yield (
            f"The model was trained with the objective {training.objective}, which hides no gene:"
            " its token for a hidden gene was not trained."
        )
    if not (scored.lengths > 1).any():
        yield "No cell has two genes of the model, so that none could be hidden."
    yield "The model may have been trained on the cells that were scored."
