"""Pictures of every kind, and files of every damage."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import picture
from zoo.data.images import FORMATS, MOST_PIXELS, as_images, measured, read_image
from zoo.errors import ZooError


def saved(image, format, **settings):
    buffer = io.BytesIO()
    image.save(buffer, format, **settings)
    return buffer.getvalue()


@pytest.fixture
def png(tmp_path):
    path = tmp_path / "a.png"
    picture(20, 10).save(path)
    return path


def test_a_path_its_bytes_an_image_and_arrays_are_one_picture(png):
    image = picture(20, 10)
    array = np.asarray(image)
    for raw in (png, str(png), png.read_bytes(), image, array, array / 255, array.astype(np.uint16) * 257):
        np.testing.assert_array_equal(np.asarray(read_image(raw)), array)


def test_grey_pictures_become_rgb_and_rgb_becomes_grey_for_networks_of_one_channel():
    grey = picture(9, 7, mode="L")
    array = np.asarray(grey)
    for raw in (grey, array, array[..., None], array > 128):
        found = np.asarray(read_image(raw))
        assert found.shape == (7, 9, 3)
        assert (found[..., 0] == found[..., 2]).all()
    assert read_image(picture(9, 7), channels=1).mode == "L"
    np.testing.assert_array_equal(np.asarray(read_image(grey, channels=1)), array)


@pytest.mark.parametrize(
    "turn", [Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180]
)
def test_a_camera_s_turn_is_undone(turn):
    upright = picture(30, 20)
    orientation = {Image.Transpose.ROTATE_270: 8, Image.Transpose.ROTATE_90: 6, Image.Transpose.ROTATE_180: 3}[turn]
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read_image(saved(upright.transpose(turn), "PNG", exif=exif))
    np.testing.assert_array_equal(np.asarray(found), np.asarray(upright))


def test_transparency_palettes_and_cmyk_become_rgb():
    image = picture(16, 16)
    alpha = image.copy()
    alpha.putalpha(Image.new("L", image.size, 100))
    np.testing.assert_array_equal(np.asarray(read_image(saved(alpha, "PNG"))), np.asarray(image))
    np.testing.assert_array_equal(np.asarray(read_image(np.asarray(alpha))), np.asarray(image))
    palette = image.quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    np.testing.assert_array_equal(np.asarray(read_image(saved(palette, "PNG"))), expected)
    np.testing.assert_array_equal(np.asarray(read_image(saved(palette, "PNG", transparency=0))), expected)
    cmyk = image.convert("CMYK")
    np.testing.assert_array_equal(np.asarray(read_image(saved(cmyk, "TIFF"))), np.asarray(cmyk.convert("RGB")))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bits_keep_their_brightness(format):
    wide = np.linspace(0, 65535, 200).reshape(10, 20).astype(np.uint16)
    found = np.asarray(read_image(saved(Image.fromarray(wide), format)))
    np.testing.assert_array_equal(found[..., 0], wide // 257)


def test_floats_of_a_tiff_keep_their_brightness():
    image = Image.fromarray(np.linspace(0, 1, 200, dtype=np.float32).reshape(10, 20))
    found = np.asarray(read_image(saved(image, "TIFF")))
    assert found[0, 0, 0] == 0
    assert found[-1, -1, 0] == 255


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = saved(
        frames[0],
        format,
        save_all=True,
        append_images=frames[1:],
        **({"lossless": True} if format == "WEBP" else {}),
    )
    assert np.asarray(read_image(data))[0, 0].tolist() == [255, 0, 0]


def test_of_several_pictures_in_a_jpeg_the_first_is_taken():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = saved(frames[0], "MPO", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(np.asarray(read_image(data))[0, 0], [255, 0, 0], atol=3)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_of_the_list_is_read(format):
    data = saved(picture(20, 10), format)
    assert read_image(data).size == measured(data) == (20, 10)


@pytest.mark.parametrize("format", ["EPS", "TGA", "PCX", "ICNS"])
def test_no_other_format_is_opened(format):
    data = saved(picture(32, 32), format)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format == format
    for read in (read_image, measured):
        with pytest.raises(ZooError, match="not a picture that can be read") as told:
            read(data)
        assert "zoo reads JPEG, PNG" in told.value.fix


def test_one_pixel_is_a_picture():
    assert read_image(saved(Image.new("RGB", (1, 1), "red"), "PNG")).size == (1, 1)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_truncated_file_is_named_wherever_it_ends(format, tmp_path):
    whole = saved(picture(60, 40), format)
    path = tmp_path / f"cut.{format.lower()}"
    for share in (0, 0.01, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ZooError, match=r"cut\."):
            read_image(path)


def test_a_flipped_byte_never_gives_more_than_a_zoo_error():
    rng = np.random.default_rng(0)
    for format in ("JPEG", "PNG", "GIF", "WEBP", "TIFF"):
        whole = bytearray(saved(picture(40, 30), format))
        for _ in range(60):
            damaged = bytearray(whole)
            for at in rng.integers(0, len(whole), 3):
                damaged[at] = rng.integers(256)
            with contextlib.suppress(ZooError):
                read_image(bytes(damaged))


def bomb(width, height):
    """A PNG that says it has so many pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_header_tells_the_size_of_the_picture_the_way_up_it_is_meant(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, plain = (saved(Image.new("RGB", (40, 10), "red"), kind, **more) for more in ({"exif": exif}, {}))
    assert measured(turned) == read_image(turned).size == (10, 40)
    assert measured(plain) == measured(plain[:-12]) == (40, 10)  # without looking at the pixels


@pytest.mark.parametrize("size", [(30_000, 30_000), (MOST_PIXELS + 1, 1), (1, MOST_PIXELS + 1)])
def test_a_bomb_is_refused_before_it_is_decoded(size, tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(*size))
    with pytest.raises(ZooError, match="too many pixels") as told:
        read_image(path)
    assert "bomb.png" in str(told.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("nowhere.png", ["nowhere.png", "Relative paths"]),
        ("https://example.org/cat.png", ["URL", "Fetch it first"]),
        (b"", ["empty"]),
        (b"text, not a picture", ["not a picture"]),
        (np.zeros((3, 4, 5), np.uint8), ["(3, 4, 5)"]),
        (np.zeros((0, 4, 3), np.uint8), ["(0, 4, 3)"]),
        (np.full((4, 4, 3), 255.0), ["0 to 1"]),
        (np.full((4, 4, 3), np.nan), ["0 to 1"]),
        (np.zeros((4, 4, 3), np.int64), ["int64"]),
        (None, ["NoneType", "Give a path"]),
        (3, ["int", "Give a path"]),
        ("~nobody-of-that-name/cat.png", ["nobody-of-that-name"]),
    ],
)
def test_what_is_no_picture_is_refused(raw, words):
    with pytest.raises(ZooError) as told:
        read_image(raw)
    for word in words:
        assert word in str(told.value)


def test_a_directory_is_no_picture(tmp_path):
    with pytest.raises(ZooError, match="is a folder, and one picture is needed"):
        read_image(tmp_path)


def test_batches_lists_and_single_pictures_are_told_apart(png):
    array = np.zeros((4, 5, 3), np.uint8)
    assert len(as_images(array)) == 1
    assert len(as_images(np.stack([array] * 3))) == 3
    assert len(as_images(png)) == len(as_images(str(png))) == len(as_images(b"x")) == 1
    assert len(as_images([png, array, Image.new("RGB", (2, 2))])) == 3
    with pytest.raises(ZooError, match="int is not a picture"):
        as_images(3)


def test_an_opened_picture_is_turned_as_its_file_is_and_refused_where_it_is_torn(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3).repeat(20, axis=0).repeat(10, axis=1))
    path = tmp_path / "camera.jpg"
    picture.save(path, exif=exif)

    np.testing.assert_array_equal(read_image(Image.open(path), channels=3), read_image(path, channels=3))

    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ZooError, match="damaged or cannot be read") as told:
        read_image(Image.open(path), channels=3)
    assert "Save it anew" in told.value.fix
