//! What a deploy's rules say of a room.

use std::time::{Duration, Instant};

use super::{
    super::{
        config::{Deploy, JoinWhen},
        picture::RoomView,
    },
    post::{Back, Phase, Post},
};

/// Whether an agent should come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
    /// The room's type decides, and is not known.
    NotKnown,
}

pub(super) fn wanted(deploy: &Deploy, id: &str, room: &RoomView, by_hand: bool) -> Wanted {
    if by_hand {
        return Wanted::Yes;
    }
    let rule = &deploy.rooms;
    let comes = match deploy.join.when {
        JoinWhen::RoomCreated | JoinWhen::Always => true,
        JoinWhen::FirstPerson => room.people() > 0,
        JoinWhen::ByHand => false,
    };
    if !comes || !rule.names(id) || !room.has_peer_with(&rule.peer_metadata) {
        return Wanted::No;
    }
    match room.kind() {
        // A livestream has no place for an agent.
        Some(kind) if kind.is_livestream() || !rule.takes(kind) => Wanted::No,
        None if !rule.types.is_empty() => Wanted::NotKnown,
        _ => Wanted::Yes,
    }
}

/// Why an agent that is there must go, and what brings it back.
pub(super) fn must_leave(
    now: Instant,
    deploy: &Deploy,
    id: &str,
    room: &RoomView,
    post: &Post,
) -> Option<(String, Back)> {
    if !post.by_hand {
        let rule = &deploy.rooms;
        if !rule.names(id) || room.kind().is_some_and(|kind| !rule.takes(kind)) {
            return Some(("its deploy no longer names this room".into(), Back::AtOnce));
        }
    }
    let next_person = Back::Person { arrivals: room.arrivals() };
    let passed = |since: Instant, limit: Option<Duration>| limit.is_some_and(|limit| now >= since + limit);
    if left_at(deploy, post).is_some_and(|at| now >= at) && room.is_empty_for_sure() {
        return Some(("the last person has gone".into(), next_person));
    }
    let Phase::Present { since, last_sound, .. } = &post.phase else { return None };
    if passed(*since, deploy.leave.max_stay.0) {
        return Some(("it has stayed for as long as it may".into(), next_person));
    }
    if passed(*last_sound + UNSEEN, deploy.leave.idle.0) {
        return Some(("nobody was heard to speak for too long".into(), next_person));
    }
    None
}

/// Whether the last person has gone for so long that the agent would leave, were that sure.
pub(super) fn seems_left(now: Instant, deploy: &Deploy, room: &RoomView, post: &Post) -> bool {
    let is_there = matches!(post.phase, Phase::Joining { .. } | Phase::Present { .. });
    is_there && left_at(deploy, post).is_some_and(|at| now >= at) && !room.is_empty_for_sure()
}

/// When the agent leaves because the last person has gone.
fn left_at(deploy: &Deploy, post: &Post) -> Option<Instant> {
    post.empty_since.zip(deploy.leave.last_person_gone.0).map(|(since, limit)| since + limit)
}

/// Notes since when nobody is in the room who was there.
pub(super) fn note_people(now: Instant, room: &RoomView, post: &mut Post) {
    let is_empty = room.people() == 0;
    post.empty_since = (is_empty && room.arrivals() > 0).then(|| post.empty_since.unwrap_or(now));
    if let Phase::Over { back: Back::FirstPerson { emptied } | Back::Forgiven { emptied, .. }, .. } = &mut post.phase {
        *emptied |= is_empty;
    }
}

/// Whether what brings an agent back has come.
pub(super) fn is_back(now: Instant, back: Back, room: &RoomView) -> bool {
    match back {
        Back::Never => false,
        Back::Person { arrivals } => room.arrivals() > arrivals,
        Back::FirstPerson { emptied } => emptied && room.people() > 0,
        Back::Forgiven { emptied, at } => now >= at || emptied && room.people() > 0,
        Back::AtOnce => true,
    }
}

/// When a rule may have something to say next.
pub(super) fn next_look(now: Instant, deploy: &Deploy, room: Option<&RoomView>, post: &Post) -> Option<Instant> {
    // Once that has passed, REST's answer is waited for, and tells.
    let gone = left_at(deploy, post).filter(|at| *at > now || room.is_some_and(RoomView::is_empty_for_sure));
    match &post.phase {
        Phase::Pausing { until, .. } => Some(*until),
        Phase::Over { back: Back::Forgiven { at, .. }, .. } => Some(*at),
        Phase::Joining { .. } => gone,
        Phase::Present { since, last_sound, .. } => {
            let stay = deploy.leave.max_stay.0.map(|limit| *since + limit);
            let idle = deploy.leave.idle.0.map(|limit| *last_sound + UNSEEN + limit);
            [gone, stay, idle].into_iter().flatten().min()
        }
        _ => None,
    }
}

/// Whether a session of `old` can go on as one of `new`: nothing that it was started with differs.
pub(super) fn is_same_session(old: &Deploy, new: &Deploy) -> bool {
    old.agent == new.agent
        && old.options == new.options
        && old.hear == new.hear
        && old.voice == new.voice
        && old.track_metadata == new.track_metadata
        && old.lead == new.lead
        && old.own_thread == new.own_thread
        && old.sink == new.sink
}

/// Sound may be so old when the keeper hears of it: sessions count once a second, and are looked at once a second.
const UNSEEN: Duration = Duration::from_secs(2);
/// The shortest time between two looks at the clock.
pub(super) const MOMENT: Duration = Duration::from_millis(10);
