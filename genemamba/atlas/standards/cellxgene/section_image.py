"""The image of one Visium section, and the scales that go with it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from genemamba.atlas.standards.cellxgene.reporting import error, warning
from genemamba.findings import Finding


def check_library(place: str, library: object, *, longest: int) -> Iterator[Finding]:
    """Check what ``uns["spatial"]`` holds for the one library of a section.

    Parameters
    ----------
    place
        Where it lies.
    library
        The images and their scales.
    longest
        Pixels that the longer side of the high resolution image must have.
    """
    if not isinstance(library, dict):
        yield error(place, "type", "must be a dictionary.")
        return
    yield from _check_keys(place, library, required=("images", "scalefactors"))
    images = library.get("images", {"hires": None})
    if not isinstance(images, dict):
        yield error(f'{place}["images"]', "type", "must be a dictionary.")
    else:
        yield from _check_images(f'{place}["images"]', images, longest, given="images" in library)
    factors = library.get("scalefactors")
    if factors is None:
        return
    if not isinstance(factors, dict):
        yield error(f'{place}["scalefactors"]', "type", "must be a dictionary.")
        return
    names = ("spot_diameter_fullres", "tissue_hires_scalef")
    yield from _check_keys(f'{place}["scalefactors"]', factors, required=names)
    for name in names:
        if name in factors and not isinstance(factors[name], float):
            message = f"must be a float, not {type(factors[name]).__name__}."
            yield error(f'{place}["scalefactors"]["{name}"]', "type", message)


def _check_keys(
    place: str, values: dict[str, Any], *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> Iterator[Finding]:
    for name in required:
        if name not in values:
            yield error(place, "missing", f"must hold {name!r}.")
    others = [name for name in values if name not in (*required, *optional)]
    if others:
        yield error(place, "unexpected", f"must not hold {others[0]!r}.", examples=others)


def _check_images(
    place: str, images: dict[str, Any], longest: int, *, given: bool
) -> Iterator[Finding]:
    if not given:
        return
    yield from _check_keys(place, images, required=("hires",), optional=("fullres",))
    if "fullres" not in images:
        yield warning(place, "no-fullres", "should hold 'fullres'.")
    for name, side in (("hires", longest), ("fullres", None)):
        if name in images:
            yield from _check_image(f'{place}["{name}"]', images[name], side)


def _check_image(place: str, image: object, longest: int | None) -> Iterator[Finding]:
    if not isinstance(image, np.ndarray):
        yield error(place, "type", f"must be an array, not {type(image).__name__}.")
        return
    if image.dtype != np.uint8:
        yield error(place, "type", f"must hold uint8, not {image.dtype}.")
    if image.ndim != 3 or image.shape[2] not in (3, 4):
        message = f"must have the shape (rows, columns, 3 or 4), not {image.shape}."
        yield error(place, "shape", message)
    if longest is not None and max(image.shape, default=0) != longest:
        message = f"must be {longest} pixels on its longer side, not {max(image.shape, default=0)}."
        yield error(place, "size", message)
