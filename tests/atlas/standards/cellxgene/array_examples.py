"""Changes of embeddings, of spatial parts, and of matrices."""

from tests.atlas.standards.cellxgene.changes import Add, code


def change_embeddings(add: Add) -> None:
    for part, size in (("obsm", 2), ("varm", 7)):
        add("human", "empty", f"{part}['none']", code(f"a.{part}['none'] = np.zeros(({size}, 0))"))
    for key, *values in (
        ("X_umap", "np.full((2, 2), np.inf)", "np.full((2, 2), np.nan)", "np.zeros((2, 1))",
         "np.array([[1, np.nan], [1, 1]])", "np.array([['a', 'b'], ['c', 'd']])",
         "csr(np.ones((2, 2)))", "np.ones((2, 2), dtype=bool)"),
        ("other", "np.full((2, 2), np.inf)", "np.zeros((2, 1))", "np.full((2, 2), np.nan)"),
        ("X_spatial", "np.zeros((2, 2))"),
        ("X_", "np.zeros((2, 2))"),
        ("X_3D", "np.zeros((2, 2))"),
        ("3D", "np.zeros((2, 2))"),
        ("X_ umap", "np.zeros((2, 2))"),
        ("u m a p", "np.zeros((2, 2))"),
        ("X_umap.a_b-c", "np.zeros((2, 2))"),
        ("spatial", "np.zeros((2, 2))"),
    ):  # fmt: skip
        for value in values:
            add("human", value, key, code(f"a.obsm['{key}'] = {value}"))
    add("human", "frame", "X_umap",
        code("a.obsm['X_umap'] = pd.DataFrame({'x': [1., 2.], 'y': [1., 2.]}, a.obs_names)"))  # fmt: skip
    add("human", "none", "obsm", code("del a.obsm['X_umap'], a.uns['default_embedding']"))
    add("human", "no X", "X_", code(
        "a.obsm['umap'] = a.obsm.pop('X_umap'); del a.uns['default_embedding']"))  # fmt: skip
    add("slide", "no X", "X_", code("del a.obsm['X_umap'], a.uns['default_embedding']"))
    for value in ("np.full((2, 2), np.inf)", "np.array([[1, np.nan], [1, 1]])", "np.zeros((2, 1))"):
        add("slide", value, "spatial", code(f"a.obsm['spatial'] = {value}"))
    add("slide", "without", "spatial", code("del a.obsm['spatial']"))
    add("sections", "without", "spatial", code("del a.obsm['spatial']"))


def change_spatial(add: Add) -> None:
    library = "a.uns['spatial']['library_1']"
    image = f"{library}['images']['hires']"
    for base, label, about, text in (
        ("human", "unexpected", "spatial", "a.uns['spatial'] = {'is_single': True}"),
        ("slide", "without uns", "spatial", "del a.uns['spatial']"),
        ("slide", "uns text", "spatial", "a.uns['spatial'] = 'a'"),
        ("slide", "empty", "is_single", "a.uns['spatial'] = {'a': 1}"),
        ("slide", "word", "is_single", "a.uns['spatial'] = {'is_single': 'True'}"),
        ("slide", "library", "library", "a.uns['spatial']['a'] = {'b': 1}"),
        ("slide", "two assays", "assay_ontology_term_id",
         "a.obs['assay_ontology_term_id'] = ['EFO:0030062', 'EFO:0009899']"),
        ("slide", "place", "array_row", "a.obs['array_row'] = 1"),
        ("sections", "place", "in_tissue", "a.obs['in_tissue'] = 1"),
        ("sections", "library", "library", "a.uns['spatial']['a'] = {'b': 1}"),
        ("sections", "generic", "EFO:0010961", "a.obs['assay_ontology_term_id'] = 'EFO:0010961'"),
        ("visium", "no library", "spatial", "a.uns['spatial'] = {'is_single': True}"),
        ("visium", "two libraries", "spatial", "a.uns['spatial']['b'] = {'c': 1}"),
        ("visium", "library text", "spatial", f"{library} = 'a'"),
        ("visium", "other", "spatial", f"{library}['other'] = 1"),
        ("visium", "without", "images", f"del {library}['images']"),
        ("visium", "text", "images", f"{library}['images'] = 'a'"),
        ("visium", "other", "images", f"{library}['images']['other'] = np.zeros((2, 2, 3))"),
        ("visium", "without", "hires", f"del {image}"),
        ("visium", "without", "fullres", f"del {library}['images']['fullres']"),
        ("visium", "float", "hires", f"{image} = np.zeros((2000, 4, 3))"),
        ("visium", "five", "hires", f"{image} = np.zeros((2000, 4, 5), dtype=np.uint8)"),
        ("visium", "small", "hires", f"{image} = np.zeros((1999, 4, 3), dtype=np.uint8)"),
        ("visium", "text", "hires", f"{image} = 'a'"),
        ("visium", "without", "scalefactors", f"del {library}['scalefactors']"),
        ("visium", "other", "scalefactors", f"{library}['scalefactors']['other'] = 1"),
        ("visium", "text", "scalefactors", f"{library}['scalefactors'] = 'a'"),
        ("visium", "without", "spot_diameter_fullres",
         f"del {library}['scalefactors']['spot_diameter_fullres']"),
        ("visium", "integer", "spot_diameter_fullres",
         f"{library}['scalefactors']['spot_diameter_fullres'] = 1"),
        ("visium", "integer", "tissue_hires_scalef",
         f"{library}['scalefactors']['tissue_hires_scalef'] = 1"),
        ("visium", "large", "pixels", "a.obs['assay_ontology_term_id'] = 'EFO:0022860'"),
        ("visium", "few", "spots|raw matrix", "a = a[:100].copy()"),
        ("visium", "named", "cell_type_ontology_term_id",
         "a.obs['cell_type_ontology_term_id'] = 'CL:0000066'"),
        ("visium", "named in tissue", "cell_type_ontology_term_id",
         "a.obs['cell_type_ontology_term_id'] = ['unknown'] + ['CL:0000066'] * 4991"),
        ("visium", "no background", "in_tissue|outside the tissue",
         "x = a.X.toarray(); x[0] = 0; a.X = csr(x); a = d.with_raw(a)"),
        ("visium", "empty spot", "in_tissue|without counts",
         "x = a.X.toarray(); x[7] = 0; a.X = csr(x); a = d.with_raw(a)"),
        ("visium", "two empty backgrounds", "raw",
         "x = a.X.toarray(); x[[1, 2]] = 0; a.X = csr(x); a.obs['in_tissue'] = [0] * 3 + [1] * 4989;"
         " a = d.with_raw(a)"),
    ):  # fmt: skip
        add(base, label, about, code(text))
    for column, largest in (("array_col", 127), ("array_row", 77), ("in_tissue", 1)):
        for value in (largest, largest + 1, -1, 0.5, "'a'")[: 5 if largest == 127 else 2]:
            add("visium", f"{value}", column, code(f"a.obs['{column}'] = {value}"))
        add("visium", "without", column, code(f"del a.obs['{column}']"))
        add("visium", "nan", column,
            code(f"a.obs['{column}'] = a.obs['{column}'].astype(float); a.obs.iloc[3, a.obs.columns.get_loc('{column}')] = np.nan"))  # fmt: skip


def change_matrices(add: Add) -> None:
    raw = "r = a.raw.to_adata(); {}; a.raw = r"
    for base, label, about, text in (
        ("human", "csc", "X", "a.X = csc(a.X)"),
        ("human", "csc raw", "raw", raw.format("r.X = csc(r.X)")),
        ("human", "csc layer", "layers", "a.layers['b'] = csc(a.X)"),
        ("human", "dense", "X", "a.X = a.X.toarray()"),
        ("human", "sparse as dense", "X", "a.X = np.eye(2, 7, dtype='f4')"),
        ("human", "sparse as dense layer", "layers", "a.layers['b'] = np.eye(2, 7)"),
        ("human", "integers", "float32", raw.format("r.X = r.X.astype('i8')")),
        ("human", "doubles", "float32", raw.format("r.X = r.X.astype('f8')")),
        ("human", "fraction", "raw", raw.format("r.X[0, 1] = 1.5")),
        ("human", "negative", "raw", raw.format("r.X[0, 1] = -1")),
        ("human", "empty cell", "raw", raw.format("r.X = csr(r.X.toarray() * np.array([[0], [1]], 'f4'))")),
        ("human", "both", "raw", raw.format("r.X = csr(r.X.toarray() * np.array([[0], [1.5]], 'f4'))")),
        ("human", "equal cells", "another one|duplicate", raw.format("r.X = csr(np.ones((2, 7), 'f4'))")),
        ("human", "fewer genes", "genes", "a = a[:, :6].copy()"),
        ("human", "more genes", "genes|raw.var",
         "r = a.raw.to_adata()[:, :6].copy(); a.raw = r"),
        ("human", "other order", "raw.var", raw.format("r = r[:, ::-1].copy()")),
        ("human", "chromatin", "raw", "a.obs['assay_ontology_term_id'] = 'EFO:0030007';"
         "a.obs['suspension_type'] = pd.Categorical(['nucleus'] * 2);"
         + raw.format("r.X = r.X.astype('f8')")),
        ("counts", "fraction", "raw", "a.X = d.normalised(a.X)"),
        ("counts", "doubles", "float32", "a.X = a.X.astype('f8')"),
        ("counts", "equal cells", "another one|duplicate", "a.X = csr(np.ones((2, 7), 'f4'))"),
        ("counts", "dense", "X", "a.X = a.X.toarray()"),
        ("counts", "none", "X", "a.X = None"),
    ):  # fmt: skip
        add(base, label, about, code(text))
