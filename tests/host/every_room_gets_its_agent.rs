//! Rooms that are created, rooms that are there, rooms that come and go.

use std::time::Duration;

use crate::common::{PATIENCE, Town, until_ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_rooms_at_once_get_thirty_agents() {
    let town = Town::new().await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    until_ready(&host).await;
    assert_eq!(town.rooms(30).await.len(), 30);
    town.until_each_has_one().await;
    let sessions = host.control().sessions().await.unwrap();
    assert!(sessions.len() == 30 && sessions.iter().all(|session| session.restarts == 0), "{sessions:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rooms_that_are_there_when_it_starts_and_rooms_that_go_are_seen() {
    let town = Town::new().await;
    let rooms = town.rooms(10).await;
    let host = town.host("", "[[deploy]]\nagent = \"echo\"").await;
    town.until_each_has_one().await;
    for room in &rooms[..5] {
        town.fishjam.rest().delete_room(room).await.unwrap();
    }
    let sessions = crate::common::until(&host, "five are left", |sessions| sessions.len() == 5).await;
    assert!(sessions.iter().all(|session| rooms[5..].contains(&session.room)));
    host.control().stop().await.unwrap();
    let report = host.ended().await;
    assert_eq!(report.sessions.len(), 5);
    assert!(report.sessions.iter().all(|session| session.ending == "the agent left as it was told"));
    assert!(town.agents().await.values().all(Vec::is_empty), "nobody is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn webhooks_do_as_well_as_the_server_socket() {
    let town = Town::new().await;
    let folder = town.folder.0.display();
    town.folder.file("webhook", "webhook-secret");
    let hook =
        format!("[webhook]\nlisten = \"127.0.0.1:0\"\nsecret_file = \"{folder}/webhook\"\nmax_body = \"64KiB\"\n");
    let metrics = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
    let host =
        town.host("", &format!("{hook}{metrics}[[deploy]]\nagent = \"echo\"\njoin.when = \"first-person\"")).await;
    until_ready(&host).await;
    let url = format!("http://{}/fishjam", host.served().webhook.unwrap());
    let config = roomtone::fishjam::rest::model::RoomConfig {
        webhook_url: Some(url.clone()),
        batch_webhook_notifications: true,
        ..Default::default()
    };
    let room = town.fishjam.rest().create_room(&config).await.unwrap().id;
    town.person(&room).await;
    town.until_each_has_one().await;
    town.fishjam.rest().delete_room(&room).await.unwrap();
    crate::common::until(&host, "it is gone", |sessions| sessions.is_empty()).await;

    // What is no webhook of ours is refused, counted, and changes nothing.
    let http = reqwest::Client::new();
    let created = [0x52, 0x04, 0x0a, 0x02, b'r', b'1'];
    let signed = |body: &[u8]| roomtone::fishjam::webhook::sign(body, b"webhook-secret");
    let post = |body: Vec<u8>, signature: Option<String>| {
        let request = http.post(&url).body(body);
        match signature {
            Some(signature) => request.header("x-fishjam-signature-256", signature),
            None => request,
        }
    };
    let broken = vec![0xff; 10];
    for (body, signature, status) in [
        (created.to_vec(), None, 401),
        (created.to_vec(), Some("sha256=00".to_owned()), 401),
        (broken.clone(), Some(signed(&broken)), 400),
        (vec![0; 100_000], Some(signed(&vec![0; 100_000])), 413),
    ] {
        assert_eq!(post(body, signature).send().await.unwrap().status().as_u16(), status);
    }
    let text = http.get(format!("http://{}/metrics", host.served().metrics.unwrap())).send().await.unwrap();
    let text = text.text().await.unwrap();
    for (status, count) in [(401, 2), (400, 1), (413, 1)] {
        assert!(text.contains(&format!("roomtone_webhooks_total{{status=\"{status}\"}} {count}\n")), "{text}");
    }
    for name in roomtone::host::METRICS {
        assert!(text.contains(&format!("# TYPE roomtone_{name} ")), "{name} is not told");
    }
    assert_eq!(host.control().status().await.unwrap().rooms, 0);
    for _ in 0..2 {
        assert_eq!(post(created.to_vec(), Some(signed(&created))).send().await.unwrap().status().as_u16(), 204);
    }
    // Notifications are taken in order: once the next room is known, so is what was said before it.
    let next = [0x52, 0x04, 0x0a, 0x02, b'r', b'2'];
    assert_eq!(post(next.to_vec(), Some(signed(&next))).send().await.unwrap().status().as_u16(), 204);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let rooms = host.control().status().await.unwrap().rooms;
        assert!(rooms <= 2, "told twice, one room");
        if rooms == 2 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "in time: the second room");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
