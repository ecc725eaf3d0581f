"""Every public call of the Python client, and every error it tells apart."""

import warnings

import pytest
from fishjam import AgentOptions, AgentOutputOptions, FishjamClient, PeerOptions, PeerOptionsVapi, RoomOptions
from fishjam.errors import (
    BadRequestError,
    ConflictError,
    InternalServerError,
    InvalidFishjamCredentialsError,
    NotFoundError,
    QuotaExceededError,
    ServiceUnavailableError,
    UnauthorizedError,
)
from fishjam.recording import CompositionSource, TemplateSource, TemplateSourceResolution

from conftest import TOKEN

COMPOSITION = "http://127.0.0.1/api/composition/c1"


def test_credentials(sandbox, client):
    client.check_credentials()
    FishjamClient.create_and_verify(fishjam_id=sandbox.url, management_token=TOKEN)
    with pytest.raises(InvalidFishjamCredentialsError):
        FishjamClient.create_and_verify(fishjam_id=sandbox.url, management_token="wrong")
    with pytest.raises(UnauthorizedError):
        FishjamClient(sandbox.url, "wrong").get_all_rooms()


def test_rooms(client):
    plain = client.create_room()
    config = plain.config
    assert (config.max_peers, config.public, config.batch_webhook_notifications) == (0, False, False)
    assert (config.room_type, config.video_codec) == ("conference", "h264")
    options = RoomOptions(
        max_peers=2,
        video_codec="vp8",
        webhook_url="http://127.0.0.1:1/hook",
        room_type="audio_only",
        public=True,
        batch_webhook_notifications=True,
    )
    room = client.create_room(options)
    config = room.config
    assert (config.max_peers, config.video_codec, config.room_type) == (2, "vp8", "audio_only")
    assert (config.public, config.batch_webhook_notifications) == (True, True)
    assert {plain.id, room.id} <= {listed.id for listed in client.get_all_rooms()}
    assert client.get_room(room.id) == room
    client.delete_room(room.id)
    for gone in (room.id, "invalid_id"):
        with pytest.raises(NotFoundError):
            client.get_room(gone)
        with pytest.raises(NotFoundError):
            client.delete_room(gone)


def test_peers(client):
    room = client.create_room(RoomOptions(max_peers=2))
    peer, token = client.create_peer(room.id, PeerOptions(metadata={"a": 1}, subscribe_mode="manual"))
    assert (peer.type_, peer.status, peer.subscribe_mode, peer.tracks) == ("webrtc", "disconnected", "manual", [])
    assert peer.metadata["server"] == {"a": 1}
    assert client.refresh_peer_token(room.id, peer.id) != token
    other, _ = client.create_peer(room.id)
    with pytest.raises(ConflictError):
        client.create_peer(room.id)
    client.subscribe_peer(room.id, peer.id, other.id)
    client.subscribe_tracks(room.id, peer.id, ["t1"])
    subscriptions = next(p for p in client.get_room(room.id).peers if p.id == peer.id).subscriptions
    assert (subscriptions.peers, subscriptions.tracks) == ([other.id], ["t1"])
    client.delete_peer(room.id, other.id)
    with pytest.raises(NotFoundError):
        client.delete_peer(room.id, other.id)
    with pytest.raises(NotFoundError):
        client.refresh_peer_token(room.id, other.id)
    with pytest.raises(NotFoundError):
        client.create_peer("invalid_id")


def test_agents_and_vapi(client, room):
    options = AgentOptions(output=AgentOutputOptions(audio_format="pcm16", audio_sample_rate=24000))
    agent = client.create_agent(room.id, options)
    vapi = client.create_vapi_agent(room.id, PeerOptionsVapi(api_key="k", call_id="c-1", auto_close=True))
    types = {peer.id: peer.type_ for peer in client.get_room(room.id).peers}
    assert (types[agent.id], types[vapi.id]) == ("agent", "vapi")
    with pytest.raises(BadRequestError):
        client.create_vapi_agent(room.id, PeerOptionsVapi(api_key="k", call_id="no spaces"))


def test_livestreams_and_moq(client, room):
    stream = client.create_room(RoomOptions(room_type="livestream"))
    viewer = client.create_livestream_viewer_token(stream.id)
    assert viewer and viewer != client.create_livestream_streamer_token(stream.id)
    for call in (client.create_livestream_viewer_token, client.create_livestream_streamer_token):
        with pytest.raises(NotFoundError):
            call(room.id)
    assert client.livestream_whip_url().endswith("/api/v1/live/api/whip")
    assert client.livestream_whep_url().endswith("/api/v1/live/api/whep")
    access = client.create_moq_access("publish", "subscribe", ttl=60)
    assert access.token in access.connection_url
    with pytest.raises(BadRequestError):
        client.create_moq_access()


def test_track_forwarding(client, room, sandbox):
    sandbox.person(room.id)
    client.forward_room_tracks(room.id, COMPOSITION)
    info = client.get_room(room.id).composition_info
    assert info.composition_url == COMPOSITION and len(info.forwardings) == 1
    with pytest.raises(ConflictError):
        client.forward_room_tracks(room.id, COMPOSITION)
    with pytest.raises(BadRequestError):
        client.forward_room_tracks(room.id, "nonsense")


def test_recordings(client):
    source = CompositionSource(composition_url=COMPOSITION, output_id="out")
    one = client.create_composition_recording(source, {"call": {"n": 1}})
    assert one.status == "active"
    with pytest.warns(DeprecationWarning):
        two = client.create_recording(source)
    template = TemplateSource(
        composition_url=COMPOSITION, audio=True, resolution=TemplateSourceResolution(width=1280, height=720)
    )
    three = client.create_template_recording(template, b"export default 1", {"call": "three"})
    listed = {recording.id for recording in client.get_all_recordings()}
    assert {one.id, two.id, three.id} <= listed
    assert [recording.id for recording in client.get_all_recordings({"call": {"n": 1}})] == [one.id]
    assert client.get_recording(three.id).source.resolution.width == 1280
    with pytest.raises(ConflictError):
        client.delete_recording(one.id)
    assert client.stop_recording(one.id).status == "active", "until it is finalized"
    while client.get_recording(one.id).status != "available":
        pass
    assert len(client.get_recording(one.id).files) == 1
    client.delete_recording(one.id)
    for call in (client.get_recording, client.stop_recording, client.delete_recording):
        with pytest.raises(NotFoundError):
            call(one.id)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequestError),
        (401, UnauthorizedError),
        (402, QuotaExceededError),
        (404, NotFoundError),
        (409, ConflictError),
        (503, ServiceUnavailableError),
        (500, InternalServerError),
    ],
)
def test_every_error_is_told_apart(client, room, sandbox, status, error):
    sandbox.fault("rest", count=1, status=status)
    with pytest.raises(error):
        client.create_peer(room.id)


def test_deprecation_is_shown_once(sandbox):
    client = FishjamClient(sandbox.url, TOKEN)
    sandbox.control("deprecation", method="POST", body={"on": True})
    try:
        with pytest.warns(DeprecationWarning, match="the sandbox was told to say so"):
            client.get_all_rooms()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            client.get_all_rooms()
    finally:
        sandbox.control("deprecation", method="POST", body={"on": False})
