//! What a deploy's rules say of a room.

use std::time::{Duration, Instant};

use super::{
    super::{
        config::{Deploy, JoinWhen},
        directory::RoomView,
    },
    assignment::{Assignment, Back, Phase},
};

/// Whether an agent should come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
    /// The room's type decides, and is not known.
    NotKnown,
}

pub(super) fn wanted(deploy: &Deploy, id: &str, room: &RoomView, is_manual: bool) -> Wanted {
    if is_manual {
        return Wanted::Yes;
    }
    let rule = &deploy.rooms;
    let comes = match deploy.join.when {
        JoinWhen::RoomCreated | JoinWhen::Always => true,
        JoinWhen::FirstPerson => room.people() > 0,
        JoinWhen::Manual => false,
    };
    if !comes || !deploy.names(id) || !room.has_peer_with(&rule.peer_metadata) {
        return Wanted::No;
    }
    match room.kind() {
        // A livestream has no slot for an agent.
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
    assignment: &Assignment,
) -> Option<(String, Back)> {
    if !assignment.is_manual {
        let rule = &deploy.rooms;
        if !deploy.names(id) || room.kind().is_some_and(|kind| !rule.takes(kind)) {
            return Some(("its deploy no longer names this room".into(), Back::AtOnce));
        }
    }
    let next_person = Back::Person { arrivals: room.arrivals() };
    let passed = |since: Instant, limit: Option<Duration>| limit.is_some_and(|limit| now >= since + limit);
    if left_at(deploy, assignment).is_some_and(|at| now >= at) && room.is_empty_for_sure() {
        return Some(("the last person has gone".into(), next_person));
    }
    let Phase::Present { since, last_sound, .. } = &assignment.phase else { return None };
    if passed(*since, deploy.leave.max_duration.0) {
        return Some(("it has stayed for as long as it may".into(), next_person));
    }
    if passed(*last_sound + UNSEEN, deploy.leave.idle.0) {
        return Some(("nobody was heard to speak for too long".into(), next_person));
    }
    None
}

/// Whether the last person has gone for so long that the agent would leave, were that sure.
pub(super) fn seems_left(now: Instant, deploy: &Deploy, room: &RoomView, assignment: &Assignment) -> bool {
    let is_there = matches!(assignment.phase, Phase::Joining { .. } | Phase::Present { .. });
    is_there && left_at(deploy, assignment).is_some_and(|at| now >= at) && !room.is_empty_for_sure()
}

/// When the agent leaves because the last person has gone.
fn left_at(deploy: &Deploy, assignment: &Assignment) -> Option<Instant> {
    assignment.empty_since.zip(deploy.leave.last_person_gone.0).map(|(since, limit)| since + limit)
}

/// Notes since when nobody is in the room who was there.
pub(super) fn note_people(now: Instant, room: &RoomView, assignment: &mut Assignment) {
    let is_empty = room.people() == 0;
    assignment.empty_since = (is_empty && room.arrivals() > 0).then(|| assignment.empty_since.unwrap_or(now));
    if let Phase::Finished { back: Back::FirstPerson { emptied } | Back::Forgiven { emptied, .. }, .. } =
        &mut assignment.phase
    {
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
pub(super) fn next_look(
    now: Instant,
    deploy: &Deploy,
    room: Option<&RoomView>,
    assignment: &Assignment,
) -> Option<Instant> {
    // Once that has passed, REST's answer is waited for, and tells.
    let gone = left_at(deploy, assignment).filter(|at| *at > now || room.is_some_and(RoomView::is_empty_for_sure));
    match &assignment.phase {
        Phase::Backoff { until, .. } => Some(*until),
        Phase::Finished { back: Back::Forgiven { at, .. }, .. } => Some(*at),
        Phase::Joining { .. } => gone,
        Phase::Present { since, last_sound, .. } => {
            let handle = deploy.leave.max_duration.0.map(|limit| *since + limit);
            let idle = deploy.leave.idle.0.map(|limit| *last_sound + UNSEEN + limit);
            [gone, handle, idle].into_iter().flatten().min()
        }
        _ => None,
    }
}

/// Whether a session of `old` can go on as one of `new`: nothing that it was started with differs.
pub(super) fn is_same_session(old: &Deploy, new: &Deploy) -> bool {
    old.agent == new.agent
        && old.platform == new.platform
        && old.options == new.options
        && old.hear == new.hear
        && old.voice == new.voice
        && old.track_metadata == new.track_metadata
        && old.lead == new.lead
        && old.own_thread == new.own_thread
        && old.sink == new.sink
}

/// Sound may be so old when the reconciler hears of it: sessions count once a second, and are looked at once a second.
const UNSEEN: Duration = Duration::from_secs(2);
/// The shortest time between two looks at the clock.
pub(super) const MOMENT: Duration = Duration::from_millis(10);
