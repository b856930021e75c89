"""Compiled passes over rows: each is checked, moved and described while it is in cache."""

import numpy as np

from genemamba.atlas.cells.quality import N_TALLIED, TOP_N, measure_row
from genemamba.compiled import compiled

MAX_SPARE = 512
"""Genes of a cell that may be out of the store's order; with more, the whole cell is sorted."""

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xD1B54A32D192ED03)
_UNMAPPED = np.uint64(1 << 40)


@compiled
def _is_plain(indices, data, n_source):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Tell whether a row holds whole counts above zero at rising, possible columns."""
    wrong = 0
    for place in range(len(data)):  # without a branch, so that it is done eight at a time
        value = data[place]
        wrong += int((value < 1) | (value != np.floor(value)))
    for place in range(1, len(indices)):
        wrong += int(indices[place] <= indices[place - 1])
    if len(indices):
        wrong += int((indices[0] < 0) | (indices[-1] >= n_source))
    return wrong == 0


@compiled
def _place_row(indices, data, columns, out_indices, out_data, spare_i, spare_d):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write a row at the store's columns, sorted and added up; return its length.

    -1 where more genes are out of order than fit aside.
    """
    for place in range(len(indices)):
        out_indices[place] = columns[np.uint32(indices[place])]
    disorder = int(len(indices) > 0 and out_indices[0] < 0)
    for place in range(1, len(indices)):
        disorder += int(out_indices[place] <= out_indices[place - 1])
    if disorder == 0:
        for place in range(len(indices)):
            out_data[place] = data[place]
        return len(indices)
    return _place_disordered(data, len(indices), out_indices, out_data, spare_i, spare_d)


@compiled
def _place_disordered(data, length, out_indices, out_data, spare_i, spare_d):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Order a row whose columns are there: what is out of order is put aside, and merged."""
    high, n_spare, before = 0, 0, -1
    for place in range(length):
        column = out_indices[place]
        if column > before:
            out_indices[high], out_data[high] = column, data[place]
            high, before = high + 1, column
        elif column >= 0:
            if n_spare == len(spare_i):
                return -1
            _put_aside(spare_i, spare_d, n_spare, column, data[place])
            n_spare += 1
    if n_spare == 0:
        return high
    return _merge_aside(out_indices, out_data, 0, high, spare_i, spare_d, n_spare)


@compiled
def _put_aside(spare_i, spare_d, n_spare, column, value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    spot = n_spare
    while spot > 0 and spare_i[spot - 1] > column:
        spare_i[spot], spare_d[spot] = spare_i[spot - 1], spare_d[spot - 1]
        spot -= 1
    spare_i[spot], spare_d[spot] = column, value


@compiled
def _merge_aside(out_indices, out_data, low, high, spare_i, spare_d, n_spare):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Merge what was put aside into a row, from the back, where the row lies; return its end."""
    n_new = 0
    for spot in range(n_spare):
        n_new += int(spot == 0 or spare_i[spot] != spare_i[spot - 1])
    target, place, spot = high + n_new - 1, high - 1, n_spare - 1
    while spot >= 0:
        if place >= low and out_indices[place] > spare_i[spot]:
            out_indices[target], out_data[target] = out_indices[place], out_data[place]
            place, target = place - 1, target - 1
            continue
        column, value = spare_i[spot], 0.0
        while spot >= 0 and spare_i[spot] == column:
            value += spare_d[spot]
            spot -= 1
        if place >= low and out_indices[place] == column:
            value += out_data[place]
            place -= 1
        out_indices[target], out_data[target] = column, value
        target -= 1
    # Genes that met one already there left room behind them.
    gap = target - place
    if gap > 0:
        for here in range(target + 1, high + n_new):
            out_indices[here - gap], out_data[here - gap] = out_indices[here], out_data[here]
    return high + n_new - gap


@compiled
def place_rows(indptr, indices, data, columns, n_source, out_indptr, out_indices, out_data):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Move plain rows to the store's genes; return False where a row is not plain.

    Parameters
    ----------
    indptr, indices, data
        Of a CSR matrix, as the deposit has it.
    columns
        Store column of each gene of the deposit, int32; -1 to leave it out.
    n_source
        Genes of the deposit.
    out_indptr, out_indices, out_data
        Filled: canonical CSR; at least as long as the matrix itself.
    """
    spare_i, spare_d = np.empty(MAX_SPARE, dtype=np.int64), np.empty(MAX_SPARE)
    high = 0
    out_indptr[0] = 0
    for row in range(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        genes, counts = indices[start:stop], data[start:stop]
        if not _is_plain(genes, counts, n_source):
            return False
        room_i, room_d = out_indices[high:], out_data[high:]
        length = _place_row(genes, counts, columns, room_i, room_d, spare_i, spare_d)
        if length < 0:
            return False
        high += length
        out_indptr[row + 1] = high
    return True


@compiled
def describe_row(indices, data, numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Hash the (gene, count) pairs of a row; return both words, their number, the sum, the rest.

    Each pair is mixed into two 64-bit words (the finaliser of SplitMix64: Steele, Lea and Flood,
    OOPSLA 2014, constants of Stafford's variant 13), and the words of a row are added up, so that
    the order of its genes does not matter, and a row can be hashed in parts. Genes whose number is
    0 are left out of the hash, not of the sum; the rest is one such word over them, by column.
    """
    # Sums of floats have an order, which would keep the loop from being done eight at a time.
    low, high, used, total = np.uint64(0), np.uint64(0), 0, np.int64(0)
    rest = np.uint64(0)
    for place in range(len(indices)):
        column = np.uint32(indices[place])
        number = numbers[column]
        count = np.int64(data[place])
        total += count
        # Multiplied by nought rather than skipped: no branch, no misprediction.
        wanted = np.uint64(number != 0)
        unwanted = np.uint64(1) - wanted
        number += (_UNMAPPED + np.uint64(column)) * unwanted
        word = number * _GOLDEN + np.uint64(count) * _SECOND
        word = (word ^ (word >> np.uint64(30))) * _MIX_1
        word = (word ^ (word >> np.uint64(27))) * _MIX_2
        word ^= word >> np.uint64(31)
        low += word * wanted
        rest += word * unwanted
        word = (word ^ (number << np.uint64(32))) * _MIX_1
        high += (word ^ (word >> np.uint64(29))) * wanted
        used += int(wanted)
    return low, high, used, total, rest


@compiled
def describe_rows(indptr, indices, data, numbers, hashes, totals, n_pairs, rests):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Hash and add up every row of a CSR matrix with each column once a row, as `describe_row`.

    Parameters
    ----------
    indptr, indices, data
        Of the matrix, of whole numbers.
    numbers
        Ensembl number of each column, uint64; 0 for a column that the hash leaves out.
    hashes
        Filled: uint64, shape ``(n_obs, 2)``.
    totals
        Filled: sum of all counts, float64, shape ``(n_obs,)``.
    n_pairs
        Filled: pairs that went into each hash, int32, shape ``(n_obs,)``.
    rests
        Filled: hash of the other pairs, uint64, shape ``(n_obs,)``.
    """
    for row in range(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        genes, counts = indices[start:stop], data[start:stop]
        low, high, used, total, rest = describe_row(genes, counts, numbers)
        hashes[row, 0], hashes[row, 1] = low, high
        totals[row], n_pairs[row], rests[row] = total, used, rest


@compiled
def survey_rows(  # type: ignore[no-untyped-def]  # noqa: ANN201
    indptr,  # noqa: ANN001
    indices,  # noqa: ANN001
    data,  # noqa: ANN001
    columns,  # noqa: ANN001
    n_source,  # noqa: ANN001
    numbers,  # noqa: ANN001
    kinds,  # noqa: ANN001
    hashes,  # noqa: ANN001
    totals,  # noqa: ANN001
    n_pairs,  # noqa: ANN001
    rests,  # noqa: ANN001
    lengths,  # noqa: ANN001
    n_genes,  # noqa: ANN001
    sums,  # noqa: ANN001
    gene_totals,  # noqa: ANN001
):
    """Move plain rows to the store's genes and describe each; return the largest count.

    -1 where a row is not plain: then what was filled means nothing.

    Parameters
    ----------
    indptr, indices, data, columns, n_source
        As for `place_rows`.
    numbers, hashes, totals, n_pairs, rests
        As for `describe_rows`.
    kinds, n_genes, sums
        As for `genemamba.atlas.cells.quality.measure_row`.
    lengths
        Filled: stored values of each row in the store, int64, shape ``(n_obs,)``.
    gene_totals
        Added to: sum of each gene of the store, float64, shape ``(n_vars,)``.
    """
    spare_i, spare_d = np.empty(MAX_SPARE, dtype=np.int64), np.empty(MAX_SPARE)
    best, tally = np.zeros(TOP_N), np.zeros(N_TALLIED, dtype=np.int32)
    longest = 0
    for row in range(len(indptr) - 1):
        longest = max(longest, indptr[row + 1] - indptr[row])
    row_i, row_d = np.empty(longest, dtype=np.int32), np.empty(longest)
    largest = 0.0
    for row in range(len(indptr) - 1):
        start, stop = indptr[row], indptr[row + 1]
        genes, counts = indices[start:stop], data[start:stop]
        if not _is_plain(genes, counts, n_source):
            return -1.0
        length = _place_row(genes, counts, columns, row_i, row_d, spare_i, spare_d)
        if length < 0:
            return -1.0
        genes, counts = row_i[:length], row_d[:length]
        low, high, used, total, rest = describe_row(genes, counts, numbers)
        hashes[row, 0], hashes[row, 1] = low, high
        totals[row], n_pairs[row], lengths[row] = total, used, length
        rests[row] = rest
        n_genes[row] = measure_row(genes, counts, kinds, sums[row], best, tally)
        for place in range(length):
            gene_totals[np.uint32(genes[place])] += counts[place]
        largest = max(largest, best[0])
    return largest
