"""Options of a training: its size, its aim and how it runs."""

import click

from flows.options.common import gene_sets_path, precision_option, together

training_options = together(
    click.option(
        "--preset",
        type=click.Choice(["tiny", "small", "base"]),
        default="small",
        show_default=True,
        help="Size of the model and length of its training.",
    ),
    click.option("--steps", type=click.IntRange(min=1), help="Training steps."),
)
objective_options = together(
    click.option(
        "--objective",
        type=click.Choice(["masked", "next_token_causal", "next_token_upstream"]),
        default="masked",
        show_default=True,
        help="What the model learns to do; next_token_upstream is the published one, which leaks.",
    ),
    click.option(
        "--gene-sets",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE.gmt",
        callback=gene_sets_path,
        help="Gene sets whose genes should have similar states, such as Reactome's pathways.",
    ),
    click.option(
        "--gene-set-weight",
        type=click.FloatRange(min=0),
        default=1.0,
        show_default=True,
        help="Weight of that aim, beside naming genes.",
    ),
    click.option(
        "--value-tokens",
        is_flag=True,
        help="Tell the model how strongly a cell expresses each gene, beside its rank.",
    ),
)
course_options = together(
    precision_option,
    click.option(
        "--patience",
        type=click.IntRange(min=1),
        help="Stop after so many looks at the held-out loss, every 50 steps, without a better one.",
    ),
    click.option(
        "--accumulate",
        "accumulation_steps",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Minibatches whose gradients are averaged into one step.",
    ),
    click.option(
        "--micro-batch",
        "micro_batch_size",
        type=click.IntRange(min=1),
        help="Rows that go through the model at once: fewer take less memory, same result.",
    ),
    click.option(
        "--checkpoint-layers",
        is_flag=True,
        help="Compute states again for the gradient instead of keeping them: less memory.",
    ),
)
