//! The task that keeps the link up: dials, carries frames between the socket and the machine, and dials again.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Weak},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::{FutureExt, SinkExt, StreamExt, future::BoxFuture};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Dial, Tell,
    meanwhile::Meanwhile,
    shared::{QueuedAction, Shared, Status},
};
use crate::{
    agent::ActionError,
    event::{End, Event, RoomEvent},
    net::{
        limits,
        websocket::{self, OpenError, WebSocket},
    },
    platform::{PlatformError, PlatformErrorKind, WatchEvent},
    protocol::{Fault, FaultKind, Frame, Machine, Output},
    session::Backoff,
};

/// Keeps the link of `shared` up until nobody has it any more.
pub(super) async fn run(shared: Weak<Shared>) {
    let mut asked = match shared.upgrade() {
        Some(shared) => shared.asked.lock().expect("no holder panics").take().expect("one link for each feed"),
        None => return,
    };
    let beside = shared.upgrade().and_then(|alive| alive.source.beside(Tell(shared.clone())));
    // It ends with the link.
    let _beside = beside.map(|running| AbortOnDropHandle::new(tokio::spawn(running)));
    let mut backoff = Backoff::with_seed(fastrand::u64(..));
    let mut machine = None;
    while let Some(alive) = shared.upgrade() {
        let ended = once(alive, &shared, &mut machine, &mut asked).await;
        let Some(alive) = shared.upgrade() else { return };
        if ended.lasted > limits::STABLE {
            backoff.reset();
        }
        on_down(&alive, &ended.error);
        let wait = match ended.error.kind {
            // Credentials may be replaced, and are read again for each try.
            PlatformErrorKind::Unauthorized | PlatformErrorKind::Other => REFUSED,
            _ => backoff.next_wait().max(ended.error.retry_after.unwrap_or_default()),
        };
        drop(alive);
        sleep(wait).await;
    }
}

/// How one connection ended.
struct Ended {
    error: PlatformError,
    /// For how long it was live.
    lasted: Duration,
}

fn on_down(shared: &Shared, error: &PlatformError) {
    let was_live = *shared.status.borrow() == Status::Live;
    let lasting = match *shared.status.borrow() {
        Status::Down(since, _) => since,
        _ => Instant::now(),
    };
    let is_refused = matches!(error.kind, PlatformErrorKind::Unauthorized | PlatformErrorKind::Other);
    let status = if is_refused { Status::Refused(error.clone()) } else { Status::Down(lasting, error.clone()) };
    let is_news = std::mem::discriminant(&*shared.status.borrow()) != std::mem::discriminant(&status);
    shared.status.send_replace(status);
    if is_news {
        tracing::warn!("{}: {error}", shared.source.address());
    }
    if was_live {
        shared.rooms().on_link_down();
        shared.told.send(WatchEvent::Down { reason: error.message.clone() }).ok();
    }
}

/// One connection, from its dialling to its end.
async fn once(
    shared: Arc<Shared>,
    weak: &Weak<Shared>,
    machine: &mut Option<Box<dyn Machine>>,
    asked: &mut mpsc::Receiver<QueuedAction>,
) -> Ended {
    let never = |error| Ended { error, lasted: Duration::ZERO };
    let Dial { url, machine: dialled } = match shared.source.dial(machine.take()).await {
        Ok(dial) => dial,
        Err(error) => return never(error),
    };
    let socket = match timeout(
        limits::OPEN,
        websocket::open(&url, shared.source.trust(), websocket::config_of_events()),
    )
    .await
    {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => {
            *machine = Some(dialled);
            return never(refused(error));
        }
        Err(_) => {
            *machine = Some(dialled);
            return never(later(format!("no connection within {} s", limits::OPEN.as_secs())));
        }
    };
    drop(shared);
    let mut link = Link {
        shared: weak.clone(),
        machine: dialled,
        live_since: None,
        settle_at: None,
        early: Vec::new(),
        asking: None,
        waiting: BTreeMap::new(),
        next: 0,
    };
    let error = link.carry(socket, asked).await;
    let lasted = link.live_since.map_or(Duration::ZERO, |since| since.elapsed());
    *machine = Some(link.machine);
    // What waits was asked of this connection.
    while asked.try_recv().is_ok() {}
    Ended { error, lasted }
}

/// One open connection.
struct Link {
    shared: Weak<Shared>,
    machine: Box<dyn Machine>,
    live_since: Option<Instant>,
    /// When nobody will tell more of who is in rooms than was told by then.
    settle_at: Option<Instant>,
    /// What was told before the link was live.
    early: Vec<Event>,
    /// A call that asks who is there, and what is told while it does.
    asking: Option<(BoxFuture<'static, Vec<Event>>, Meanwhile)>,
    /// Actions under way.
    waiting: BTreeMap<u64, oneshot::Sender<Result<(), ActionError>>>,
    next: u64,
}

impl Link {
    async fn carry(&mut self, socket: WebSocket, asked: &mut mpsc::Receiver<QueuedAction>) -> PlatformError {
        let (mut sink, mut stream) = socket.split();
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.machine.on_open(Instant::now(), since_1970);
        let mut ended: Option<PlatformError> = None;
        loop {
            let Some(shared) = self.shared.upgrade() else { return later("nobody listens any more".into()) };
            let mut frames = Vec::new();
            if let Some(fault) = self.carry_out(&shared, &mut frames).await {
                // What the machine wanted to say before it gave up, it still says.
                timeout(limits::BLOCKED, send_all(&mut sink, frames)).await.ok();
                timeout(GOODBYE, sink.close()).await.ok();
                return of_fault(&shared, fault);
            }
            drop(shared);
            // What came before the end may say more of it than the end itself.
            if let Some(error) = ended {
                return error;
            }
            match timeout(limits::BLOCKED, send_all(&mut sink, frames)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return later(error.to_string()),
                Err(_) => return later(format!("the server has read nothing for {} s", limits::BLOCKED.as_secs())),
            }
            // Whoever watches may read before more comes.
            tokio::task::yield_now().await;
            let due = self.machine.poll_timeout().into_iter().chain(self.settle_at).min();
            tokio::select! {
                message = stream.next() => {
                    // What has come by now is answered together.
                    let mut next = Some(message);
                    for _ in 0..AT_ONCE {
                        let Some(message) = next.take() else { break };
                        ended = self.on_message(message);
                        next = if ended.is_some() { None } else { stream.next().now_or_never() };
                    }
                    if let Some(message) = next {
                        ended = self.on_message(message);
                    }
                }
                Some(asked) = asked.recv() => self.on_asked(asked),
                answer = answer_of(&mut self.asking) => self.on_rosters(answer),
                () = wait_until(due) => self.on_time(),
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Hands a message to the machine. The error ends the connection.
    fn on_message(
        &mut self,
        message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Option<PlatformError> {
        match message {
            Some(Ok(Message::Text(text))) => self.machine.on_frame(Instant::now(), Frame::Text(text.as_str())),
            Some(Ok(Message::Binary(bytes))) => self.machine.on_frame(Instant::now(), Frame::Binary(&bytes)),
            Some(Ok(Message::Close(frame))) => {
                return Some(later(closed(frame.as_ref().map(|frame| frame.reason.as_str()))));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Some(later(error.to_string())),
            None => return Some(later("the connection ended".into())),
        }
        None
    }

    fn on_time(&mut self) {
        let now = Instant::now();
        self.machine.on_time(now);
        if self.settle_at.take_if(|due| *due <= now).is_some()
            && let Some(shared) = self.shared.upgrade()
        {
            shared.rooms().settle();
        }
    }

    fn on_asked(&mut self, asked: QueuedAction) {
        let QueuedAction { room, action, reply } = asked;
        self.next += 1;
        match self.machine.act(Instant::now(), self.next, &room, &action) {
            Ok(()) => drop(self.waiting.insert(self.next, reply)),
            // Whoever asked may have given up.
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// Does what the machine wants, and gives the frames that it wants sent.
    async fn carry_out(&mut self, shared: &Arc<Shared>, frames: &mut Vec<Message>) -> Option<Fault> {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(text) => frames.push(Message::text(text)),
                Output::SendBytes(bytes) => frames.push(Message::Binary(bytes)),
                Output::Event(event) if self.live_since.is_none() && self.early.len() < MOST_EARLY => {
                    self.early.push(*event)
                }
                Output::Event(event) => {
                    if let Some((_, meanwhile)) = &mut self.asking {
                        meanwhile.note(&event);
                    }
                    shared.tell(*event);
                }
                Output::Live => self.on_live(shared),
                Output::Trouble(why) => tracing::warn!("{}: {why}", shared.source.address()),
                Output::Listed(rooms) => {
                    let over = shared.rooms().take_unlisted(&rooms);
                    for room in over {
                        shared.tell(Event::derived(RoomEvent::Closed { end: End::Normal }).in_room(room));
                    }
                }
                Output::Unreadable(why) => {
                    shared.note_unreadable("frame");
                    tracing::debug!("{}: {why}", shared.source.address());
                }
                Output::Acted(number, result) => {
                    if let Some(reply) = self.waiting.remove(&number) {
                        reply.send(result).ok();
                    }
                }
                Output::WantsToken => {
                    if let Some(token) = shared.source.token().await {
                        self.machine.on_token(Instant::now(), token);
                    }
                }
                Output::Close(fault) => return Some(fault),
            }
        }
        None
    }

    fn on_live(&mut self, shared: &Arc<Shared>) {
        let now = Instant::now();
        self.live_since = Some(now);
        self.settle_at = Some(now + SETTLE);
        let before = shared.status.send_replace(Status::Live);
        if before != Status::Opening {
            tracing::info!("{}: the link is up again", shared.source.address());
        }
        shared.told.send(WatchEvent::Up).ok();
        self.early.drain(..).for_each(|event| shared.tell(event));
        // Frames are read meanwhile.
        let asked = shared.clone();
        let rosters = async move { asked.source.rosters().await }.boxed();
        self.asking = Some((rosters, Meanwhile::default()));
    }

    fn on_rosters(&mut self, answer: Vec<Event>) {
        let (Some((_, meanwhile)), Some(shared)) = (self.asking.take(), self.shared.upgrade()) else { return };
        for mut event in answer {
            meanwhile.correct(&mut event);
            shared.tell(event);
        }
    }
}

async fn answer_of(asking: &mut Option<(BoxFuture<'static, Vec<Event>>, Meanwhile)>) -> Vec<Event> {
    match asking {
        Some((answer, _)) => answer.await,
        None => pending().await,
    }
}

async fn send_all(
    sink: &mut (impl SinkExt<Message, Error = tokio_tungstenite::tungstenite::Error> + Unpin),
    frames: Vec<Message>,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    for frame in frames {
        sink.feed(frame).await?;
    }
    sink.flush().await
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}

fn later(message: String) -> PlatformError {
    PlatformError::new(PlatformErrorKind::Later, message)
}

fn closed(reason: Option<&str>) -> String {
    match reason.filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("the server closed the connection: {}", crate::text::line(reason)),
        None => "the server closed the connection".to_owned(),
    }
}

fn refused(error: OpenError) -> PlatformError {
    match error {
        OpenError::Unreachable(why) => later(why),
        OpenError::Status { code: code @ (401 | 403), .. } => PlatformError::new(
            PlatformErrorKind::Unauthorized,
            format!("the server answered HTTP {code}; check the credentials"),
        ),
        OpenError::Status { code, retry_after } => {
            let kind = if code == 404 { PlatformErrorKind::Other } else { PlatformErrorKind::Later };
            let message = format!("the server answered HTTP {code} where a socket was asked for; check the address");
            PlatformError { retry_after, ..PlatformError::new(kind, message) }
        }
    }
}

fn of_fault(shared: &Shared, fault: Fault) -> PlatformError {
    let kind = match fault.kind {
        FaultKind::Unauthorized => PlatformErrorKind::Unauthorized,
        FaultKind::Version | FaultKind::NotThisPlatform => PlatformErrorKind::Other,
        FaultKind::Broken => PlatformErrorKind::Later,
    };
    tracing::debug!("{}: {fault}", shared.source.address());
    PlatformError::new(kind, fault.message)
}

/// How long a refusal is left alone: the credentials may be replaced meanwhile.
const REFUSED: Duration = Duration::from_secs(30);
/// How long after the link is up who is in a room is taken to be as it was told, or as it was before.
const SETTLE: Duration = Duration::from_secs(15);
/// Events that may be told before the link is live.
const MOST_EARLY: usize = 4_096;
/// Frames that are taken before whoever watches gets a turn.
const AT_ONCE: u32 = 64;
/// How often it is looked whether anybody still listens.
const LOOK: Duration = Duration::from_secs(1);
/// How long a server may take over our close.
const GOODBYE: Duration = Duration::from_secs(1);
