"""Every public call of the Python composition client."""

import pytest
from fishjam import CompositionClient
from fishjam.composition import (
    AudioScene,
    AudioSceneInput,
    ImageSpecPng,
    ImageSpecPngAssetType,
    InputStream,
    InputStreamType,
    OutputWhipAudioOptions,
    OutputWhipVideoOptions,
    Resolution,
    VideoScene,
    WhipInput,
    WhipInputType,
    WhipOutput,
    WhipOutputType,
)
from fishjam.errors import (
    CompositionNotFoundError,
    InputNotFoundError,
    OutputNotFoundError,
    RendererNotFoundError,
)

from conftest import TOKEN


@pytest.fixture
def compositions(sandbox):
    return CompositionClient(TOKEN, sandbox.url)


@pytest.fixture
def composition(compositions):
    return compositions.create_composition().composition_id


def test_the_life_of_a_composition(compositions, composition, sandbox):
    assert compositions.composition_url(composition) == f"{sandbox.url}/api/composition/{composition}"
    compositions.start_composition(composition)
    compositions.send_event(composition, "hello", {"a": 1})
    compositions.reset_composition(composition)
    compositions.delete_composition(composition)
    with pytest.raises(CompositionNotFoundError):
        compositions.start_composition(composition)


def test_inputs(compositions, composition):
    whip = compositions.register_whip_input(composition, "whip")
    assert whip.url.endswith("/whip/whip") and whip.bearer_token
    compositions.register_whep_input(composition, "whep", endpoint_url="http://127.0.0.1/whep")
    assert compositions.register_mp4_input(composition, "mp4", url="http://127.0.0.1/a.mp4")
    assert compositions.register_rtmp_input(composition, "rtmp", stream_key="key").startswith("rtmp://")
    assert compositions.register_input(composition, "plain", WhipInput(type_=WhipInputType.WHIP_SERVER)).bearer_token
    compositions.unregister_input(composition, "mp4")
    with pytest.raises(InputNotFoundError):
        compositions.unregister_input(composition, "mp4")


def test_outputs(compositions, composition):
    root = InputStream(input_id="in", type_=InputStreamType.INPUT_STREAM)
    video = OutputWhipVideoOptions(resolution=Resolution(width=1280, height=720), initial=VideoScene(root=root))
    audio = OutputWhipAudioOptions(initial=AudioScene(inputs=[AudioSceneInput(input_id="in")]))
    compositions.register_whip_output(
        composition, "out", endpoint_url="http://127.0.0.1/whip", bearer_token="t", video=video, audio=audio
    )
    compositions.register_rtmp_output(composition, "rtmp", url="rtmp://127.0.0.1/live")
    whip = WhipOutput(type_=WhipOutputType.WHIP_CLIENT, endpoint_url="http://127.0.0.1/whip")
    compositions.register_output(composition, "plain", whip)
    compositions.register_template_output(composition, "template", whip, b"export default 1")
    compositions.update_output(composition, "out", video=VideoScene(root=root))
    compositions.request_keyframe(composition, "out")
    compositions.unregister_output(composition, "out")
    with pytest.raises(OutputNotFoundError):
        compositions.unregister_output(composition, "out")


def test_images_and_fonts(compositions, composition, tmp_path):
    image = ImageSpecPng(url="http://127.0.0.1/i.png", asset_type=ImageSpecPngAssetType.PNG)
    compositions.register_image(composition, "image", image)
    compositions.unregister_image(composition, "image")
    with pytest.raises(RendererNotFoundError):
        compositions.unregister_image(composition, "image")
    compositions.register_font(composition, b"a font")
