//! The program itself: killed, restarted, told to end.

use crate::common::{Program, Town, is_one};
use roomtone::sandbox::Fault;

const ECHO: &str = "[[deploy]]\nagent = \"echo\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_kill_9_every_room_has_one_again_and_no_peer_is_left() {
    const ROOMS: usize = 10;
    let town = Town::new().await;
    town.rooms(ROOMS).await;
    let text = town.text("", ECHO);
    let mut first = Program::start(&town, &text);
    town.until_each_has_one().await;
    let before = town.agents().await;
    first.signal("-KILL");
    first.ended().await;
    let _second = Program::start(&town, &text);
    town.until("each room has one agent, and a new one", |agents| {
        agents.iter().all(|(room, agents)| is_one(agents) && agents[0].0 != before[room][0].0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_peer_that_was_being_made_at_kill_9_does_not_stay() {
    let town = Town::new().await;
    let rooms = town.rooms(2).await;
    town.person(&rooms[0]).await;
    let text = town.text("", "[[deploy]]\nagent = \"echo\"\njoin.when = \"first-person\"");
    let mut first = Program::start(&town, &text);
    town.until("the first room is served", |agents| is_one(&agents[&rooms[0]])).await;
    // The server makes the peer, and the process is killed before it knows which.
    town.inject(Fault::Rest {
        count: 1,
        status: Some(502),
        body: String::new(),
        carried_out: true,
        only: "POST /peer".into(),
    });
    town.person(&rooms[1]).await;
    town.until("there are the one and the other", |agents| agents[&rooms[1]].len() == 2).await;
    first.signal("-KILL");
    first.ended().await;
    let _second = Program::start(&town, &text);
    town.until_each_has_one().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rolling_restart_cuts_nobody_before_the_deadline() {
    const ROOMS: usize = 10;
    let town = Town::new().await;
    let rooms = town.rooms(ROOMS).await;
    let text = town.text("drain = \"1h\"", ECHO);
    let mut old = Program::start(&town, &text);
    town.until_each_has_one().await;
    let before = town.agents().await;
    old.signal("-TERM");
    old.until_logged(1, "a second SIGTERM or Ctrl-C ends them at once").await;
    let _new = Program::start(&town, &text);
    // One room ends by itself meanwhile; a new one is the new host's.
    town.fishjam.rest().delete_room(&rooms[0]).await.unwrap();
    let fresh = town.room().await;
    town.until("the new one is served", |agents| is_one(&agents[&fresh])).await;
    let agents = town.agents().await;
    assert!(rooms[1..].iter().all(|room| agents[room].contains(&before[room][0])), "{agents:?}");
    // The deadline is an hour away: a second signal is as good.
    old.signal("-TERM");
    let (code, printed) = old.ended().await;
    assert_eq!(code, Some(0));
    assert_eq!(printed.matches("the agent left as it was told").count(), ROOMS - 1, "{printed}");
    assert_eq!(printed.matches("the room was deleted").count(), 1, "{printed}");
    assert!(printed.contains("10 sessions at the end"), "{printed}");
    town.until_each_has_one().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_signal_ends_at_once_and_properly() {
    let town = Town::new().await;
    town.rooms(3).await;
    let mut program = Program::start(&town, &town.text("drain = \"10m\"", ECHO));
    town.until_each_has_one().await;
    program.signal("-TERM");
    program.until_logged(1, "a second SIGTERM or Ctrl-C ends them at once").await;
    program.signal("-TERM");
    let (code, printed) = program.ended().await;
    assert_eq!((code, printed.matches("the agent left as it was told").count()), (Some(0), 3), "{printed}");
    assert!(town.agents().await.values().all(Vec::is_empty));
}
